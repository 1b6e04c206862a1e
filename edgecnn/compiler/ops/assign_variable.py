# SPDX-License-Identifier: Apache-2.0
"""ASSIGN_VARIABLE: what the next inference reads."""

from edgecnn.compiler.ops import _moving

macs = _moving.macs
