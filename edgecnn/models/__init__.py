# SPDX-License-Identifier: Apache-2.0
"""The networks that edgecnn can train: one file each, found by what is in this folder.

A file holds `ARCHITECTURES`, one or several that differ in numbers only; files that begin with an underscore
are what several share. Importing one costs nothing: TensorFlow is loaded by `build`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

from edgecnn.compiler.ir import Normalization
from edgecnn.errors import ModelError, did_you_mean
from edgecnn.files import beside, require_file

Shape = tuple[int, int, int]  # height, width, channels (1: grey, 3: RGB)
Load = Callable[[Path], Any]  # from a file to a Keras model


@dataclass(frozen=True)
class Architecture:
    """A network, and how its authors train it; every default has an option on the command line."""

    name: str
    summary: str
    input_shape: Shape
    classes: int  # of the data that its authors had; 1: a mask
    parameters: int | None  # with that input, those classes and width 1; None: nobody has counted
    # (input shape, classes, width) -> uncompiled keras.Model: float32 (n, *input shape) in 0..1 -> a softmax
    # (n, classes), a sigmoid (n, 1) for two classes where its authors have one, or one a pixel (n, h, w, 1).
    build: Callable[[Shape, int, float], Any]
    epochs: int
    batch_size: int
    optimizer: str
    learning_rate: float
    loss: str = "crossentropy"  # as training.objective knows it
    monitor: str = "loss"  # what, on the validation images, tells the best epoch: "loss" or "accuracy"
    patience: int | None = None  # epochs without a better one before training stops; None: never
    reduce_patience: int | None = None  # epochs without a lower validation loss before steps get half as long
    target_accuracy: float | None = None  # on the validation images, at which training stops
    class_weights: str = "none"  # or "balanced"
    sampling: str = "all"  # or "balanced": an epoch shows as many images of each class as the rarest has
    augment: str = "none"  # as training.augmentation reads it
    weights: str = "none"  # to begin with: "none", "imagenet" or a file
    base_end: str | None = None  # the last layer of the part for which there are pretrained weights
    # (model, "imagenet" or a file) -> None: puts pretrained weights into the part up to `base_end`.
    load_weights: Callable[[Any, str], None] | None = None


def architectures() -> dict[str, Architecture]:
    """Return every architecture by name, in ASCII order of their files."""
    names = [module.name for module in iter_modules(__path__) if not module.name.startswith("_")]
    modules = [import_module(f"{__name__}.{name}") for name in names]
    return {found.name: found for module in modules for found in module.ARCHITECTURES}


def architecture(
    name: str,
    load: Load | None = None,
    normalization: Normalization | None = None,
    sample: tuple[int, ...] | None = None,
    order: str = "RGB",
) -> Architecture:
    """Return the architecture called `name`, or a person's own: "FILE.py:FUNCTION", or a file.

    Args:
        name: what is meant.
        load: what makes a model of a file; None: `load_model`, which knows those of Keras.
        normalization: what a picture is to a network of a person's own; None: that is found in it.
        sample: the shape of numbers that are no pictures, as FILE.py:FUNCTION is to get it; None: pictures.
        order: of the channels of a picture, "RGB" or "BGR", that a network of a person's own takes.

    Raises:
        ModelError: there is none, or `normalization` is of no use.
    """
    from edgecnn.models._user import is_own, own_architecture

    if is_own(name):
        return own_architecture(name, load or load_model, normalization, sample, order)
    known = architectures()
    if name not in known:
        raise ModelError(
            f'model "{name}" does not exist; choose one of: {", ".join(known)}, or give FILE.py:FUNCTION.'
            + did_you_mean(name, known)
        )
    if order != "RGB":
        raise ModelError(f'model "{name}" takes red, green, blue: leave out --channels-order')
    if normalization is not None:
        raise ModelError(f'model "{name}" takes 0 to 1: leave out --input-range, --mean and --std')
    return known[name]


def map_shape(shape: Sequence[int]) -> Shape:
    """Return the shape of the map that a sample becomes: (n,) and (length, channels) get a height of 1.

    Raises:
        ModelError: it has more than three sides, or one is open.
    """
    if not 1 <= len(shape) <= 3 or any(side is None for side in shape):
        sides = ", ".join(str(side) for side in shape)
        raise ModelError(
            f"samples of the shape ({sides}) can't be taken; they are (n,), (length, channels) or (height, "
            "width, channels), of fixed sizes"
        )
    first, second, third = (1,) * (3 - len(shape)) + tuple(shape)
    return first, second, third


def load_model(path: Path) -> Any:
    """Load a model of Keras 2 or 3 that was saved by edgecnn, or by anyone: see edgecnn.gate.

    Raises:
        ModelError: it can't be loaded, or may run code.
    """
    require_file(path, ModelError)
    import edgecnn.models._layers  # noqa: F401, makes Keras know them
    from edgecnn.gate import harmless_keras
    from edgecnn.tf import keras, keras3, quiet, tfmot

    pruned, quantized = tfmot.sparsity.keras.prune_scope, tfmot.quantization.keras.quantize_scope
    try:
        with harmless_keras(path) as checked, quiet(), pruned(), quantized():
            of = keras3 if checked.keras_version.startswith("3.") else keras
            return of.models.load_model(checked.path, compile=False, safe_mode=True)
    except ModelError:
        raise
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(f"{path} can't be loaded as a Keras model: {reason}") from error


def require_float_model(path: Path) -> None:
    """Check that `path` is named as a model of Keras or ONNX or holds a SavedModel, before it is loaded.

    Raises:
        ModelError: it is not.
    """
    if not path.exists():
        raise ModelError(
            f"there is no {path}; give a run, a .keras, .h5, .onnx or .tflite file, or a SavedModel folder."
            f"{beside(path)}"
        )
    if path.is_dir():
        if not (path / "saved_model.pb").exists():
            raise ModelError(f"{path} is neither a run (no run.json) nor a SavedModel (no saved_model.pb)")
    elif path.suffix not in (".keras", ".h5", ".onnx"):
        raise ModelError(
            f"{path} is none of: a run, a .keras, .h5, .onnx or .tflite file, a SavedModel folder"
        )
