# SPDX-License-Identifier: Apache-2.0
"""Weights that a network begins with: Keras's own from ImageNet, or those of any model whose layers match."""

import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgecnn.errors import ModelError
from edgecnn.models import load_model

IMAGENET = "imagenet"
Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Application:
    """One of Keras's own networks.

    Attributes:
        name: As Keras calls it.
        build: Makes one like a model, without its top, with "imagenet" or a file of weights.
        file: What Keras calls the file of its weights.
        images: What it learned from is 0 to 1 times the first number and plus the second.
    """

    name: str
    build: Callable[[Any, str], Any]
    file: str
    images: tuple[float, float] = (2.0, -1.0)


def load_base(model: Any, base_end: str, source: str, application: Application) -> None:
    """Put weights into the layers of a model up to `base_end`.

    What scales the image before them goes into the first convolution and the normalization behind it. That is
    exact but for the outermost pixels, where that convolution pads: its zeros mean other colours then.

    Args:
        model: whose base begins with a convolution and a normalization.
        base_end: its layer.
        source: "imagenet", a file of Keras's weights of the application without its top, or a model of Keras
            2 or 3 whose first layers with weights have the same shapes; activations stay the base's own.
        application: what the base is.

    Raises:
        ModelError: there is no network or no such file, or the weights don't fit.
    """
    from edgecnn.tf import keras

    given, image = _given(model, source, application)
    base = _weighted(keras.Model(model.input, model.get_layer(base_end).output))
    _require_fit(base, given, source, model.name)
    kernel, *biases = given[0].get_weights()
    given[0].set_weights([image.through(kernel), *biases])
    carried: Any = image.seen_through(kernel)
    for layer, other in zip(base, given, strict=False):
        weights = other.get_weights()
        if hasattr(layer, "moving_mean"):
            weights[-2] = weights[-2] - carried
            carried = 0
        elif len(weights) > len(layer.get_weights()):  # a bias that the normalization behind it makes useless
            carried = carried + weights.pop()
        layer.set_weights(weights)


@dataclass(frozen=True)
class _Image:
    """What weights were made for: `matrix` times an image of 0 to 1, plus `offset`."""

    matrix: Array
    offset: Array

    @staticmethod
    def affine(scale: float, offset: float, channels: int) -> "_Image":
        """Return what is the same for each channel."""
        return _Image(scale * np.eye(channels), np.full(channels, offset))

    def through(self, kernel: Array) -> Array:
        """Return a convolution's kernel, (h, w, in, out), for an image of 0 to 1."""
        return np.asarray(np.einsum("ij,hwjo->hwio", self.matrix, kernel))

    def seen_through(self, kernel: Array) -> Array:
        """Return what a convolution makes of the offset alone."""
        return np.asarray(np.einsum("i,hwio->o", self.offset, kernel))


def _given(model: Any, source: str, application: Application) -> tuple[list[Any], _Image]:
    """Return the layers with weights of what is meant, and what they were made for."""
    from edgecnn.models._image_first import SCALING
    from edgecnn.models._normalize import normalized

    whole = _whole(model, source, application)
    if whole is not None:
        return _weighted(whole), _Image.affine(*application.images, whole.input_shape[-1])
    whole, _ = normalized(load_model(Path(source)), source)
    layers, channels = _weighted(whole), whole.input_shape[-1]
    if not layers[0].name.startswith(SCALING):
        return layers, _Image.affine(1, 0, channels)
    taps, offset = layers[0].get_weights()
    return layers[1:], _Image(np.diag(taps.ravel()) if taps.shape[3] == 1 else taps[0, 0], offset)


def _weighted(model: Any) -> list[Any]:
    return [layer for layer in model.layers if layer.get_weights()]


def _whole(model: Any, source: str, application: Application) -> Any:
    """Return the application with its weights; None where the file is a model of its own."""
    from edgecnn.gate import harmless_keras
    from edgecnn.tf import quiet

    try:
        if source == IMAGENET:
            with quiet(), redirect_stdout(sys.stderr):  # where Keras tells of a download
                return application.build(model, source)
        with harmless_keras(Path(source), weights_only=True) as file, quiet():
            return None if file.has_network else application.build(model, str(file.path))
    except ModelError:
        raise
    except Exception as error:
        raise ModelError(_explain(source, application, error)) from error


def _explain(source: str, application: Application, error: Exception) -> str:
    if source == IMAGENET and isinstance(error, ValueError):
        return (
            f"Keras has no ImageNet weights of {application.name} of this width and these channels: "
            f"{' '.join(str(error).split())[:200]}"
        )
    if source == IMAGENET:
        return (
            "the ImageNet weights are not here and can't be downloaded; bring "
            f"{application.file} and give it as --weights FILE"
        )
    return f"{source} holds no weights of Keras's {application.name}: {' '.join(str(error).split())[:200]}"


def _require_fit(base: Sequence[Any], given: Sequence[Any], source: str, name: str) -> None:
    """Check that each layer has the shapes that the base needs; a bias may come on top.

    Raises:
        ModelError: one has not.
    """
    for number, layer in enumerate(base):
        shapes = [array.shape for array in layer.get_weights()]
        other = given[number] if number < len(given) else None
        theirs = [array.shape for array in other.get_weights()] if other else []
        biased = len(theirs) == len(shapes) + 1 and hasattr(base[number + 1], "moving_mean")
        if theirs != shapes and not (biased and theirs[:-1] == shapes):
            has = f'layer "{other.name}" has {theirs}' if other else "it ends"
            raise ModelError(
                f'weights "{source}" do not fit model "{name}" of this width and these channels: where its '
                f'layer "{layer.name}" has {shapes}, {has}'
            )
