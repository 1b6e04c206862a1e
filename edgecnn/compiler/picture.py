# SPDX-License-Identifier: Apache-2.0
"""What numbers a model takes for the bytes of a picture.

A file says so in its metadata, or by the range of its input's scale. Most of today's take 0 to 1; those of
TensorFlow's own examples -1 to 1, others the bytes as they are.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler.geometry import quantization_of
from edgecnn.compiler.ir import Graph, Normalization, Quantization
from edgecnn.compiler.passes.integer_edges import integer_edges
from edgecnn.compiler.quant import limits
from edgecnn.errors import ModelError

UNIT = Normalization((0.0,), (255.0,))
BYTES = Normalization((0.0,), (1.0,))
_KNOWN = ((0, 1), (-1, 1), (0, 255), (-128, 127))  # by which networks for pictures are trained
_NEAR = 0.1  # of a known range: where the pictures that a scale was taken from weren't all black to all white


def of_range(low: float, high: float) -> Normalization:
    """Return what makes 0 to 255 the range from `low` to `high`."""
    deviation = 255 / (high - low)
    return Normalization((-low * deviation,), (deviation,))


def normalization_of(graph: Graph) -> Normalization | None:
    """Return how a model takes pictures; None where neither metadata nor a known range tells it."""
    if graph.normalization is not None:
        return graph.normalization
    inner = integer_edges(graph)
    image = inner.tensors[inner.inputs[0]]
    if image.quantization is None or image.dtype not in ("int8", "uint8"):
        return UNIT
    return _by_scale(image.quantization, image.dtype)


def require_normalization(graph: Graph) -> Normalization:
    """Return how a model takes pictures.

    Raises:
        ModelError: nothing tells.
    """
    if (normalization := normalization_of(graph)) is not None:
        return normalization
    inner = integer_edges(graph)
    image = inner.tensors[inner.inputs[0]]
    raise ModelError(unknown_range(graph.name, quantization_of(image), image.dtype))


def unknown_range(name: str, quantization: Quantization, dtype: str) -> str:
    """Return what to say where nothing tells what a byte of a picture is to the model of that name."""
    low, high = _range(quantization, dtype)
    known = ", ".join(f"{lowest}:{highest}" for lowest, highest in _KNOWN)
    return (
        f"{name}: its input holds {low:.4g} to {high:.4g}, which is no range that pictures are known by "
        f"({known}); write it anew with the right one: edgecnn export {name} --input-range LOW:HIGH, or "
        "--mean and --std"
    )


def _by_scale(quantization: Quantization, dtype: str) -> Normalization | None:
    """Return what the range of an input tells, or None.

    Where that is a known one to a step, a byte is its value, as TFLite's own examples feed them.
    """
    held = _range(quantization, dtype)
    known = min(_KNOWN, key=lambda ends: _distance(held, ends))
    distance = _distance(held, known)
    if distance <= 1.01 * quantization.scale:
        mean = float(quantization.zero_point - limits(dtype)[0])
        return Normalization((mean,), (1 / quantization.scale,))
    return of_range(*known) if distance <= _NEAR * (known[1] - known[0]) else None


def _range(quantization: Quantization, dtype: str) -> tuple[float, float]:
    lowest, highest = (quantization.scale * (end - quantization.zero_point) for end in limits(dtype))
    return lowest, highest


def _distance(held: tuple[float, float], known: tuple[float, float]) -> float:
    return max(abs(end - other) for end, other in zip(held, known, strict=True))


def as_values(images: NDArray[np.uint8], table: NDArray[Any]) -> NDArray[Any]:
    """Return what a model takes for the bytes of images.

    Args:
        images: (..., channels).
        table: (256, 1) or (256, channels), of `quant.byte_table`.
    """
    channels = images.shape[-1]
    return np.asarray(np.broadcast_to(table, (256, channels))[images, np.arange(channels)])
