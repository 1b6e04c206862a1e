# SPDX-License-Identifier: Apache-2.0
"""A file that holds a network, of Keras 2 or 3 or ONNX, to a Keras model."""

from pathlib import Path
from typing import Any

from edgecnn.models import load_model


def load_network(path: Path) -> Any:
    """Load a .keras, .h5 or .onnx file; no code of it is run.

    Raises:
        MissingToolError: it is an .onnx file, and the package onnx is not installed.
        ModelError: it can't be loaded, may run code, or has an operator for which there is no layer.
    """
    if path.suffix != ".onnx":
        return load_model(path)
    from edgecnn.converters.onnx_to_keras import onnx_to_keras

    return onnx_to_keras(path)
