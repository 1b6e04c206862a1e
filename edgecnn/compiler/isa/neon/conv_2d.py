# SPDX-License-Identifier: Apache-2.0
"""CONV_2D for NEON: four channels times two columns, 16 taps of each at once."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler.ir import Graph
from edgecnn.compiler.isa.neon import packing
from edgecnn.compiler.kernel import Kernel, Line
from edgecnn.compiler.ops._linear import Linear
from edgecnn.compiler.ops.conv_2d import CONV_2D
from edgecnn.compiler.steps import Step

KERNEL = CONV_2D.but(
    Line.shape("int32_t blocks", "of 16 taps in a column, the last filled up with zeros"),
    Line.trained("const int8_t *filter", "for four channels after the other, as kernel_dot_4x2 takes them"),
    packing.SHIFT,
    isa="neon",
)


def faster(graph: Graph, step: Step) -> tuple[Step, ...]:
    """Return one way, or none where two products may not fit 16 bits."""
    linear = Linear.of(graph, step.operator)
    return ways(step, linear, linear.weights.reshape(len(linear.weights), -1))


def ways(step: Step, linear: Linear, matrix: NDArray[np.int8], kernel: Kernel = KERNEL) -> tuple[Step, ...]:
    """Return one way to do what a step does with weights int8[channels, taps], or none, as `faster`."""
    if not packing.fits(linear):
        return ()
    filters = packing.pack(matrix, kernel.narrow)
    blocks, sums = filters.shape[1], int(step.params["out_w"]) * len(matrix)
    return (
        replace(
            step,
            kernel=kernel,
            params=kernel.take(packing.params(step), blocks=blocks, filter=filters),
            working=4 * sums + 2 * packing.TAPS * blocks,
            arguments=("part", "working"),
        ),
    )
