# SPDX-License-Identifier: Apache-2.0
"""Images in another size.

ONNX has a dozen rules for which pixel a new one is taken from. Which of TFLite's is the same for the sizes at
hand is found by computing where each new pixel lies by both.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from edgecnn.compiler.reading.onnx.node import require_size
from edgecnn.converters.onnx_ops._node import Node, row
from edgecnn.converters.onnx_ops._tensor import Tensor
from edgecnn.errors import ModelError
from edgecnn.models._layers import Resize
from edgecnn.tf import keras

L = keras.layers
Places = npt.NDArray[np.float64]
_ROUNDINGS: dict[str, Callable[[Places], Places]] = {
    "round_prefer_floor": lambda x: np.ceil(x - 0.5),
    "round_prefer_ceil": lambda x: np.floor(x + 0.5),
    "floor": np.floor,
    "ceil": np.ceil,
}
_TFLITE = ((False, True), (False, False), (True, False))  # align_corners, half_pixels


@row("Resize")
def resize(node: Node) -> Tensor:
    """Make an UpSampling2D by whole factors, else a Resize, a layer of edgecnn's."""
    image, mode = node.image(), node.get("mode", "nearest")
    olds, (news, scales) = image.shape[2:], _target(node, image)
    require_size([*image.shape[:2], *news])
    if mode not in ("nearest", "linear") or (node.get("antialias", 0) and min(np.subtract(news, olds)) < 0):
        raise ModelError(f'it has mode "{mode}", or antialias; allowed are nearest and linear, without')
    wanted = [_places(node, mode, *sides) for sides in zip(olds, news, scales, strict=True)]
    for align, half in _TFLITE:
        has = [_tflite(mode, *sides, align=align, half=half) for sides in zip(olds, news, strict=True)]
        if all(map(_is_close, wanted, has)):
            return node.of(_layer(node, image, mode, news, align=align, half=half)(image.keras), image)
    rule = node.get("coordinate_transformation_mode", "half_pixel")
    raise ModelError(
        f'its pixels, {olds} to {tuple(news)} by "{rule}", lie by no rule of TFLite; allowed are half_pixel, '
        "asymmetric and align_corners, by scales that make whole sides"
    )


def _is_close(wanted: Places, has: Places) -> bool:
    return bool(np.abs(wanted - has).max() < 1e-5)


def _target(node: Node, image: Tensor) -> tuple[list[int], list[float]]:
    """Return height and width, and by how much each is larger, as ONNX computes with it."""
    axes = [axis % 4 for axis in node.get("axes", [0, 1, 2, 3])]
    sides, scales = list(image.shape), [1.0] * 4
    if node.has(3) and node.constant(3).size:
        if node.get("keep_aspect_ratio_policy", "stretch") != "stretch":
            raise ModelError("it keeps the aspect ratio; give the sides themselves")
        for axis, side in zip(axes, node.constant(3).tolist(), strict=True):
            sides[axis], scales[axis] = int(side), side / image.shape[axis]
    else:
        for axis, scale in zip(axes, node.constant(2).tolist(), strict=True):
            sides[axis], scales[axis] = int(np.floor(image.shape[axis] * scale)), scale
    if tuple(sides[:2]) != image.shape[:2]:
        raise ModelError("it changes batch or channels; allowed are height and width")
    return sides[2:], scales[2:]


def _places(node: Node, mode: str, old: int, new: int, scale: float) -> Places:
    """Return where in the old row each new pixel lies, by ONNX."""
    number, rule = np.arange(new, dtype=np.float64), node.get("coordinate_transformation_mode", "half_pixel")
    half = (number + 0.5) / scale - 0.5
    rules = {
        "half_pixel": half,
        "pytorch_half_pixel": half if new > 1 else number * 0,
        "half_pixel_symmetric": half + old / 2 * (1 - new / (scale * old)),
        "asymmetric": number / scale,
        "align_corners": number * (old - 1) / max(new - 1, 1),
    }
    if rule not in rules:
        raise ModelError(f'it has coordinate_transformation_mode "{rule}"; allowed are {", ".join(rules)}')
    places = rules[rule]
    if mode == "nearest":
        places = _ROUNDINGS[node.get("nearest_mode", "round_prefer_floor")](places)
    return np.asarray(np.clip(places, 0, old - 1))


def _tflite(mode: str, old: int, new: int, *, align: bool, half: bool) -> Places:
    """Return the same by TFLite's rules."""
    number = np.arange(new, dtype=np.float64)
    ratio = (old - 1) / (new - 1) if align and new > 1 else old / new
    if mode == "linear":
        places = (number + 0.5) * ratio - 0.5 if half else number * ratio
    else:
        places = np.floor((number + 0.5) * ratio if half else number * ratio + (0.5 if align else 0))
    return np.asarray(np.clip(places, 0, old - 1))


def _layer(node: Node, image: Tensor, mode: str, sides: list[int], *, align: bool, half: bool) -> Any:
    factors = [new // old for old, new in zip(image.shape[2:], sides, strict=True)]
    if half and sides == [factor * old for factor, old in zip(factors, image.shape[2:], strict=True)]:
        kind = "bilinear" if mode == "linear" else "nearest"
        return L.UpSampling2D(factors, interpolation=kind, name=node.name)
    return Resize(*sides, bilinear=mode == "linear", align_corners=align, half_pixels=half, name=node.name)
