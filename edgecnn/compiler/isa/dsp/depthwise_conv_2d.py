# SPDX-License-Identifier: Apache-2.0
"""DEPTHWISE_CONV_2D for the DSP instructions.

3x3 is computed over pairs of rows, other windows tap by tap, and one channel as the CONV_2D that it is.
"""

from dataclasses import replace

from edgecnn.compiler.ir import Graph
from edgecnn.compiler.isa import short_scale
from edgecnn.compiler.isa.dsp import conv_2d
from edgecnn.compiler.kernel import Line
from edgecnn.compiler.ops._linear import Linear
from edgecnn.compiler.ops.depthwise_conv_2d import DEPTHWISE_CONV_2D, as_conv_2d
from edgecnn.compiler.steps import Step

_ANY = DEPTHWISE_CONV_2D.but(
    short_scale.GENERAL_SCALE,
    name="depthwise_conv_2d_any",
    isa="dsp",
    without="depth_multiplier",
    sums=short_scale.APART,
)
_KERNEL = _ANY.but(
    Line.plan("int16_t columns", "at once: even"),
    Line.trained("const int8_t *filter", "HWC, 3 x 3"),
    name=DEPTHWISE_CONV_2D.name,
    without="filter_h filter_w dilation_w",
)

_PAIRED = {"filter_h": 3, "filter_w": 3, "dilation_w": 1}
_COLUMNS = {1: 12, 2: 8}  # at once, by stride: more save little and cost memory


def faster(graph: Graph, step: Step) -> tuple[Step, ...]:
    """Return ways faster than the portable `step`, or none for few channels or several filters for each."""
    linear = Linear.of(graph, step.operator)
    width = graph.output(step.operator).shape[2]
    if step.params["in_c"] == 1:
        return conv_2d.ways(as_conv_2d(step, width), linear, linear.weights[0].transpose(2, 0, 1))
    if int(step.params["in_c"]) < 4 or step.params["depth_multiplier"] != 1:
        return ()
    general = int(short_scale.needs_general_scale(linear))
    stride = int(step.params["stride_w"])
    if stride not in _COLUMNS or any(step.params[name] != value for name, value in _PAIRED.items()):
        return (replace(step, kernel=_ANY, params=_ANY.take(step.params, general_scale=general)),)
    columns = min(width + width % 2, _COLUMNS[stride])
    words = 20 + columns + 8 * ((columns - 1) * stride + 3)  # weights, sums, pairs
    return (
        replace(
            step,
            kernel=_KERNEL,
            params=_KERNEL.take(step.params, columns=columns, general_scale=general),
            working=4 * words,
            arguments=("columns", "working"),
        ),
    )
