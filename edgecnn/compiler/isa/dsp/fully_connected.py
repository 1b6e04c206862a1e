# SPDX-License-Identifier: Apache-2.0
"""FULLY_CONNECTED for the DSP instructions: pairs of outputs times a stretch of the input in 16 bits."""

from dataclasses import replace

import numpy as np

from edgecnn.compiler.ir import Graph
from edgecnn.compiler.isa import short_scale
from edgecnn.compiler.isa.dsp import packing
from edgecnn.compiler.kernel import Kernel, Line
from edgecnn.compiler.ops._linear import Linear
from edgecnn.compiler.ops.fully_connected import FULLY_CONNECTED
from edgecnn.compiler.steps import Step

KERNEL = FULLY_CONNECTED.but(
    Line.shape("int32_t row", "bytes of one row of the input"),
    Line.plan("int16_t chunk, channels", "taps and outputs at once: multiples of 4 and 2"),
    short_scale.GENERAL_SCALE,
    Line.trained(
        "const int32_t *filter",
        "row after row, in each chunk after chunk, outputs after outputs, see kernel_dot_2",
    ),
    isa="dsp",
    without="in",
    sums=short_scale.APART,
)

_CHUNK = (
    256  # taps at once: so few that the sum of any weights, times 256 (4096 of int4), stays within 32 bits
)
_CHANNELS = 32  # at once


def faster(graph: Graph, step: Step) -> tuple[Step, ...]:
    """Return a faster way than the portable `step`, or none where 16 bits don't hold the weights."""
    return ways(graph, step, KERNEL)


def ways(graph: Graph, step: Step, kernel: Kernel) -> tuple[Step, ...]:
    """Return the way that a kernel has over weights of its type, or none."""
    linear = Linear.of(graph, step.operator)
    outputs, row = len(linear.weights), int(step.params["row"])
    channels = min(_CHANNELS, outputs + outputs % 2)
    rows = linear.weights.reshape(outputs, -1, row)
    packed = [
        packing.pack_pairs(rows[:, y, at : at + _CHUNK], _CHUNK, channels, kernel.narrow)
        for y in range(rows.shape[1])
        for at in range(0, row, _CHUNK)
    ]
    whole = [part for part in packed if part is not None]
    if not linear.may_choose(len(whole) == len(packed)):
        return ()
    params = kernel.take(
        step.params,
        chunk=_CHUNK,
        channels=channels,
        general_scale=int(short_scale.needs_general_scale(linear)),
        filter=np.concatenate(whole),
    )
    return (
        replace(
            step,
            kernel=kernel,
            params=params,
            scratch=4 * outputs,
            working=4 * (_CHUNK // 2 + channels),
            arguments=("part", "sums", "working"),
        ),
    )
