# SPDX-License-Identifier: Apache-2.0
"""Where the short way to scale sums, short_scale.h's, is exact."""

from edgecnn.compiler.ops._linear import Linear

MOST_RIGHT = 21  # bits that kernel_scale may shift by


def needs_general_scale(linear: Linear) -> bool:
    """Tell whether some channel is outside the conditions of `kernel_scale`."""
    simple = (linear.bound() < 1 << 30) & (linear.shift <= -1) & (linear.shift >= -MOST_RIGHT)
    return not bool(simple.all())
