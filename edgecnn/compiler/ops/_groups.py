# SPDX-License-Identifier: Apache-2.0
"""A CONV_2D in groups, whose filters each read some channels, as convolutions of all of theirs."""

from dataclasses import replace

import numpy as np

from edgecnn.compiler.geometry import Dilated
from edgecnn.compiler.ir import Graph, Operator, Tensor
from edgecnn.compiler.ops import _moving
from edgecnn.compiler.ops.concatenation import ConcatenationOptions


def rewrite(graph: Graph, operator: Operator, tensors: list[Tensor]) -> list[Operator]:
    """Return a SLICE and a convolution for each group, and what joins them; of one channel, a depthwise one.

    An operator without groups comes back as it is.
    """
    source, weights = graph.input(operator, 0), graph.optional_input(operator, 1)
    if weights is None or weights.data is None or len(weights.shape) != 4 or len(source.shape) != 4:
        return [operator]
    channels, (count, *_, wide) = source.shape[3], weights.shape
    if not 0 < wide < channels or channels % wide or count % (channels // wide):
        return [operator]
    if wide == 1:
        return [_depthwise(operator, weights, tensors)]
    each, parts, outputs = count * wide // channels, [], []
    for group in range(channels // wide):
        taken = _moving.add_between(tensors, source, (*source.shape[:3], wide))
        begin = (0, 0, 0, group * wide)
        parts.append(_moving.sliced(operator, operator.inputs[0], taken, begin, tensors))
        some = slice(group * each, (group + 1) * each)
        constants = [_part(tensors, number, some, count) for number in operator.inputs[1:]]
        output = graph.output(operator)
        outputs.append(_moving.add_between(tensors, output, (*output.shape[:3], each)))
        parts.append(replace(operator, inputs=(taken, *constants), outputs=(outputs[-1],)))
    options = ConcatenationOptions(activation="none", axis=-1)
    return [*parts, Operator("CONCATENATION", operator.index, tuple(outputs), operator.outputs, options)]


def _depthwise(operator: Operator, weights: Tensor, tensors: list[Tensor]) -> Operator:
    data = np.ascontiguousarray(np.asarray(weights.data).transpose(3, 1, 2, 0))
    scales = weights.quantization and replace(weights.quantization, axis=3)
    tensors.append(replace(weights, shape=data.shape, data=data, quantization=scales))
    told = {name: value for name, value in vars(operator.options).items() if name in _OF_WINDOWS}
    inputs = (operator.inputs[0], len(tensors) - 1, *operator.inputs[2:])
    return replace(operator, op="DEPTHWISE_CONV_2D", inputs=inputs, options=Dilated(**told))


_OF_WINDOWS = Dilated.__dataclass_fields__


def _part(tensors: list[Tensor], number: int, some: slice, count: int) -> int:
    """Append some channels of weights or biases, which lie along the first axis; return their number."""
    if number < 0:
        return number
    tensor = tensors[number]
    data, scales = np.asarray(tensor.data)[some], tensor.quantization
    if scales is not None and len(scales.scales) == count > 1:
        scales = replace(scales, scales=scales.scales[some], zero_points=scales.zero_points[some])
    tensors.append(replace(tensor, shape=data.shape, data=data, quantization=scales))
    return len(tensors) - 1
