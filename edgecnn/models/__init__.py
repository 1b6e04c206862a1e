# SPDX-License-Identifier: Apache-2.0
"""The networks that edgecnn can train: one file each, found by what is in this folder.

A file holds one `ARCHITECTURE`. Importing it costs nothing: TensorFlow is loaded by `build`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from edgecnn.errors import ModelError


@dataclass(frozen=True)
class Architecture:
    """A network, and how its authors train it; every default has an option on the command line."""

    name: str
    summary: str
    input_shape: tuple[int, int, int]  # height, width, channels (1: grey, 3: RGB)
    build: Callable[
        [tuple[int, int, int], int], Any
    ]  # (input shape, classes) -> keras.Model ending in softmax
    epochs: int
    batch_size: int
    optimizer: str
    learning_rate: float
    patience: int  # epochs without a lower validation loss before training stops


def architectures() -> dict[str, Architecture]:
    """Return every architecture by name, in ASCII order."""
    modules = (import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__))
    return {module.ARCHITECTURE.name: module.ARCHITECTURE for module in modules}


def architecture(name: str) -> Architecture:
    """Return the architecture called `name`.

    Raises:
        ModelError: there is none.
    """
    known = architectures()
    if name not in known:
        raise ModelError(f'model "{name}" does not exist; choose one of: {", ".join(known)}')
    return known[name]
