# SPDX-License-Identifier: Apache-2.0
"""How kernels of convolutions and of FULLY_CONNECTED are declared, for the types that they take."""

from dataclasses import replace

from edgecnn.compiler.kernel import INT8, INT16, PACKED, PORTABLE, Kernel, Line, Sums


def lines(order: str) -> tuple[Line, ...]:
    """Declare what all linear kernels are given over int8; `order` says how the weights lie."""
    return (
        Line.trained(
            "int16_t input_zero_point, output_zero_point, activation_min, activation_max", limits=INT8
        ),
        Line.trained("const int8_t *filter", order),
        Line.trained("const int32_t *bias", "the input's zero point folded in"),
        Line.trained("const int32_t *multiplier"),
        Line.trained("const int8_t *shift"),
    )


def over_int16(kernel: Kernel, bias: str = "") -> Kernel:
    """Declare a linear kernel over int16, where zero points are 0 and sums have 64 bits."""
    return kernel.but(
        Line.trained("int16_t activation_min, activation_max", limits=INT16),
        Line.shape("int16_t wide", "0: sums wrap to 32 bits"),
        Line.trained("const int64_t *bias", bias),
        without="input_zero_point output_zero_point",
        types="s16",
        sums=Sums(wide="wide"),
    )


def over_int4(kernel: Kernel, comment: str = "in the same order, two in a byte") -> Kernel:
    """Declare a linear kernel over weights of four bits: its C is that of int8, with primitives of its own.

    `comment` says how the weights lie.
    """
    filter_ = next(line for line in kernel.lines if "filter" in line.names)
    return kernel.but(
        replace(filter_, comment=comment), types=PACKED, like=kernel.like or kernel.isa or PORTABLE
    )
