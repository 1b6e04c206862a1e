# SPDX-License-Identifier: Apache-2.0
"""What numbers a model takes for the bytes of a picture.

A file says so in its metadata, or by the range of its input's scale. Most of today's take 0 to 1; those of
TensorFlow's own examples -1 to 1, others the bytes as they are.
"""

import math
from collections.abc import Iterable, Sequence
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
_FARTHEST = 1 << 16
_NEAR = 0.1  # of a known range: where the pictures that a scale was taken from weren't all black to all white


def of_range(low: float, high: float) -> Normalization:
    """Return what makes 0 to 255 the range from `low` to `high`."""
    deviation = 255 / (high - low)
    return Normalization(_as_stored([-low * deviation]), _as_stored([deviation]))


def _as_stored(values: Iterable[float]) -> tuple[float, ...]:
    """Return numbers as metadata hold them, so that what is said is what is read back."""
    return tuple(float(np.float32(value)) for value in values)


def parse_normalization(input_range: str, mean: str, std: str) -> Normalization | None:
    """Return what options say that a picture is to a network; None where all are empty.

    Args:
        input_range: "LOW:HIGH", what black and white are.
        mean: "R,G,B" or one number, as fractions of 1, which is white; taken from each pixel first.
        std: the same; what it is divided by then.

    Raises:
        ModelError: they contradict each other, or say none.
    """
    if input_range and (mean or std):
        raise ModelError("--input-range and --mean with --std say the same in two ways; give one of them")
    if input_range:
        return of_range(*_parsed_range(input_range))
    if bool(mean) != bool(std):
        raise ModelError("--mean and --std go together: a pixel less the mean is divided by the deviation")
    return _of_fractions(mean, std) if mean else None


def parse_number_scaling(input_range: str, mean: str, std: str) -> Normalization | None:
    """Return what options say that numbers, no pictures, are to a network; None where all are empty.

    Args:
        input_range: must be empty: it is of pictures.
        mean: a number, or one for each channel and a comma between; taken from each first.
        std: the same; what it is divided by then.

    Raises:
        ModelError: they say none.
    """
    if input_range:
        raise ModelError(
            f"--input-range {input_range} is of pictures; a network of numbers takes them as they are, or "
            "less --mean and divided by --std"
        )
    if bool(mean) != bool(std):
        raise ModelError("--mean and --std go together: a number less the mean is divided by the deviation")
    if not mean:
        return None
    means, deviations = _numbers("--mean", mean), _numbers("--std", std)
    _require_deviations(means, deviations, std)
    return Normalization(means, deviations)


def _numbers(option: str, text: str) -> tuple[float, ...]:
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        values = (math.nan,)
    if not all(math.isfinite(value) for value in values):
        raise ModelError(f"{option} {text} is neither a number nor one for each channel, such as 0.1,9.8,0.3")
    return values


def _require_deviations(means: Sequence[float], deviations: Sequence[float], std: str) -> None:
    if len(means) != len(deviations):
        raise ModelError(f"--mean has {len(means)} numbers and --std {len(deviations)}; give as many of each")
    if min(deviations) <= 0:
        raise ModelError(f"--std {std} has a number that isn't above 0; a value is divided by it")


def _parsed_range(text: str) -> tuple[float, float]:
    try:
        low, high = (float(part) for part in text.split(":"))
    except ValueError:
        low, high = 0.0, 0.0
    if not -_FARTHEST <= low < high <= _FARTHEST:
        raise ModelError(f"--input-range {text} is not LOW:HIGH; give what black and white are, such as -1:1")
    return low, high


def _of_fractions(mean: str, std: str) -> Normalization:
    means, deviations = _fractions("--mean", mean), _fractions("--std", std)
    _require_deviations(means, deviations, std)
    return Normalization(*(_as_stored(255 * value for value in part) for part in (means, deviations)))


def _fractions(option: str, text: str) -> tuple[float, ...]:
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        values = ()
    if len(values) not in (1, 3) or not all(math.isfinite(value) for value in values):
        raise ModelError(f"{option} {text} is neither one number nor R,G,B, such as 0.485,0.456,0.406")
    if max(values) > 1:
        parts = ",".join(f"{value / 255:.4g}" for value in values)
        raise ModelError(
            f"{option} {text} has numbers above 1; they are fractions of white, as torchvision has them: if "
            f"they are of bytes, divide both --mean and --std by 255 ({option} {parts})"
        )
    return values


def require_channels(normalization: Normalization, channels: int, name: str) -> None:
    """Check that a normalization is of one channel or of as many as a model's picture has.

    Raises:
        ModelError: it is not.
    """
    if len(normalization.mean) not in (1, channels):
        raise ModelError(
            f"{name} takes pictures of {channels} channels, but --mean and --std have "
            f"{len(normalization.mean)} numbers; give one, or one for each"
        )


def require_order(order: str, channels: int, name: str) -> None:
    """Check that an order of channels is one that a picture of so many has.

    Raises:
        ModelError: it is not.
    """
    if order == "BGR" and channels != 3:
        raise ModelError(
            f"{name} takes pictures of {channels} channels, and blue, green, red are three: leave out "
            "--channels-order"
        )


def in_order(normalization: Normalization, order: str) -> Normalization:
    """Return what red, green and blue are, in the order of a model's channels; or the other way round."""
    if order == "RGB":
        return normalization
    return Normalization(normalization.mean[::-1], normalization.deviation[::-1])


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
