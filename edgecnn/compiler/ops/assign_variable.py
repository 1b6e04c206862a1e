# SPDX-License-Identifier: Apache-2.0
"""ASSIGN_VARIABLE: what the next inference reads."""

from edgecnn.compiler.ops import _moving

LITERT_STEPS = None  # a pass has made an edge of it
macs = _moving.macs
