# SPDX-License-Identifier: Apache-2.0
"""CALL_ONCE: values of variables before the first inference."""

from edgecnn.compiler.ops import _moving

LITERT_STEPS = None  # a pass has made an edge of it
macs = _moving.macs
