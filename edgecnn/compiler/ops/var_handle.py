# SPDX-License-Identifier: Apache-2.0
"""VAR_HANDLE: a variable, which outlives an inference."""

from edgecnn.compiler.ops import _moving

LITERT_STEPS = None  # a pass has made an edge of it
macs = _moving.macs
