# SPDX-License-Identifier: Apache-2.0
"""VAR_HANDLE: a variable, which outlives an inference."""

from edgecnn.compiler.ops import _moving

macs = _moving.macs
