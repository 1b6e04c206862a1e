# SPDX-License-Identifier: Apache-2.0
"""Weights of four bits, imitated in training: which layers can have them, and what each loses by them.

For each channel the weights are -7 to 7 times a step, which is chosen anew for each batch: of some clippings
of the largest weight the one that moves the weights least. Gradients pass as if nothing were rounded
(straight-through estimator, Bengio et al. 2013, arXiv:1308.3432).
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgecnn.compression.filters import answers_of
from edgecnn.tf import keras, tf

_MOST = 7  # symmetric
_CLIPPINGS = (1.0, 0.9, 0.8, 0.7)  # of the largest weight of a channel
_SHOWN = 1024  # images tell how much a layer loses
L = keras.layers


@dataclass(frozen=True)
class Layer:
    """A layer that can have weights of four bits, in a quantization-aware model.

    Attributes:
        name: as the float model has it.
        wrapper: the toolkit's, around the layer.
        size: how many weights.
    """

    name: str
    wrapper: Any
    size: int


def candidates(quantized: Any) -> list[Layer]:
    """Return the layers of a quantization-aware model that can have weights of four bits."""
    return [
        Layer(wrapper.layer.name, wrapper, int(np.prod(wrapper._weight_vars[0][0].shape)))
        for wrapper in quantized.layers
        if isinstance(getattr(wrapper, "layer", None), (L.Conv2D, L.DepthwiseConv2D, L.Dense))
        and not isinstance(wrapper.layer, L.Conv2DTranspose)
        and len(wrapper._weight_vars) == 1
    ]


def imitate_four_bits(layers: Collection[Layer]) -> None:
    """Let these layers compute with weights of four bits, in place of eight."""
    for layer in layers:
        [(weights, _, variables)] = layer.wrapper._weight_vars
        layer.wrapper._weight_vars = [(weights, _FourBits(_axes(layer.wrapper.layer)), variables)]


def sensitivities(quantized: Any, layers: Collection[Layer], images: Any) -> dict[str, float]:
    """Return by how much four bits in each layer alone move a model's answers: the mean square, by name.

    Args:
        quantized: a quantization-aware model that imitates eight bits.
        layers: its candidates.
        images: uint8 (n, h, w, c), of which some are shown.
    """
    shown = images[:_SHOWN]
    whole = answers_of(quantized, shown)
    moved = {}
    for layer in layers:
        with _alone(layer):
            moved[layer.name] = float(np.mean((answers_of(quantized, shown) - whole) ** 2))
    return moved


@contextmanager
def _alone(layer: Layer) -> Iterator[None]:
    before = layer.wrapper._weight_vars
    imitate_four_bits([layer])
    try:
        yield
    finally:
        layer.wrapper._weight_vars = before


def _axes(layer: Any) -> tuple[int, ...]:
    """Return along which axes a layer's weights share a step: all but those of the channels that it makes."""
    if isinstance(layer, L.DepthwiseConv2D):
        return (0, 1)
    return tuple(range(len(layer.kernel.shape) - 1))


class _FourBits:
    """A quantizer of the toolkit's, as its wrappers call it."""

    def __init__(self, axes: tuple[int, ...]) -> None:
        self._axes = axes

    def __call__(self, inputs: Any, training: Any, weights: Any, **_: Any) -> Any:
        """Return weights on the nearest of 15 steps."""
        largest = tf.reduce_max(tf.abs(inputs), axis=self._axes, keepdims=True)
        best, least = inputs, None
        for clipping in _CLIPPINGS:
            step = tf.maximum(clipping * largest / _MOST, keras.backend.epsilon())
            rounded = tf.clip_by_value(tf.round(inputs / step), -_MOST, _MOST) * step
            error = tf.reduce_sum((rounded - inputs) ** 2, axis=self._axes, keepdims=True)
            best = rounded if least is None else tf.where(error < least, rounded, best)
            least = error if least is None else tf.minimum(error, least)
        return inputs + tf.stop_gradient(best - inputs)
