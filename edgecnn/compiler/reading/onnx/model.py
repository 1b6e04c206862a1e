# SPDX-License-Identifier: Apache-2.0
"""An ONNX network that is quantized already to a Graph with its scales, its images with channels last.

QuantizeLinear and DequantizeLinear say what the integers of a tensor stand for; what lies between them is
an operator over integers. The arithmetic is TensorFlow Lite's: a result may be a step from that of a runtime
that computes in floats.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from edgecnn.compiler.ir import Graph, Quantization, Signature
from edgecnn.compiler.reading.onnx import rows  # noqa: F401, fills the table
from edgecnn.compiler.reading.onnx.constants import FOLDS
from edgecnn.compiler.reading.onnx.file import OnnxGraph, OnnxNode, printable, quantizing, read_onnx
from edgecnn.compiler.reading.onnx.network import LOWEST, Network, Quantized, Value, canonical, signed
from edgecnn.compiler.reading.onnx.node import Array, require_size
from edgecnn.compiler.reading.onnx.node import Node as ReadNode
from edgecnn.compiler.reading.onnx.qoperators import as_qdq
from edgecnn.compiler.reading.onnx.rows._node import ROWS, UNQUANTIZED, Node
from edgecnn.compiler.reading.onnx.rows.shapes import MOVING
from edgecnn.errors import ModelError
from edgecnn.files import MOST_BYTES, read_bytes

_INT8 = 3  # as TensorProto.DataType
_CHANNELS = (1, 3)  # of an image: grey or RGB
_SEEN_THROUGH = (*MOVING, "Split", "MaxPool", "Relu", "Clip")  # between an operator and what rounds it
_MAKING_NOTHING = (*MOVING, "Split", "QuantizeLinear", "DequantizeLinear", "Relu", "Clip")
_SUMS = ("MatMul", "Gemm", "Conv")
_TIME_FIRST = (0, 2, 1)
_WINDOWED = ("Conv", "MaxPool", "AveragePool")
_TYPES = ("int8", "uint8")
_DYNAMIC = ("DynamicQuantizeLinear", "MatMulInteger", "ConvInteger", "com.microsoft.DynamicQuantizeMatMul")


def read_model(path: Path) -> Graph:
    """Read an ONNX file of a quantized network, in QDQ or QOperator form, that is to be run or compiled.

    Raises:
        MissingToolError: the package onnx is not installed.
        ModelError: it is no such file, or of floats, or has an operator that is not possible, which is named.
    """
    graph = read_onnx(path)
    if quantizing(graph) is None:
        raise ModelError(
            f"{path} is a network of floats; quantize it first: edgecnn export {path.name} --data IMAGES"
        )
    read = _Walk(graph, path).graph()
    read.verify()
    return read


class _Walk:
    """Goes through the operators of a file and adds what they become to a network."""

    def __init__(self, graph: OnnxGraph, path: Path) -> None:
        self._file, self._path, self._network = graph, path, Network()
        self._nodes = as_qdq(graph.nodes)
        self._values: dict[str, Any] = {**graph.constants, "": None}
        self._readers: dict[str, list[OnnxNode]] = {}
        self._makers = {name: node for node in self._nodes for name in node.outputs}
        for node in self._nodes:
            for name in node.inputs:
                self._readers.setdefault(name, []).append(node)

    def graph(self) -> Graph:
        """Return the whole."""
        # Constants first, as scales are looked for ahead.
        for node in sorted(self._nodes, key=lambda node: node.op != "Constant"):
            self._compute(node)
        outputs = [self._output(name) for name in self._file.outputs]
        image = self._values.get(self._file.name)
        if not isinstance(image, Value):
            raise ModelError(f'{self._path}: nothing reads its input "{printable(self._file.name)}"')
        names = zip(self._file.outputs, outputs, strict=True)
        network = self._network
        return Graph(
            tuple(network.tensors),
            tuple(network.operators),
            (image.tensor,),
            tuple(outputs),
            name=self._path.stem,
            sha256=hashlib.sha256(read_bytes(self._path, MOST_BYTES, ModelError)).hexdigest(),
            signature=Signature("serving_default", 0, ((self._file.name, image.tensor),), tuple(names)),
        )

    def _compute(self, node: OnnxNode) -> None:
        network = self._network
        network.name = node.name
        try:
            if self._file.name in node.inputs and self._file.name not in self._values:
                self._values[self._file.name] = self._image()
            missing = [name for name in node.inputs if name not in self._values]
            if missing:
                raise ModelError(f'it takes "{printable(missing[0])}", which no operator before it makes')
            results = self._results(node)
        except ModelError as error:
            raise ModelError(f"{self._at(node)}: {error}") from error
        except Exception as error:  # whatever NumPy says of sizes that don't fit
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise ModelError(f"{self._at(node)} makes no sense: {reason}") from error
        self._values |= zip(node.outputs, results, strict=False)

    def _results(self, node: OnnxNode) -> Sequence[Any]:
        values = [self._values[name] for name in node.inputs]
        if node.op in ("QuantizeLinear", "DequantizeLinear"):
            return [self._quantized(node, values) if node.op[0] == "Q" else self._dequantized(node, values)]
        if node.op == "Shape" and isinstance(values[0], Value):
            shape = values[0].shape[node.attributes.get("start", 0) : node.attributes.get("end")]
            return [np.asarray(shape, np.int64)]
        if not any(isinstance(value, Value) for value in values):
            return [self._constant(node, values)]
        if node.op not in ROWS:
            said = "quantize it statically" if node.op in _DYNAMIC else f"those that are: {_listed()}"
            raise ModelError(f"the op is not possible in a quantized network; {said}")
        given = Node(
            node, values, self._file.opset, self._network, self._wanted(node.outputs[0]), self._alone(node)
        )
        outputs = ROWS[node.op](given)
        return [outputs] if isinstance(outputs, Value) else outputs

    def _constant(self, node: OnnxNode, values: Sequence[Any]) -> Any:
        """Return what an operator makes of constants; one that only moves integers keeps their scale."""
        if node.op not in FOLDS:
            raise ModelError("it is known of what is made of the network's input only, and takes constants")
        first = values[0] if values else None
        if isinstance(first, Quantized) and first.scales.size == 1 and node.op in MOVING:
            return replace(first, integers=self._folded(node, [first.integers, *values[1:]]))
        if isinstance(first, Quantized) and node.op == "Transpose":
            order = list(node.attributes.get("perm", range(first.integers.ndim)[::-1]))
            axis = order.index(first.axis % first.integers.ndim)
            return replace(first, integers=first.integers.transpose(order), axis=axis)
        return self._folded(node, [one.real if isinstance(one, Quantized) else one for one in values])

    def _folded(self, node: OnnxNode, values: Sequence[Any]) -> Array:
        arrays = [np.asarray(value) for value in values if value is not None]
        result = np.asarray(FOLDS[node.op](ReadNode(node, values, self._file.opset), arrays))
        require_size(result.shape or (1,))
        return result

    def _image(self) -> Value:
        """Add the network's input, at the scale by which it is quantized first."""
        file, network = self._file, self._network
        wanted = self._wanted(file.name) or self._given(file.name)
        if wanted is None:
            raise ModelError(
                f'it takes the input "{printable(file.name)}" in floats; {UNQUANTIZED}, or leave to the '
                "caller what is done to it first"
            )
        if file.shape[0] > 1:
            raise ModelError(f"the input has a batch of {file.shape[0]}; export it with a batch of 1")
        order = _TIME_FIRST if self._is_sequence() else _order_of_image(file.shape)
        network.name = file.name
        tensor = network.tensor([file.shape[axis] for axis in order], wanted)
        return Value(tensor, file.shape, order, None, pending=file.dtype not in _TYPES)

    def _is_sequence(self) -> bool:
        """Say whether the input is of channels over time, (n, c, length), which what has windows reads."""
        left = [self._file.name]
        while left and len(self._file.shape) == 3:
            for reader in self._readers.get(left.pop(), ()):
                if reader.op in _WINDOWED:
                    return True
                if reader.op in ("QuantizeLinear", "DequantizeLinear"):
                    left += reader.outputs
        return False

    def _scaling(self, node: OnnxNode) -> tuple[Array, Array]:
        """Return scales and zero points that QuantizeLinear or DequantizeLinear has, which know no others."""
        if node.attributes.get("block_size", 0):
            raise ModelError("it has scales of blocks; one for the tensor or for each channel is possible")
        given = [self._values.get(name) for name in node.inputs[1:3]]
        scales = given[0]
        points = given[1] if len(given) > 1 and given[1] is not None else _zero(node)
        if not isinstance(scales, np.ndarray) or not isinstance(points, np.ndarray):
            raise ModelError("its scale or zero point is no constant")
        positive = scales.dtype.kind == "f" and (np.isfinite(scales) & (scales > 0)).all()
        if not positive or points.dtype.kind not in "iu":
            raise ModelError("its scale is no positive number, or its zero point no integer")
        if scales.ndim > 1 or points.size not in (1, scales.size):
            raise ModelError(f"it has scales {list(scales.shape)} and zero points {list(points.shape)}")
        return scales.reshape(-1).astype(np.float32), points.reshape(-1)

    def _one(self, node: OnnxNode) -> Quantization:
        """Return the scale and zero point of an activation as int8."""
        scales, points = self._scaling(node)
        if points.dtype.name not in _TYPES:
            raise ModelError(f"it makes {points.dtype}; activations of int8 or uint8 are possible")
        if scales.size > 1:
            raise ModelError(f"it has {scales.size} scales for an activation; one is possible")
        return signed(float(scales[0]), int(points[0]), points.dtype.name)

    def _quantized(self, node: OnnxNode, values: Sequence[Any]) -> Any:
        value = values[0]
        if isinstance(value, Value):
            wanted = self._one(node)
            if value.pending and self._network.quantization(value) != wanted and not self._fixed(value):
                raise ModelError("it quantizes floats that another operator quantizes to another scale")
            rounded = self._network.rescaled(value, wanted)
            return Value(rounded.tensor, rounded.shape, rounded.order, rounded.view)
        scales, points = self._scaling(node)
        real = value.real if isinstance(value, Quantized) else np.asarray(value, np.float32)
        axis, limits = node.attributes.get("axis", 1), np.iinfo(points.dtype)
        empty = Quantized(np.zeros(real.shape, points.dtype), scales, _spread(points, scales), axis)
        steps = np.rint(real / empty.along(scales)) + empty.along(empty.zero_points)
        return replace(empty, integers=np.asarray(np.clip(steps, limits.min, limits.max), points.dtype))

    def _dequantized(self, node: OnnxNode, values: Sequence[Any]) -> Any:
        value = values[0]
        if isinstance(value, Value):
            if not self._is_of(value, node):
                raise ModelError("it has another scale or zero point than what has made its integers")
            return value
        scales, points = self._scaling(node)
        if isinstance(value, Quantized):
            value = value.integers
        if not isinstance(value, np.ndarray) or value.dtype.kind not in "iu":
            raise ModelError("it takes floats; integers are needed")
        return Quantized(value, scales, _spread(points, scales), node.attributes.get("axis", 1))

    def _is_of(self, value: Value, node: OnnxNode) -> bool:
        """Say whether integers have the scale and zero point of a DequantizeLinear, without which it is 0."""
        has = self._network.quantization(value)
        if len(node.inputs) < 3 or not node.inputs[2]:
            return has.scale == float(self._scaling(node)[0][0]) and has.zero_point in (0, LOWEST)
        return has == self._one(node)

    def _fixed(self, value: Value) -> bool:
        """Say whether a value has a scale that TensorFlow Lite fixes."""
        maker = self._network.maker(value)
        return maker is not None and maker.op in ("SOFTMAX", "LOGISTIC", "TANH", "LOG_SOFTMAX")

    def _wanted(self, name: str) -> Quantization | None:
        """Return by which scale a value is quantized next, behind what moves or limits it, or None."""
        left, seen = [name], {name}
        while left:
            value = left.pop(0)
            for reader in self._readers.get(value, ()):
                if reader.op == "QuantizeLinear" and reader.inputs[0] == value:
                    return self._one(reader)
                passes = reader.op in _SEEN_THROUGH and reader.inputs[0] == value
                if passes or self._is_bias(reader, value):
                    left += [made for made in reader.outputs if made not in seen]
                    seen.update(reader.outputs)
        return None

    def _is_bias(self, node: OnnxNode, name: str) -> bool:
        """Say whether an operator adds a constant to sums of products."""
        maker, others = self._makers.get(name), [other for other in node.inputs if other != name]
        if node.op != "Add" or maker is None or maker.op not in _SUMS or len(others) != 1:
            return False
        behind = self._makers.get(others[0])
        given = behind.inputs if behind is not None else others
        return all(name in self._file.constants or not name for name in given)

    def _given(self, name: str) -> Quantization | None:
        """Return what an input of integers stands for, as its first DequantizeLinear says."""
        readers = [node for node in self._readers.get(name, ()) if node.op == "DequantizeLinear"]
        return self._one(readers[0]) if readers and self._file.dtype in _TYPES else None

    def _alone(self, node: OnnxNode) -> bool:
        """Say whether an operator is the only reader of what an operator that computes has just made."""
        name = node.inputs[0]
        computed = name in self._makers and self._makers[name].op not in _MAKING_NOTHING
        return computed and len(self._readers[name]) == 1 and name not in self._file.outputs

    def _output(self, name: str) -> int:
        value = self._values.get(name)
        if not isinstance(value, Value):
            raise ModelError(f'{self._path} answers with "{printable(name)}", which is not made of its input')
        if len(value.shape) == 3 and self._lies_over_time(value):
            return self._network.ordered(value, _TIME_FIRST)
        return self._network.ordered(value)

    def _lies_over_time(self, value: Value) -> bool:
        """Say whether a sequence, (n, c, length), lies with its channels last."""
        flat = self._network.numbers(value).transpose(_TIME_FIRST).ravel()
        return value.shape[1] > 1 and np.array_equal(flat, np.arange(flat.size))

    def _at(self, node: OnnxNode) -> str:
        return f'{self._path}: {node.op} "{node.name}"'


def _listed() -> str:
    return ", ".join(sorted(ROWS))


def _zero(node: OnnxNode) -> Array:
    """Return the zero point of an operator that names none: 0, of uint8 if it doesn't say int8."""
    return np.zeros(1, np.int8 if node.attributes.get("output_dtype") == _INT8 else np.uint8)


def _spread(points: Array, scales: Array) -> Any:
    wide = points.astype(np.int64)
    return np.repeat(wide, scales.size) if wide.size == 1 else wide


def _order_of_image(shape: Sequence[int]) -> tuple[int, ...]:
    """Return in which order a graph has the axes of an input: channels last, wherever the file has them."""
    if len(shape) == 4 and (shape[1] in _CHANNELS or shape[3] not in _CHANNELS):
        return canonical(4)
    return tuple(range(len(shape)))
