# SPDX-License-Identifier: Apache-2.0
"""READ_VARIABLE: what the last inference has assigned."""

from edgecnn.compiler.ops import _moving

LITERT_STEPS = None  # a pass has made an edge of it
macs = _moving.macs
