# SPDX-License-Identifier: Apache-2.0
"""CONV_2D for NEON: four channels times two columns, 16 taps of each at once."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import neon
from edgecnn.compiler.ir import Graph
from edgecnn.compiler.linear import Linear
from edgecnn.compiler.steps import Step


def faster(graph: Graph, step: Step) -> tuple[Step, ...]:
    """Return one way, or none where two products may not fit 16 bits."""
    weights = Linear.of(graph, step.operator, channel_axis=0).weights
    return ways(step, weights.reshape(len(weights), -1))


def ways(step: Step, matrix: NDArray[np.int8]) -> tuple[Step, ...]:
    """Return one way to do what a step does with weights int8[channels, taps], or none, as `faster`."""
    if not neon.fits(matrix):
        return ()
    filters = neon.pack(matrix)
    blocks, sums = filters.shape[1], int(step.params["out_w"]) * len(matrix)
    return (
        replace(
            step,
            kernel="conv_2d.neon",
            params={**neon.params(step), "blocks": blocks, "filter": filters},
            working=4 * sums + 2 * neon.TAPS * blocks,
            arguments=("part", "working"),
        ),
    )
