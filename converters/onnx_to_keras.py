# SPDX-License-Identifier: Apache-2.0
"""A float ONNX network, as PyTorch exports it, to a Keras model of ordinary layers, its channels last."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edgecnn.compiler.reading.onnx.constants import FOLDS
from edgecnn.compiler.reading.onnx.file import OnnxGraph, OnnxNode, printable, quantizing, read_onnx
from edgecnn.compiler.reading.onnx.node import require_size
from edgecnn.converters import onnx_ops  # noqa: F401, fills the table
from edgecnn.converters.onnx_ops._node import ROWS, Names, Node, Value
from edgecnn.converters.onnx_ops._tensor import CHANNELS_LAST, Tensor
from edgecnn.errors import ModelError
from edgecnn.tf import keras, quiet

_CHANNELS = (1, 3)  # of an image: grey or RGB


def onnx_to_keras(path: Path) -> Any:
    """Return a flat Keras 2 model that computes what an ONNX file says, to the rounding of floats.

    It takes an image (n, h, w, c), whatever the order of the file; a map that it answers with is
    (n, h, w, c), too, and anything else as in the file. The batch is free.

    Raises:
        MissingToolError: the package onnx is not installed.
        ModelError: it is no ONNX file of a known opset, or has an operator that is not in the table, which is
            named.
    """
    graph = read_onnx(path)
    if node := quantizing(graph):
        raise ModelError(
            f'{path} is quantized already, by {node.op} "{node.name}": compile, verify and export take it as '
            "it is; to train or compress, give the float network that it was made from"
        )
    if graph.dtype == "int8":
        raise ModelError(
            f'{path} takes "{printable(graph.name)}" of int8; floats or uint8 are needed for Keras'
        )
    with quiet():
        return _Walk(graph, path).model()


class _Walk:
    """Goes through a graph and makes a layer of each operator."""

    def __init__(self, graph: OnnxGraph, path: Path) -> None:
        self._graph, self._path, self._names = graph, path, Names()
        self._order = _order_of_image(graph.shape)
        self._values: dict[str, Value] = {**graph.constants, "": None}
        self._computed = 0  # values of constants, which all stay in memory

    def model(self) -> Any:
        graph = self._graph
        require_size(graph.shape)
        sides = [graph.shape[axis] for axis in self._order[1:]]
        image = keras.Input(sides, name=self._names.fresh(graph.name), dtype=graph.dtype)
        self._values[graph.name] = Tensor.of(image, graph.shape[0], self._order)
        for node in graph.nodes:
            self._compute(node)
        answers = [self._answer(name) for name in graph.outputs]
        try:
            return keras.Model(image, answers, name=self._path.stem)
        except RecursionError as error:  # Keras follows each layer to the one before it
            raise ModelError(
                f"{self._path} has {len(graph.nodes):,} operators, too many one behind the other for Keras"
            ) from error

    def _compute(self, node: OnnxNode) -> None:
        missing = [name for name in node.inputs if name not in self._values]
        if missing:
            raise ModelError(
                f'{self._at(node)} takes "{printable(missing[0])}", which no operator before it makes'
            )
        values = [self._values[name] for name in node.inputs]
        try:
            results = self._results(node, values)
            for result in results:
                require_size(result.shape or (1,))
            self._computed += sum(result.size for result in results if isinstance(result, np.ndarray))
            require_size([1 + self._computed])
        except ModelError as error:
            raise ModelError(f"{self._at(node)}: {error}") from error
        except Exception as error:  # whatever Keras or NumPy say of sizes that don't fit
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise ModelError(f"{self._at(node)} can't be made in Keras: {reason}") from error
        self._values |= zip(node.outputs, results, strict=False)

    def _results(self, node: OnnxNode, values: Sequence[Value]) -> Sequence[Any]:
        given = Node(node, values, self._graph.opset, self._names)
        tensors = [value for value in values if isinstance(value, Tensor)]
        if node.op not in ROWS and node.op not in FOLDS:
            raise ModelError(f"the op is not known; those that are: {', '.join(sorted({*ROWS, *FOLDS}))}")
        if node.op == "Shape" and tensors:
            return [np.asarray(tensors[0].shape[given.get("start", 0) : given.get("end")], np.int64)]
        if tensors and node.op not in ROWS:
            raise ModelError("it is known of constants only, and takes what is made of the image")
        if not tensors and node.op not in FOLDS:
            raise ModelError("it is known of what is made of the image only, and takes constants")
        arrays = [np.asarray(value) for value in values if value is not None]
        if not tensors:
            return [np.asarray(FOLDS[node.op](given, arrays))]
        outputs = ROWS[node.op](given)
        return [outputs] if isinstance(outputs, Tensor) else outputs

    def _at(self, node: OnnxNode) -> str:
        return f'{self._path}: {node.op} "{node.name}"'

    def _answer(self, name: str) -> Any:
        value = self._values.get(name)
        if not isinstance(value, Tensor):
            raise ModelError(f'{self._path} answers with "{printable(name)}", which is not made of the image')
        image = value.rank == 4 and self._order == CHANNELS_LAST
        return value.ordered(CHANNELS_LAST if image else None, self._names.fresh(f"{name}_order")).keras


def _order_of_image(shape: Sequence[int]) -> tuple[int, ...]:
    """Return in which order Keras has the axes of an input: channels last, wherever the file has them."""
    if len(shape) == 4 and (shape[1] in _CHANNELS or shape[3] not in _CHANNELS):
        return CHANNELS_LAST
    return tuple(range(len(shape)))
