# SPDX-License-Identifier: Apache-2.0
"""A file of Keras 2 or 3, or a SavedModel, to a model that can be called and converted.

Both come through the gate: see edgecnn.gate.
"""

import tempfile
from pathlib import Path
from typing import Any

import edgecnn.models._layers  # noqa: F401, makes Keras know them
from edgecnn.errors import ModelError
from edgecnn.gate import harmless_keras, harmless_saved_model
from edgecnn.models import require_float_model
from edgecnn.tf import keras as keras2
from edgecnn.tf import quiet, tf

# isort: split
# Behind edgecnn.tf, which says what to install where they are missing.
import keras as keras3


def load_float_model(path: Path) -> Any:
    """Return a callable model with `input_shape` (None, h, w, c) and `output_shape`.

    Raises:
        ModelError: the file can't be read, holds code, or takes anything but one image.
    """
    require_float_model(path)
    try:
        with quiet():
            model = _load(path)
    except ModelError:
        raise
    except Exception as error:
        raise ModelError(f"{path} can't be loaded as a Keras model: {_first_line(error)}") from error
    shape = model.input_shape
    if not isinstance(shape, tuple) or len(shape) != 4 or None in shape[1:] or shape[3] not in (1, 3):
        raise ModelError(
            f"{path} takes an input of shape {shape}; it must be one image, (None, height, width, 1 or 3)"
        )
    return model


def _load(path: Path) -> Any:
    if path.is_dir():
        with harmless_saved_model(path) as folder:
            return _SavedModel(folder, path)
    with harmless_keras(path) as checked:
        of_keras3 = checked.keras_version.startswith("3.")
        keras = keras3 if of_keras3 else keras2
        model = keras.models.load_model(checked.path, compile=False, safe_mode=True)
    if (len(model.inputs), len(model.outputs)) != (1, 1):
        raise ModelError(
            f"{path} has {len(model.inputs)} inputs and {len(model.outputs)} outputs, not one of each"
        )
    return _by_export(model, path) if of_keras3 else model


def _by_export(model: Any, source: Path) -> Any:
    """Return a Keras 3 model as a SavedModel, because TensorFlow's converter doesn't find its variables."""
    with tempfile.TemporaryDirectory() as folder:
        model.export(folder, format="tf_saved_model", verbose=False)
        return _SavedModel(Path(folder), source)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


class _SavedModel(tf.Module):  # type: ignore[misc]
    """The serving signature of a SavedModel, called as a Keras model is."""

    def __init__(self, folder: Path, source: Path) -> None:
        super().__init__()
        self._loaded = tf.saved_model.load(folder)
        signature = self._loaded.signatures.get("serving_default")
        if (
            signature is None
            or len(signature.structured_input_signature[1]) != 1
            or len(signature.outputs) != 1
        ):
            raise ModelError(f"{source} has no signature 'serving_default' with one input and one output")
        self._signature = signature
        [(self._input, spec)] = signature.structured_input_signature[1].items()
        self.input_shape = tuple(spec.shape)
        self.output_shape = tuple(signature.outputs[0].shape)

    def __call__(self, image: Any, training: bool = False) -> Any:
        [output] = self._signature(**{self._input: image}).values()
        return output
