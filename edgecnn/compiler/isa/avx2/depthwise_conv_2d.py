# SPDX-License-Identifier: Apache-2.0
"""DEPTHWISE_CONV_2D for AVX2 and AVX-512: 16 outputs of a row at once, whatever channels they are of.

Four rows of the input are interleaved first, so that each output's products of a column lie together.
One channel is computed as the CONV_2D that it is.
"""

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler.ir import Graph
from edgecnn.compiler.isa.avx2 import conv_2d, packing
from edgecnn.compiler.kernel import Line
from edgecnn.compiler.ops._linear import Linear
from edgecnn.compiler.ops.depthwise_conv_2d import DEPTHWISE_CONV_2D, as_conv_2d
from edgecnn.compiler.steps import Step

_KERNEL = DEPTHWISE_CONV_2D.but(
    Line.shape("int32_t in_w, in_c, out_w"),
    packing.SCALING,
    Line.shape("int16_t blocks", "of 16 outputs in a row, until their channels are the same again"),
    Line.trained("const int8_t *filter", "for each block: rows in fours, columns, 16 channels of four rows"),
    Line.trained("const int32_t *scale", "for each block: what scales them"),
    isa="avx2",
    without="depth_multiplier bias multiplier shift",
    sums=None,
)


def faster(graph: Graph, step: Step) -> tuple[Step, ...]:
    """Return a faster way than the portable `step`, or none for several filters for each channel."""
    linear = Linear.of(graph, step.operator)
    width = graph.output(step.operator).shape[2]
    if step.params["in_c"] == 1:
        return conv_2d.ways(as_conv_2d(step, width), linear, linear.weights[0].transpose(2, 0, 1))
    if step.params["depth_multiplier"] != 1:
        return ()
    size = {name: int(value) for name, value in step.params.items() if isinstance(value, int)}
    blocks = size["in_c"] // math.gcd(size["in_c"], packing.LANES)
    channels = np.arange(blocks * packing.LANES) % size["in_c"]
    extent = (size["filter_w"] - 1) * size["dilation_w"] + 1
    plane = -(-((width - 1) * size["stride_w"] + extent) // size["stride_w"]) * size["in_c"] + packing.LANES
    fours = -(-size["filter_h"] // packing.TAPS)
    params = _KERNEL.take(
        step.params,
        out_w=width,
        blocks=blocks,
        filter=_pack(linear.weights[0], channels),
        **packing.scaling(linear, channels),
    )
    return (
        replace(
            step,
            kernel=_KERNEL,
            params=params,
            working=packing.TAPS * packing.WIDE * fours * size["stride_w"] * plane,
            arguments=("columns", "working"),
        ),
    )


def _pack(weights: NDArray[np.int8], channels: NDArray[np.intp]) -> NDArray[np.int8]:
    """Return weights int8[h, w, c] for LANES of `channels` after the other: rows in fours, columns, lanes."""
    padded = np.pad(weights, ((0, -len(weights) % packing.TAPS), (0, 0), (0, 0)))
    lanes = padded[:, :, channels].reshape(
        -1, packing.TAPS, weights.shape[1], len(channels) // packing.LANES, packing.LANES
    )
    return lanes.transpose(3, 0, 2, 4, 1).ravel()
