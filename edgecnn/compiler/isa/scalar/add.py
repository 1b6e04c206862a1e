# SPDX-License-Identifier: Apache-2.0
"""ADD for the DSP instructions: its scalings are those of `kernel_scale`."""

from dataclasses import replace

from edgecnn.compiler.ir import Graph
from edgecnn.compiler.isa import short_scale
from edgecnn.compiler.kernel import Line
from edgecnn.compiler.ops import _broadcast
from edgecnn.compiler.ops._addition import ADD
from edgecnn.compiler.steps import Step

_KERNEL = ADD.but(
    Line.shape("int32_t size"),
    Line.trained("int16_t first_shift, second_shift", limits=(-short_scale.MOST_RIGHT, 0)),
    Line.trained("int16_t output_shift", "less than 0", (-short_scale.MOST_RIGHT, -1)),
    isa="scalar",
    without="columns first_column second_column first_value second_value",
)


def faster(graph: Graph, step: Step) -> tuple[Step, ...]:
    """Return a faster way than the portable `step`, or none where it broadcasts or a scale is extreme."""
    right = [-int(step.params[f"{name}_shift"]) for name in ("first", "second", "output")]
    extreme = min(right) < 0 or max(right) > short_scale.MOST_RIGHT or right[2] == 0
    if (extreme and not graph.weights_apart) or not _broadcast.reads_whole_rows(step):
        return ()
    return (replace(step, kernel=_KERNEL, params=_KERNEL.take(step.params)),)
