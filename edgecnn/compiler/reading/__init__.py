# SPDX-License-Identifier: Apache-2.0
"""A file to a Graph; the same vocabulary of ops and options, whatever the file is."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgecnn.compiler.ir import Graph


def is_onnx(path: Path) -> bool:
    """Say whether a file is one of ONNX, by its ending."""
    return path.suffix.lower() == ".onnx"


def read_network(path: Path) -> "Graph":
    """Read a .tflite file, or an .onnx file of a network that is quantized already.

    Raises:
        MissingToolError: it is an .onnx file, and the package onnx is not installed.
        ModelError: there is no such file, or it holds no model that can be run and compiled.
    """
    if is_onnx(path):
        from edgecnn.compiler.reading.onnx import model

        return model.read_model(path)
    from edgecnn.compiler.reading import tflite

    return tflite.read_model(path)
