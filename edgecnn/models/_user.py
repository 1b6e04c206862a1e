# SPDX-License-Identifier: Apache-2.0
"""A person's own network: a function in a Python file, or a saved model."""

import sys
from collections.abc import Callable
from functools import partial
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from edgecnn.compiler.ir import Normalization
from edgecnn.data.numbers import by, fits
from edgecnn.errors import ModelError
from edgecnn.models import Architecture, Load, Shape, map_shape
from edgecnn.progress import say

Tell = Callable[[Any, str], Any]  # (model, its name) -> the network as edgecnn trains it
INPUT_SHAPE: Shape = (96, 96, 3)  # of a function, where nothing else is asked for


def is_own(name: str) -> bool:
    """Say whether `name` means a function or a file, and no network of edgecnn's."""
    return runs_code(name) or Path(name).suffix in (".keras", ".h5", ".onnx")


def runs_code(name: str) -> bool:
    """Say whether `name` is a FILE.py:FUNCTION: whoever names it asks for its code to be run."""
    return ".py:" in name


def require_own(name: str) -> None:
    """Check that the file of a network of one's own is there, before anything is loaded.

    Raises:
        ModelError: it is not.
    """
    path = Path(name.rpartition(":")[0] if runs_code(name) else name)
    if not path.is_file():
        raise ModelError(
            f'model "{name}": there is no file {path}; give FILE.py:FUNCTION, .keras, .h5 or .onnx'
        )


def own_architecture(
    name: str,
    load: Load,
    normalization: Normalization | None,
    sample: tuple[int, ...] | None = None,
    order: str = "RGB",
) -> Architecture:
    """Return the network that "FILE.py:FUNCTION" builds or that a file holds.

    The function takes input shape and classes, and returns a Keras model, of Keras 2 or 3.

    Args:
        name: what is meant.
        load: makes a Keras model of a file.
        normalization: what a picture is to it; None: that is found in it.
        sample: the shape of numbers that are no pictures, as the function is to get it; None: pictures.
        order: of the channels of a picture that it takes.

    Raises:
        ModelError: there is no such file or function, or the file can't be run or loaded, or a file takes
            numbers of another shape than `sample`.
    """
    require_own(name)
    tell = _told_numbers if sample else partial(_told, normalization=normalization, order=order)
    if runs_code(name):
        built = _calling(name, _function(name), tell, sample)
        return _architecture(name, map_shape(sample) if sample else INPUT_SHAPE, built)
    shape = load(Path(name)).input_shape[1:]
    if sample is not None:
        if not fits(sample, shape):
            raise ModelError(f'model "{name}" takes {by(shape)} numbers, but the data hold {by(sample)}')
        shape = map_shape(shape)
    return _architecture(name, shape, _loading(name, shape, load, tell))


def _architecture(name: str, shape: Shape, build: Callable[[Shape, int, float], Any]) -> Architecture:
    return Architecture(
        name=name,
        summary="a network of your own",
        input_shape=shape,
        classes=2,
        parameters=None,
        build=build,
        epochs=50,
        batch_size=32,
        optimizer="adam",
        learning_rate=1e-3,
        patience=8,
        reduce_patience=4,
    )


def _function(name: str) -> Callable[[Shape, int], Any]:
    """Run a Python file, which is code of the person who asks for it, and return its function."""
    path, _, function = name.rpartition(":")
    spec = spec_from_file_location(Path(path).stem, path)
    if spec is None or spec.loader is None:
        raise ModelError(f'model "{name}": {path} is no Python file; give FILE.py:FUNCTION')
    module = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise ModelError(f'model "{name}": {path} fails with {type(error).__name__}: {error}') from error
    found = getattr(module, function, None)
    if not callable(found):
        raise ModelError(f'model "{name}": {path} has no function {function}; give FILE.py:FUNCTION')
    return found  # type: ignore[no-any-return]


def _calling(
    name: str,
    function: Callable[[Any, int], Any],
    tell: Tell,
    sample: tuple[int, ...] | None,
) -> Callable[[Shape, int, float], Any]:
    def build(map_or_image: Shape, classes: int, width: float) -> Any:
        _refuse_width(name, width)
        input_shape = sample or map_or_image
        try:
            model = function(input_shape, classes)
        except (Exception, SystemExit) as error:
            raise ModelError(
                f'model "{name}", called with the input shape {input_shape} and {classes} classes, '
                f"fails with {type(error).__name__}: {error}"
            ) from error
        finally:
            _reset_policies()
        _require_shape(model, name, input_shape)
        return tell(model, name)

    return build


def _require_shape(model: Any, name: str, input_shape: tuple[int, ...]) -> None:
    try:
        shape = tuple(model.input_shape[1:])
    except (AttributeError, TypeError):  # no model, a class of one, or a model that isn't built
        shape = None
    if shape == input_shape:
        return
    asked = f'model "{name}" returned no Keras model with the input shape {input_shape}'
    if shape and len(shape) == 3 and shape[-1] in (1, 3) and None not in shape:
        raise ModelError(
            f"{asked}, but one with {shape}; ask for that by --input-size {shape[0]}x{shape[1]} "
            f"--channels {shape[2]}, or use the shape that the function is given"
        )
    raise ModelError(f"{asked}; build it as a Sequential with an Input, or by keras.Model(inputs, outputs)")


def _loading(name: str, shape: Shape, load: Load, tell: Tell) -> Callable[[Shape, int, float], Any]:
    def build(input_shape: Shape, classes: int, width: float) -> Any:
        _refuse_width(name, width)
        if input_shape != shape:
            raise ModelError(f'model "{name}" takes images of {shape} and no others; leave out --input-size')
        return tell(load(Path(name)), name)

    return build


def _told(model: Any, name: str, normalization: Normalization | None, order: str) -> Any:
    """Return a network as edgecnn trains it, and tell what was changed for that."""
    from edgecnn.models._normalize import normalized, with_probabilities

    model, notes = normalized(model, name, normalization, order)
    model, more = with_probabilities(model, name)
    for note in notes + more:
        say(note)
    return model


def _told_numbers(model: Any, name: str) -> Any:
    """Do the same for a network of numbers, which it takes as they are."""
    from edgecnn.models._normalize import with_probabilities
    from edgecnn.models._numbers import network_of_numbers

    model, notes = network_of_numbers(model, name)
    model, more = with_probabilities(model, name)
    for note in notes + more:
        say(note)
    return model


def _reset_policies() -> None:
    """Undo what a person's file set for all layers of the process: from now on they are ours."""
    from edgecnn.tf import keras

    keras.mixed_precision.set_global_policy("float32")
    if keras3 := sys.modules.get("keras"):
        keras3.config.set_dtype_policy("float32")


def _refuse_width(name: str, width: float) -> None:
    if width != 1:
        raise ModelError(f'model "{name}" is your own and has no --width; write its channels into it')
