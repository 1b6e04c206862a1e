# SPDX-License-Identifier: Apache-2.0
"""Weights and biases: as TensorFlow Lite has them, where they came from ONNX's order of axes."""

from dataclasses import replace

import numpy as np

from edgecnn.compiler.ir import Quantization
from edgecnn.compiler.reading.onnx.network import HIGHEST, LOWEST, Quantized
from edgecnn.compiler.reading.onnx.node import Array
from edgecnn.compiler.reading.onnx.rows._node import Node
from edgecnn.errors import ModelError

_MOST = 1 << 31
_EQUAL = 1e-5  # parts by which a bias's scale and that of the sums may differ and be the same in float32


def scales_along(scales: Array, axis: int) -> Quantization:
    """Return scales of weights, one or one for each channel along an axis."""
    return Quantization(tuple(map(float, scales)), (0,) * scales.size, axis)


def bias(node: Node, index: int, source: Quantization, scales: Array, part: tuple[int, int]) -> int:
    """Add biases, from the first to the last of a part, in steps of the sums.

    Those are the steps of the input times those of the weights.

    Raises:
        ModelError: it is no constant of one number for each channel, or 32 bits don't hold it.
    """
    count, steps = part[1] - part[0], scales.astype(np.float32) * np.float32(source.scale)
    given = node.inputs[index] if node.has(index) else np.zeros(1, np.int32)
    if not isinstance(given, Quantized | np.ndarray):
        raise ModelError(f"input {index}, its bias, must be a constant")
    real = given.real if isinstance(given, Quantized) else given
    values = real.reshape(-1)[slice(*part)] if real.size > 1 else np.repeat(real.reshape(-1), count)
    if values.dtype.kind == "f":
        values = np.rint(values.astype(np.float64) / steps)
    if isinstance(given, Quantized) and _same_steps(given, steps, part):  # exact, where float32 is not
        values = given.integers.reshape(-1)[slice(*part)]
    if values.size != count or not (np.abs(values.astype(np.float64)) < _MOST).all():
        raise ModelError(f"it has a bias of {values.size} values for {count} channels, or beyond 32 bits")
    return node.network.constant(values.astype(np.int32), scales_along(steps, 0))


def _same_steps(given: Quantized, steps: Array, part: tuple[int, int]) -> bool:
    scales = given.scales[slice(*part)] if given.scales.size > 1 else given.scales
    alike = scales.size in (1, steps.size) or steps.size == 1
    whole = given.integers.size > 1 or part == (0, 1)
    return alike and whole and not given.zero_points.any() and np.allclose(scales / steps, 1, rtol=_EQUAL)


def reading_twice(node: Node, channels: int, axis: int) -> Node:
    """Return an operator whose weights fit int8, over an input some of whose channels are there twice.

    Weights less their zero point may need nine bits: those are the sum of two, and all products stay the
    same.

    Args:
        node: the operator.
        channels: the axis of its input along which its channels lie.
        axis: that of its weights which goes along these.
    """
    source, weights = node.value(), node.weights(1)
    left = weights.integers.astype(np.int64) - weights.along(weights.zero_points)
    fits = left.min() >= LOWEST and left.max() <= HIGHEST
    if fits or weights.integers.dtype not in (np.int8, np.uint8):
        return node
    numbers, taken, parts, views = node.network.numbers(source), np.arange(left.shape[axis]), [], []
    others = tuple(one for one in range(left.ndim) if one != axis)
    while taken.size:
        some = np.clip(left, -HIGHEST, HIGHEST)
        parts.append(some.take(taken, axis))
        views.append(numbers.take(taken, channels))
        left = left - some
        taken = np.flatnonzero(left.any(axis=others))
    view = np.concatenate(views, channels)
    integers = np.concatenate(parts, axis).astype(np.int8)
    wider = replace(weights, integers=integers, zero_points=np.zeros_like(weights.zero_points))
    return node.but([replace(source, shape=view.shape, view=view, made={}), wider, *node.inputs[2:]])
