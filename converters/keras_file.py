# SPDX-License-Identifier: Apache-2.0
"""A file of Keras 2 or 3 or ONNX, or a SavedModel, to a model that can be called and converted.

Those of Keras and SavedModels come through the gate: see edgecnn.gate.
"""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgecnn.compiler.ir import Normalization, Ranges
from edgecnn.compiler.picture import UNIT
from edgecnn.converters.network_file import load_network
from edgecnn.converters.saved_model import SignatureModel
from edgecnn.errors import EdgecnnError, ModelError
from edgecnn.gate import harmless_saved_model
from edgecnn.models import map_shape, require_float_model
from edgecnn.models._answers import answers_with_logits
from edgecnn.models._fold_scaling import with_folded_scaling
from edgecnn.models._normalize import normalized, with_probabilities
from edgecnn.models._numbers import network_of_numbers, with_scaled_numbers
from edgecnn.models._rebuild import is_keras3
from edgecnn.progress import say
from edgecnn.tf import keras, quiet, tf

_ROUNDING = 1e-2  # by which sums of an imprecise model's probabilities miss 1


def load_float_model(
    path: Path, *, own: bool = False, normalization: Normalization | None = None, order: str = "RGB"
) -> Any:
    """Return a callable model with `input_shape` (None, h, w, c) and `output_shape`, for an image of 0 to 1.

    What was changed for that in a Keras model is told.

    Args:
        path: a .keras, .h5 or .onnx file, or the folder of a SavedModel.
        own: it is a run's, which takes 0 to 1 already.
        normalization: what a picture is to it; None: that is found by what it does to it first.
        order: of the channels of its image; "BGR" is turned into "RGB".

    Raises:
        ModelError: the file can't be read, holds code, or takes anything but one image.
    """
    require_float_model(path)
    try:
        with quiet():
            model = _load(path, normalization, order)
    except EdgecnnError:
        raise
    except Exception as error:
        raise ModelError(f"{path} can't be loaded as a Keras model: {_first_line(error)}") from error
    shape = model.input_shape
    if (
        not isinstance(shape, tuple)
        or len(shape) != 4
        or None in shape[1:]
        or not (own or shape[3] in (1, 3))
    ):
        raise ModelError(
            f"{path} takes an input of shape {shape}; it must be one image, (None, height, width, 1 or 3)"
        )
    if not own:
        if isinstance(model, SignatureModel):
            notes = model.notes
        else:
            model, notes = _normalized(model, path, normalization, order)
        for note in notes:
            say(note)
    return with_folded_scaling(model) if isinstance(model, keras.Model) else model


def _normalized(
    model: Any, path: Path, normalization: Normalization | None, order: str
) -> tuple[Any, list[str]]:
    """Return a Keras model made flat and of Keras 2, or, where it can't be, as TensorFlow itself takes it."""
    try:
        return normalized(model, str(path), normalization, order)
    except ModelError as error:
        graph = _by_export(model, path, normalization, order)
        return graph, [f"{error}; so {path} is converted as TensorFlow computes it", *graph.notes]


def load_numbers_model(path: Path) -> Any:
    """Return a callable model with `input_shape` and `output_shape`, for numbers as they are.

    One of Keras or ONNX is over maps, (None, h, w, c), and what was changed for that is told; others, and
    those with layers that have no twin, are as TensorFlow computes them.

    Args:
        path: a .keras, .h5 or .onnx file, or the folder of a SavedModel.

    Raises:
        ModelError: the file can't be read, holds code, or takes anything but one sample of fixed shape.
    """
    require_float_model(path)
    try:
        with quiet():
            model = _load(path, UNIT)
    except EdgecnnError:
        raise
    except Exception as error:
        raise ModelError(f"{path} can't be loaded as a Keras model: {_first_line(error)}") from error
    shape = model.input_shape
    if not isinstance(shape, tuple):
        raise ModelError(f"{path} takes inputs of {shape}; it must be one sample of numbers")
    map_shape(shape[1:])
    if isinstance(model, SignatureModel):
        return model
    try:
        model, notes = network_of_numbers(model, str(path))
    except ModelError as error:
        model, notes = (
            _by_export(model, path, UNIT),
            [f"{error}; so {path} is converted as TensorFlow computes it"],
        )
    for note in notes:
        say(note)
    return model


def with_ranges(model: Any, path: Path, ranges: Ranges) -> Any:
    """Return a Keras model of `load_numbers_model` over maps of bytes, each as 0 to 1.

    `ranges` are what 0 and 1 of each channel are to the model.
    """
    return with_folded_scaling(with_scaled_numbers(model, str(path), ranges))


def with_answers(model: Any, path: Path, images: npt.NDArray[np.uint8], *, labelled: bool) -> Any:
    """Return a model that answers with probabilities where it is meant to; what is added is told.

    Args:
        model: of `load_float_model`.
        path: its file.
        images: some of those it will see, (n, h, w, c).
        labelled: there are labels for its answers.
    """
    if isinstance(model, keras.Model) and labelled:
        model, notes = with_probabilities(model, str(path))
        for note in notes:
            say(note)
        return model
    if isinstance(model, keras.Model):
        logits = answers_with_logits(model)
    else:
        logits = are_logits(np.concatenate([model(image[None] / np.float32(255)) for image in images[:8]]))
    if not logits:
        return model
    kind = "sigmoid" if model.output_shape[-1] == 1 else "softmax"
    if labelled:
        say(f"{path} answers with logits: a {kind} is added behind it, as probabilities decide")
        return _Activated(model, kind)
    say(f"{path} answers without a {kind}: if it tells classes apart, those are logits, not probabilities")
    return model


def are_logits(answers: npt.NDArray[np.float32]) -> bool:
    """Say whether answers to images, (n, classes), (n, 1) or (n, h, w, 1), can't be probabilities."""
    if answers.min() < 0 or answers.max() > 1 + _ROUNDING:
        return True
    return answers.shape[-1] > 1 and bool(np.abs(answers.sum(axis=-1) - 1).max() > _ROUNDING)


class _Activated(tf.Module):  # type: ignore[misc]
    """A model with an activation behind it."""

    def __init__(self, model: Any, kind: str) -> None:
        super().__init__()
        self._model, self._activation = model, getattr(tf.nn, kind)
        self.input_shape, self.output_shape = model.input_shape, model.output_shape

    def __call__(self, image: Any, training: bool = False) -> Any:
        return self._activation(self._model(image, training=training))


def _load(path: Path, normalization: Normalization | None, order: str = "RGB") -> Any:
    if path.is_dir():
        with harmless_saved_model(path) as folder:
            return SignatureModel(folder, path, normalization, order)
    model = load_network(path)
    if (len(model.inputs), len(model.outputs)) != (1, 1):
        raise ModelError(
            f"{path} has {len(model.inputs)} inputs and {len(model.outputs)} outputs, not one of each"
        )
    return model


def _by_export(
    model: Any, source: Path, normalization: Normalization | None, order: str = "RGB"
) -> SignatureModel:
    """Return a Keras model as a SavedModel: TensorFlow's converter doesn't find the variables of Keras 3."""
    options = {"format": "tf_saved_model", "verbose": False} if is_keras3(model) else {}
    try:
        with quiet(), tempfile.TemporaryDirectory() as folder:
            model.export(folder, **options)
            return SignatureModel(Path(folder), source, normalization, order)
    except Exception as error:
        raise ModelError(f"{source} can't be converted from Keras: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
