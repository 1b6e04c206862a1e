# SPDX-License-Identifier: Apache-2.0
"""SUB of two operands, each with a scale of its own: an ADD with one sign turned."""

from edgecnn.compiler import addition, broadcast

check, check_ranges = addition.check, addition.check_ranges
reference, lower = addition.reference, addition.lower
macs, needs = broadcast.macs, broadcast.needs
