# SPDX-License-Identifier: Apache-2.0
"""What each kind of layer does with the channels of its inputs: the rules by which groups are found."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from edgecnn.compression.channels import Axes, Flow, Numbers, Tracer
from edgecnn.models._layers import ChannelMax, ChannelMean, HardSwish
from edgecnn.tf import keras

L = keras.layers
Flows = Sequence[Flow]
Tensors = Sequence[Any]
# (what is written down, layer, flows in, tensors in, tensor out) -> flow out
Rule = Callable[[Tracer, Any, Flows, Tensors, Any], Flow]

_POSITIVE = ("relu", "relu6")  # of zero they make zero, and nothing below
_ZERO = ("linear", "tanh", "swish", "silu", "gelu", "elu", "selu", "softsign", "leaky_relu")
_SHIFTED = ("sigmoid", "hard_sigmoid", "softplus", "exponential")  # of zero they make more than zero


def follow(tracer: Tracer, layer: Any, flows: Flows, tensors: Tensors, output: Any) -> Flow:
    """Return what is known of a layer's output, and write down what it does with channels.

    Args:
        tracer: where that is written down.
        layer: of Keras 2.
        flows: what is known of each tensor that it takes.
        tensors: those.
        output: the tensor that it makes.
    """
    rule = RULES.get(type(layer))
    if rule is None or not flows or getattr(layer, "data_format", None) == "channels_first":
        return _unknown(tracer, layer, flows, tensors, output)
    return rule(tracer, layer, flows, tensors, output)


def _unknown(tracer: Tracer, layer: Any, flows: Flows, tensors: Tensors, output: Any) -> Flow:
    """Keep all channels that a layer takes and makes."""
    reason = f'layer "{layer.name}" ({type(layer).__name__}) needs all of them'
    for flow in flows:
        tracer.keep(flow.numbers, reason)
        tracer.keep_means(flow.numbers, reason)
    numbers = tracer.new(layer.name, output.shape[-1])
    tracer.keep(numbers, reason)
    return Flow(numbers, silent=False)


def _convolution(tracer: Tracer, layer: Any, flows: Flows, tensors: Tensors, output: Any) -> Flow:
    """Describe what adds up all channels into new ones: its kernel has the axes (..., in, out)."""
    if getattr(layer, "groups", 1) > 1:
        return _unknown(tracer, layer, flows, tensors, output)
    groups = tracer.new(layer.name, output.shape[-1])
    last = len(layer.weights[0].shape) - 1
    out, into = (last - 1, last) if isinstance(layer, L.Conv2DTranspose) else (last, last - 1)
    kernel = Axes({out: groups}, {into: flows[0].numbers})
    tracer.weights(layer.name, kernel, *_bias(layer, groups))
    return _activated(tracer, layer, Flow(groups))


def _depthwise(tracer: Tracer, layer: Any, flows: Flows, tensors: Tensors, output: Any) -> Flow:
    """Describe what makes of each channel one or several: its kernel has the axes (..., in, multiplier)."""
    given = flows[0].numbers
    _keep_means(tracer, layer, flows)
    groups = np.repeat(given, layer.depth_multiplier)
    tracer.weights(layer.name, Axes({2: given}), *_bias(layer, groups))
    return _activated(tracer, layer, Flow(groups))


def _separable(tracer: Tracer, layer: Any, flows: Flows, tensors: Tensors, output: Any) -> Flow:
    """Describe a depthwise convolution and a pointwise one, of which only the second has a bias."""
    given = flows[0].numbers
    _keep_means(tracer, layer, flows)
    groups = tracer.new(layer.name, output.shape[-1])
    pointwise = Axes({3: groups}, {2: np.repeat(given, layer.depth_multiplier)})
    tracer.weights(layer.name, Axes({2: given}), pointwise, *_bias(layer, groups))
    return _activated(tracer, layer, Flow(groups))


def _bias(layer: Any, made: Numbers) -> tuple[Axes, ...]:
    return (Axes({0: made}),) if layer.use_bias else ()


def _normalization(tracer: Tracer, layer: Any, flows: Flows, tensors: Tensors, output: Any) -> Flow:
    """Describe batch normalization over the last axis, all of whose weights are (channels,)."""
    if list(layer.axis) != [len(output.shape) - 1]:
        return _unknown(tracer, layer, flows, tensors, output)
    _keep_means(tracer, layer, flows)
    given = flows[0].numbers
    tracer.weights(layer.name, *(Axes({0: given}) for _ in layer.weights))
    return Flow(given, silent=layer.scale or flows[0].silent)


def _prelu(tracer: Tracer, layer: Any, flows: Flows, tensors: Tensors, output: Any) -> Flow:
    _keep_means(tracer, layer, flows)
    last = len(layer.alpha.shape) - 1
    if layer.alpha.shape[last] == len(flows[0].numbers):
        tracer.weights(layer.name, Axes({last: flows[0].numbers}))
    return replace(flows[0], positive=False)


def _activation(tracer: Tracer, layer: Any, flows: Flows, tensors: Tensors, output: Any) -> Flow:
    return _activated(tracer, layer, flows[0])


def _activated(tracer: Tracer, layer: Any, flow: Flow) -> Flow:
    name = getattr(layer.activation, "__name__", "").removesuffix("_v2")
    if name not in ("linear", *_POSITIVE):  # those let a factor through
        _keep_means(tracer, layer, [flow])
    if name in _ZERO:
        return replace(flow, positive=flow.positive and name != "gelu")
    if name in (*_POSITIVE, *_SHIFTED):
        return replace(flow, silent=flow.silent and name in _POSITIVE, positive=True)
    # A softmax, say, divides by the sum over all channels.
    tracer.keep(flow.numbers, f'activation {name or "of its own"} of layer "{layer.name}" needs all of them')
    return Flow(flow.numbers, silent=False)


def _relu(tracer: Tracer, layer: Any, flows: Flows, tensors: Tensors, output: Any) -> Flow:
    plain = layer.max_value is None and not layer.threshold and not layer.negative_slope
    if not plain:
        _keep_means(tracer, layer, flows)
    return replace(flows[0], positive=flows[0].positive or not layer.negative_slope)


def _each_value(tracer: Tracer, layer: Any, flows: Flows, tensors: Tensors, output: Any) -> Flow:
    """Describe a function of single values that is zero for zero."""
    _keep_means(tracer, layer, flows)
    return replace(flows[0], positive=False)


def _rescaling(tracer: Tracer, layer: Any, flows: Flows, tensors: Tensors, output: Any) -> Flow:
    if np.ndim(layer.scale) or np.ndim(layer.offset):  # one for each channel, which are no weights
        return _unknown(tracer, layer, flows, tensors, output)
    _keep_means(tracer, layer, flows)
    return Flow(flows[0].numbers, flows[0].silent and not layer.offset)


def _same(tracer: Tracer, layer: Any, flows: Flows, tensors: Tensors, output: Any) -> Flow:
    """Describe what picks, repeats or averages values of each channel by itself."""
    return flows[0]


def _mean(tracer: Tracer, layer: Any, flows: Flows, tensors: Tensors, output: Any) -> Flow:
    """Describe the mean over channels: of fewer it is larger, which who reads it makes good."""
    _keep_means(tracer, layer, flows)
    if not flows[0].silent:
        return _unknown(tracer, layer, flows, tensors, output)
    return Flow(tracer.mean(layer.name, flows[0]), positive=flows[0].positive)


def _maximum(tracer: Tracer, layer: Any, flows: Flows, tensors: Tensors, output: Any) -> Flow:
    """Describe the maximum over channels, which a channel of zeros changes only among negative ones."""
    _keep_means(tracer, layer, flows)
    if not (flows[0].silent and flows[0].positive):
        return _unknown(tracer, layer, flows, tensors, output)
    numbers = tracer.new(layer.name, 1)
    tracer.keep(numbers, "it is a maximum over channels")
    return Flow(numbers, positive=True)


def _merge(tracer: Tracer, layer: Any, flows: Flows, tensors: Tensors, output: Any) -> Flow:
    """Describe what takes values at the same place of several tensors; one channel may meet many."""
    _keep_means(tracer, layer, flows)
    widest = max(len(flow.numbers) for flow in flows)
    wide = [flow.numbers for flow in flows if len(flow.numbers) == widest]
    tracer.join(*wide)
    if isinstance(layer, L.Multiply):
        silent = any(flow.silent for flow in flows if len(flow.numbers) == widest)
    else:
        silent = all(flow.silent for flow in flows)
    positive = not isinstance(layer, L.Subtract) and all(flow.positive for flow in flows)
    return Flow(wide[0], silent, positive)


_MERGING = (L.Add, L.Average, L.Subtract, L.Multiply, L.Maximum, L.Minimum)


def _concatenation(tracer: Tracer, layer: Any, flows: Flows, tensors: Tensors, output: Any) -> Flow:
    silent, positive = (all(getattr(flow, name) for flow in flows) for name in ("silent", "positive"))
    numbers = [flow.numbers for flow in flows]
    if layer.axis in (-1, len(output.shape) - 1):
        return Flow(np.concatenate(numbers), silent, positive)
    _keep_means(tracer, layer, flows)
    tracer.join(*numbers)
    return Flow(numbers[0], silent, positive)


def _reshape(tracer: Tracer, layer: Any, flows: Flows, tensors: Tensors, output: Any) -> Flow:
    """Describe what keeps the order of values: the channels at each place must stay the same ones."""
    before, after = tensors[0].shape[1:], output.shape[1:]
    if None in (*before, *after):
        return _unknown(tracer, layer, flows, tensors, output)
    numbers = np.broadcast_to(flows[0].numbers, before).reshape(-1, after[-1])
    if (numbers != numbers[0]).any():
        return _unknown(tracer, layer, flows, tensors, output)
    return replace(flows[0], numbers=numbers[0].copy())


def _permutation(tracer: Tracer, layer: Any, flows: Flows, tensors: Tensors, output: Any) -> Flow:
    if layer.dims[-1] != len(layer.dims):
        return _unknown(tracer, layer, flows, tensors, output)
    return flows[0]


def _keep_means(tracer: Tracer, layer: Any, flows: Flows) -> None:
    """Note that a layer doesn't let a factor through, by which a mean of fewer channels has grown."""
    for flow in flows:
        tracer.keep_means(flow.numbers, f'layer "{layer.name}" ({type(layer).__name__}) takes their mean')


_SAME = (
    *(L.MaxPooling1D, L.MaxPooling2D, L.AveragePooling1D, L.AveragePooling2D),
    *(L.GlobalMaxPooling1D, L.GlobalMaxPooling2D, L.GlobalAveragePooling1D, L.GlobalAveragePooling2D),
    *(L.ZeroPadding1D, L.ZeroPadding2D, L.Cropping1D, L.Cropping2D, L.UpSampling1D, L.UpSampling2D),
    *(L.Dropout, L.SpatialDropout1D, L.SpatialDropout2D, L.GaussianNoise, L.GaussianDropout, L.AlphaDropout),
    *(L.Resizing, L.ActivityRegularization),
)
RULES: dict[Any, Rule] = {
    **dict.fromkeys(_SAME, _same),
    **dict.fromkeys((L.Conv1D, L.Conv2D, L.Conv2DTranspose, L.Dense), _convolution),
    **dict.fromkeys(_MERGING, _merge),
    **dict.fromkeys((L.Flatten, L.Reshape), _reshape),
    **dict.fromkeys((L.LeakyReLU, L.ELU, HardSwish), _each_value),
    L.DepthwiseConv2D: _depthwise,
    L.SeparableConv2D: _separable,
    L.BatchNormalization: _normalization,
    L.PReLU: _prelu,
    L.Activation: _activation,
    L.ReLU: _relu,
    L.Rescaling: _rescaling,
    L.Concatenate: _concatenation,
    L.Permute: _permutation,
    ChannelMean: _mean,
    ChannelMax: _maximum,
}
