# SPDX-License-Identifier: Apache-2.0
"""Runs a .tflite on inputs and keeps what each of its operators makes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import ops, quant
from edgecnn.compiler.ir import Graph, Operator, Tensor
from edgecnn.compiler.ops import expand_dims, reshape, squeeze
from edgecnn.compiler.picture import as_values, require_normalization
from edgecnn.compiler.reading.tflite import read_model
from edgecnn.errors import ModelError
from edgecnn.files import read_bytes
from edgecnn.runtime.tflite import Interpreter, open_interpreter

INTEGERS = ("int8", "uint8", "int16")
Values = NDArray[Any]
_VIEWS = (expand_dims, reshape, squeeze)


@dataclass(frozen=True)
class Inputs:
    """What several models are run on.

    Attributes:
        names: of the images, or their numbers.
        images: (n, h, w, c) bytes; None where the values are random.
        reals: of each input of the first model, (n, ...) real numbers; empty where there are images.
    """

    names: tuple[str, ...]
    images: NDArray[np.uint8] | None
    reals: tuple[NDArray[np.float32], ...] = ()

    def of(self, graph: Graph) -> list[Values]:
        """Return what a model's inputs take, each with the inferences first.

        Raises:
            ModelError: the model takes other inputs.
        """
        tensors = [graph.tensors[number] for number in graph.inputs]
        if self.images is not None:
            return [self._pictures(graph, tensors)]
        shapes = [value.shape[1:] for value in self.reals]
        if [tensor.shape for tensor in tensors] != shapes:
            raise ModelError(f"{graph.name} takes inputs of other shapes than the first model: {shapes}")
        return [quantized(value, tensor) for value, tensor in zip(self.reals, tensors, strict=True)]

    def _pictures(self, graph: Graph, tensors: Sequence[Tensor]) -> Values:
        assert self.images is not None, "only then there are pictures"
        [image], stored = tensors, tensors[0].quantization
        if image.shape != (1, *self.images.shape[1:]):
            raise ModelError(
                f"{graph.name} takes {image.shape[1:]}, but the images are of {self.images.shape[1:]}"
            )
        scale, zero_point = (stored.scale, stored.zero_point) if stored is not None else (0.0, 0)
        table = quant.byte_table(require_normalization(graph), scale, zero_point, image.dtype)
        return as_values(self.images, table)[:, np.newaxis]


@dataclass(frozen=True)
class Trace:
    """What a model made of inputs.

    Attributes:
        name: what the model is called.
        graph: the model.
        values: of inputs, and of what operators make as far as the runtime keeps it, by the number of the
            tensor, (n, ...) of its type.
    """

    name: str
    graph: Graph
    values: dict[int, Values]

    def real(self, number: int) -> NDArray[np.float64]:
        """Return a tensor's values as real numbers, (n, ...)."""
        return real(self.values[number], self.graph.tensors[number])

    @property
    def operators(self) -> list[Operator]:
        """Those whose outputs were kept."""
        return [operator for operator in self.graph.operators if operator.outputs[0] in self.values]


def real(values: Values, tensor: Tensor) -> NDArray[np.float64]:
    """Return the values of a tensor as real numbers."""
    if tensor.dtype in INTEGERS and tensor.quantization is not None:
        scales = np.float64(np.float32(tensor.quantization.scale))
        return scales * (values.astype(np.int64) - tensor.quantization.zero_point)
    return values.astype(np.float64)


def quantized(values: NDArray[np.floating[Any]], tensor: Tensor) -> Values:
    """Return real numbers as a tensor holds them."""
    if tensor.dtype == "float32":
        return values.astype(np.float32)
    if tensor.quantization is None or tensor.dtype not in INTEGERS:
        raise ModelError(f'"{tensor.name}" is {tensor.dtype}, which stands for no real numbers')
    limits = (0, 255) if tensor.dtype == "uint8" else quant.limits(tensor.dtype)
    steps = quant.round_all(values.astype(np.float64) / tensor.quantization.scale)
    return np.clip(steps + tensor.quantization.zero_point, *limits).astype(tensor.dtype)


def trace(path: Path, name: str, inputs: Inputs) -> Trace:
    """Run a .tflite on inputs by TFLite's reference kernels, if these know its ops, and keep what they make.

    Raises:
        ModelError: the model can't be run, or takes other inputs.
        MissingToolError: no TFLite runtime is installed.
    """
    graph = read_model(path)
    graph.refuse_variables(
        "here each input stands for itself; 'edgecnn verify' compares such a model's steps"
    )
    content = read_bytes(path, error=ModelError)
    interpreter = _open(content, graph)
    outputs = [number for operator in graph.operators for number in operator.outputs]
    given = inputs.of(graph)
    kept: dict[int, list[Values]] = {}
    for values in zip(*given, strict=True):
        interpreter.run(list(values))
        for number, value in interpreter.tensors(outputs).items():
            kept.setdefault(number, []).append(value)
    made = {number: np.stack(values) for number, values in kept.items()}
    for operator in reversed(graph.operators):  # what only changes a shape takes the place of what it reads
        number, source = operator.outputs[0], operator.inputs[0] if operator.inputs else -1
        if ops.is_a(operator, *_VIEWS) and number in made and source not in made:
            made[source] = made[number].reshape(-1, *graph.tensors[source].shape)
    return Trace(name, graph, made | dict(zip(graph.inputs, given, strict=True)))


def _open(content: bytes, graph: Graph) -> Interpreter:
    """Load a model by reference kernels, or, where these lack an op, by the optimized ones."""
    try:
        return open_interpreter(content, graph, kernels="reference", keep_all=True)[0]
    except ModelError:
        return open_interpreter(content, graph, kernels="optimized", keep_all=True)[0]
