# SPDX-License-Identifier: Apache-2.0
"""ADD of two operands, each with a scale of its own."""

from edgecnn.compiler.ops import _addition, _broadcast, _channels

channels, range_of = _channels.same, _channels.cornered
OPTIONS = _addition.AdditionOptions
check, check_ranges = _addition.check, _addition.check_ranges
reference, lower = _addition.reference, _addition.lower
macs, needs, known = _broadcast.macs, _broadcast.needs, _broadcast.is_of_shapes
turned = _broadcast.turned
