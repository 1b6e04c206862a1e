# SPDX-License-Identifier: Apache-2.0
"""Causes of drift that are known, each recognized by a function, which says what to do."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from edgecnn.compiler import ops, reference
from edgecnn.compiler.ir import Graph, Operator, Quantization, short_name
from edgecnn.compiler.ops import add, conv_2d, depthwise_conv_2d, fully_connected, mul, quantize, softmax
from edgecnn.compiler.passes.integer_edges import integer_edges
from edgecnn.compiler.quant import limits
from edgecnn.errors import ModelError
from edgecnn.evaluation.drift import Reals, snr_db
from edgecnn.pipeline.drift.trace import INTEGERS, Trace, quantized, real

_Same = Mapping[int, int]  # tensors of the first model by those of the second
_Cause = Callable[[Trace, Trace, _Same], Iterator[str]]
_CAUSES: list[_Cause] = []
_OUTLIER = 16.0  # times the median of channels: fewer than 4 of 8 bits are left to the others
_BEYOND = 0.05  # part of the values that a scale may cut off: training with int8 imitated does so, too
_GAIN_DB = 10.0  # by which another order of channels has to be better
_IMAGES = 5  # dimensions of values that have channels: inferences, and those of a tensor
_ALIKE = 0.1  # between the largest and the least logit: probabilities then differ by a tenth
_BIAS = 1e-3  # relative: what float32 rounds is a thousand times less
_WEIGHTED = (conv_2d, depthwise_conv_2d, fully_connected)


def advice(first: Trace, second: Trace, same: _Same) -> list[str]:
    """Return a sentence for each cause that is recognized in how the second model differs from the first."""
    return [sentence for cause in _CAUSES for sentence in cause(first, second, same)]


def _cause(recognize: _Cause) -> _Cause:
    _CAUSES.append(recognize)
    return recognize


def _title(graph: Graph, number: int) -> str:
    return f'"{short_name(graph.tensors[number].name)}"'


def _quantized_pairs(first: Trace, second: Trace, same: _Same) -> Iterator[tuple[int, Reals, Quantization]]:
    """Yield integers of the second model: their tensor, the first's values, and their scale."""
    for number, partner in same.items():
        tensor = second.graph.tensors[number]
        if tensor.dtype in INTEGERS and tensor.quantization is not None and partner in first.values:
            yield number, first.real(partner), tensor.quantization


@_cause
def cut_off(first: Trace, second: Trace, same: _Same) -> Iterator[str]:
    """Values beyond what a scale holds: calibrated on other data, or fed another range."""
    for number, values, _ in _quantized_pairs(first, second, same):
        tensor = second.graph.tensors[number]
        low, high = (float(end) for end in real(np.array(limits(tensor.dtype)), tensor))
        step = (high - low) / 255
        part = float(np.mean((values < low - step) | (values > high + step)))
        if part <= _BEYOND:
            continue
        told = (
            f"{part:.0%} of the values of {_title(second.graph, number)} lie beyond {low:.4g} to {high:.4g}"
        )
        if number in second.graph.inputs or _is_image(second.graph, number):
            yield f"{told}: the model is fed another range than it takes; see --input-range of export"
        else:
            yield f"{told}: the representative data were unlike these; quantize with more of them"


def _is_image(graph: Graph, number: int) -> bool:
    producer = graph.producer(number)
    return producer is not None and producer.inputs[0] in graph.inputs and ops.is_a(producer, quantize)


@_cause
def outlier_channel(first: Trace, second: Trace, same: _Same) -> Iterator[str]:
    """One channel that is so much larger than the others that they have few steps of the scale left."""
    for number, values, _ in _quantized_pairs(first, second, same):
        largest = np.abs(values).reshape(-1, values.shape[-1]).max(axis=0)
        usual = float(np.median(largest))
        if values.ndim == _IMAGES and len(largest) > 2 and usual > 0 and largest.max() > _OUTLIER * usual:
            yield (
                f"channel {int(largest.argmax())} of {_title(second.graph, number)} reaches "
                f"{largest.max() / usual:.0f} times what channels usually do, which leaves the others "
                f"{255 * usual / largest.max():.0f} steps of the scale; clip it by a ReLU6"
            )


@_cause
def weights_of_one_scale(first: Trace, second: Trace, same: _Same) -> Iterator[str]:
    """Filters of very different size that share one scale."""
    for operator in second.graph.operators:
        if not ops.is_a(operator, conv_2d, depthwise_conv_2d):
            continue
        weights = second.graph.input(operator, 1)
        if weights.data is None or weights.quantization is None or weights.quantization.per_channel:
            continue
        axis = 3 if ops.is_a(operator, depthwise_conv_2d) else 0
        sizes = np.abs(real(weights.data, weights)).max(axis=tuple(i for i in range(4) if i != axis))
        usual = float(np.median(sizes))
        if usual > 0 and sizes.max() > _OUTLIER * usual:
            yield (
                f"{second.graph.describe(operator)} has one scale for all filters, the largest being "
                f"{sizes.max() / usual:.0f} times as large as usual; quantize weights per channel"
            )


@_cause
def order_of_channels(first: Trace, second: Trace, same: _Same) -> Iterator[str]:
    """A first operator that fits better when it reads blue as red."""
    try:
        graph = reference.basic(integer_edges(second.graph))
    except ModelError:
        return
    for operator in graph.operators[:1]:
        number, output = operator.inputs[0], operator.outputs[0]
        known = same.get(number) in first.values and same.get(output) in first.values
        if not known or graph.tensors[number].shape[-1] != 3 or graph.tensors[number].dtype not in INTEGERS:
            continue
        values, right = first.real(same[number]), first.real(same[output])
        as_is, turned = (_fit(graph, operator, each, right) for each in (values, values[..., ::-1]))
        if as_is is not None and (turned is None or turned > as_is + _GAIN_DB):
            yield f"{graph.describe(operator)} fits when it reads its channels in reverse, as BGR for RGB"


def _fit(graph: Graph, operator: Operator, values: Reals, right: Reals) -> float | None:
    tensor, output = graph.input(operator, 0), graph.output(operator)
    op = ops.require(graph, operator)
    rows = [op.reference(graph, operator, [row]) for row in quantized(values, tensor)]
    return snr_db(right, real(np.stack(rows), output))


@_cause
def tiny_logits(first: Trace, second: Trace, same: _Same) -> Iterator[str]:
    """A softmax that can tell nothing apart."""
    for operator in second.graph.operators:
        partner = same.get(operator.inputs[0])
        if ops.is_a(operator, softmax) and partner in first.values:
            logits = first.real(partner)
            if float((logits.max(axis=-1) - logits.min(axis=-1)).max()) < _ALIKE:
                yield (
                    f"the logits before {second.graph.describe(operator)} differ by less than {_ALIKE:g}, so "
                    "that int8 can't tell the classes apart; train longer, or without so much regularization"
                )


@_cause
def normalization_apart(first: Trace, second: Trace, same: _Same) -> Iterator[str]:
    """A batch normalization that was not folded into the convolution before it."""
    graph = second.graph
    for operator in graph.operators:
        if not ops.is_a(operator, mul) or not _is_constant_per_channel(graph, operator):
            continue
        before, after = graph.producer(operator.inputs[0]), graph.consumers(operator.outputs[0])
        folds = before is not None and ops.is_a(before, *_WEIGHTED) and len(after) == 1
        if folds and ops.is_a(after[0], add) and _is_constant_per_channel(graph, after[0]):
            yield (
                f"{graph.describe(operator)} and the ADD behind it are a batch normalization that could be "
                "part of the weights before them; let the converter fold it"
            )


def _is_constant_per_channel(graph: Graph, operator: Operator) -> bool:
    constant = graph.tensors[operator.inputs[1]]
    return constant.data is not None and constant.size == graph.output(operator).shape[-1]


@_cause
def scale_of_bias(first: Trace, second: Trace, same: _Same) -> Iterator[str]:
    """A bias in other units than kernels take for granted: the input's scale times the filters'."""
    graph = second.graph
    for operator in graph.operators:
        if not ops.is_a(operator, *_WEIGHTED) or len(operator.inputs) < 3 or operator.inputs[2] < 0:
            continue
        image, weights, bias = (graph.tensors[number].quantization for number in operator.inputs[:3])
        if image is None or weights is None or bias is None:
            continue
        right = np.float64(image.scale) * np.array(weights.scales)
        scales = np.array(bias.scales)
        if scales.shape == right.shape and not np.allclose(scales, right, rtol=_BIAS, atol=0):
            yield (
                f"{graph.describe(operator)} has a bias whose scale isn't that of its input times its "
                "weights', which kernels take for granted; 'edgecnn export' writes it anew"
            )
