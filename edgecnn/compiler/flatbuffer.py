# SPDX-License-Identifier: Apache-2.0
"""From the bytes of a .tflite file to a Graph.

This reader walks everything a TFLite runtime would, with bounds checked, because tflite-runtime ends
the process on a truncated file: no file goes to a runtime before `read_model` has accepted it.
"""

import hashlib
import math
import re
import struct
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import tflite
from flatbuffers.number_types import Int32Flags
from numpy.typing import NDArray
from tflite.utils import BUILTIN_OPCODE2NAME

from edgecnn.compiler.ir import Graph, Operator, Quantization, Tensor
from edgecnn.compiler.metadata import read_labels, read_threshold
from edgecnn.errors import ModelError
from edgecnn.files import read_bytes

# What the Python flatbuffer classes raise on bytes that make no sense.
_CORRUPT = (struct.error, TypeError, ValueError, IndexError, OverflowError, AttributeError, MemoryError)
_DTYPES = {
    tflite.TensorType.FLOAT32: "float32",
    tflite.TensorType.FLOAT16: "float16",
    tflite.TensorType.INT32: "int32",
    tflite.TensorType.UINT8: "uint8",
    tflite.TensorType.INT64: "int64",
    tflite.TensorType.BOOL: "bool",
    tflite.TensorType.INT16: "int16",
    tflite.TensorType.INT8: "int8",
    tflite.TensorType.UINT32: "uint32",
    tflite.TensorType.FLOAT64: "float64",
}
_TYPE_NAMES = {
    value: name.lower() for name, value in vars(tflite.TensorType).items() if not name.startswith("_")
}
_OPTION_NAMES = {
    value: name for name, value in vars(tflite.BuiltinOptions).items() if not name.startswith("_")
}
_MAX_RANK = 8
_QUANTIZED_DIMENSION = 16  # its place in the vtable of QuantizationParameters
_OPERATORS = 10  # their place in that of SubGraph
_BUILTIN_CODE = 10  # its place in the vtable of OperatorCode


def read_model(path: Path) -> Graph:
    """Read a .tflite file.

    Raises:
        ModelError: there is no such file, or it holds no model that can be read.
    """
    if path.is_dir():
        raise ModelError(f"{path} is a folder; give a .tflite file, such as a run's model_int8.tflite")
    data = read_bytes(path, error=ModelError)
    try:
        return parse(data, name=path.stem)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error


def parse(data: bytes, name: str = "") -> Graph:
    """Read the bytes of a .tflite file; `name` becomes the graph's.

    Raises:
        ModelError: the bytes hold no model with one subgraph, or one that is cut short or corrupt.
    """
    if data[4:8] != b"TFL3":
        raise ModelError("not a .tflite file (bytes 4 to 8 must read TFL3)")
    try:
        graph = _Reader(data).graph(name)
    except _CORRUPT as error:
        raise ModelError(
            f"cut short or corrupt: {type(error).__name__} while reading the flatbuffer"
        ) from error
    graph.verify()
    return graph


def with_valid_axes(data: bytes) -> bytes:
    """Return a model's bytes with 0 for each quantized_dimension that its tensor doesn't have.

    person_detect.tflite of TensorFlow Lite Micro says 3 for its bias vectors: TFLM accepts that, and
    the larger runtimes refuse the file.
    """
    repaired = bytearray(data)
    subgraph = tflite.Model.GetRootAs(data, 0).Subgraphs(0)
    for number in range(subgraph.TensorsLength()):
        tensor = subgraph.Tensors(number)
        stored = tensor.Quantization()
        if stored is not None and stored.QuantizedDimension() >= max(tensor.ShapeLength(), 1):
            table = stored._tab
            position = table.Pos + table.Offset(_QUANTIZED_DIMENSION)
            repaired[position : position + 4] = bytes(4)
    return bytes(repaired)


def with_operators(data: bytes, count: int) -> bytes:
    """Return a model's bytes without the operators behind the first `count`, of which it has as many."""
    shortened = bytearray(data)
    table = tflite.Model.GetRootAs(data, 0).Subgraphs(0)._tab
    position = table.Vector(table.Offset(_OPERATORS)) - 4  # of the length, which is followed by the elements
    shortened[position : position + 4] = count.to_bytes(4, "little")
    return bytes(shortened)


class _Reader:
    """Reads one flatbuffer; every length it finds is checked against the bytes there are."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._model = tflite.Model.GetRootAs(data, 0)

    def graph(self, name: str) -> Graph:
        model = self._model
        if self._length(model.SubgraphsLength()) != 1:
            raise ModelError(f"has {model.SubgraphsLength()} subgraphs; models with exactly 1 can be read")
        subgraph = model.Subgraphs(0)
        ops = [
            self._op_name(model.OperatorCodes(i)) for i in range(self._length(model.OperatorCodesLength()))
        ]
        return Graph(
            tensors=tuple(
                self._tensor(subgraph.Tensors(i), i) for i in range(self._length(subgraph.TensorsLength()))
            ),
            operators=tuple(
                self._operator(subgraph.Operators(i), i, ops)
                for i in range(self._length(subgraph.OperatorsLength()))
            ),
            inputs=tuple(subgraph.Inputs(i) for i in range(self._length(subgraph.InputsLength()))),
            outputs=tuple(subgraph.Outputs(i) for i in range(self._length(subgraph.OutputsLength()))),
            name=name,
            sha256=hashlib.sha256(self._data).hexdigest(),
            description=_text(model.Description()),
            labels=_labels(self._data),
            threshold=read_threshold(self._data),
        )

    def _length(self, count: int) -> int:
        """Return `count` if a vector of so many entries fits the file: corrupt ones claim billions."""
        if count * 4 > len(self._data):
            raise ModelError(f"cut short or corrupt: a vector of {count} entries in {len(self._data)} bytes")
        return count

    @staticmethod
    def _op_name(code: Any) -> str:
        number = _builtin_code(code)
        if number == tflite.BuiltinOperator.CUSTOM:
            return f"CUSTOM:{_text(code.CustomCode())}"
        return str(BUILTIN_OPCODE2NAME.get(number, f"UNKNOWN_{number}"))

    def _operator(self, operator: Any, index: int, ops: list[str]) -> Operator:
        code = operator.OpcodeIndex()
        if code >= len(ops):
            raise ModelError(f"operator {index} has op code {code}, but the model lists {len(ops)}")
        return Operator(
            op=ops[code],
            index=index,
            inputs=tuple(operator.Inputs(i) for i in range(self._length(operator.InputsLength()))),
            outputs=tuple(operator.Outputs(i) for i in range(self._length(operator.OutputsLength()))),
            options=MappingProxyType(_options(operator)),
        )

    def _tensor(self, tensor: Any, index: int) -> Tensor:
        name, type_code = _text(tensor.Name()), tensor.Type()
        rank = self._length(tensor.ShapeLength())
        shape = tuple(tensor.Shape(i) for i in range(rank))
        if rank > _MAX_RANK or min(shape, default=0) < 0:
            raise ModelError(f"tensor {index} has shape {shape}; up to {_MAX_RANK} dimensions of 0 or more")
        if tensor.IsVariable():
            raise ModelError(
                f'tensor {index} "{name}" is a state, kept from one inference to the next; only models '
                "without any can be read"
            )
        dtype = _DTYPES.get(type_code, _TYPE_NAMES.get(type_code, f"type_{type_code}"))
        return Tensor(
            name, shape, dtype, self._quantization(tensor, index), self._value(tensor, index, shape, dtype)
        )

    def _quantization(self, tensor: Any, index: int) -> Quantization | None:
        stored = tensor.Quantization()
        if stored is None or stored.ScaleLength() == 0:
            return None
        count = self._length(stored.ScaleLength())
        scales = tuple(float(stored.Scale(i)) for i in range(count))
        if not all(math.isfinite(scale) and scale > 0 for scale in scales):
            raise ModelError(f"tensor {index} has a scale that is not a positive number")
        zero_points = tuple(int(stored.ZeroPoint(i)) for i in range(self._length(stored.ZeroPointLength())))
        if not zero_points:
            zero_points = (0,) * count
        if len(zero_points) != count:
            raise ModelError(
                f"tensor {index} has {count} scales and {len(zero_points)} zero points; as many needed"
            )
        # person_detect.tflite of TFLM says axis 3 for bias vectors too, and TFLM accepts it.
        rank = tensor.ShapeLength()
        axis = int(stored.QuantizedDimension())
        return Quantization(scales, zero_points, axis if axis < max(rank, 1) else 0)

    def _value(
        self, tensor: Any, index: int, shape: tuple[int, ...], dtype: str
    ) -> NDArray[np.generic] | None:
        number = tensor.Buffer()
        if number >= self._length(self._model.BuffersLength()):
            raise ModelError(
                f"tensor {index} has buffer {number}, but the model has {self._model.BuffersLength()}"
            )
        buffer = self._model.Buffers(number)
        size = self._length((buffer.DataLength() + 3) // 4) and buffer.DataLength()
        if size == 0:
            return None
        raw = buffer.DataAsNumpy()
        if dtype not in _DTYPES.values() or tensor.Sparsity() is not None:
            return np.asarray(raw)  # shown by its size only; no op here takes such a constant
        if size != math.prod(shape) * np.dtype(dtype).itemsize:
            raise ModelError(f"tensor {index} is {dtype} of shape {shape}, but its buffer has {size} bytes")
        return np.asarray(raw).view(np.dtype(dtype).newbyteorder("<")).reshape(shape)


def _builtin_code(code: Any) -> int:
    """Return the number of an op: the larger of two fields, as TFLite takes it.

    Files from before there were more than 127 ops have the deprecated one alone, some later ones the other.
    The `tflite` package's BuiltinCode() answers with the deprecated field below 127, so this reads the bytes.
    """
    table = code._tab
    position = table.Offset(_BUILTIN_CODE)
    number = table.Get(Int32Flags, table.Pos + position) if position else 0
    return max(int(number), int(code.DeprecatedBuiltinCode()))


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", errors="replace")


def _options(operator: Any) -> dict[str, int | float | bool]:
    """Return the scalar options of an operator under snake-case names, whichever op it is."""
    table = operator.BuiltinOptions()
    kind = getattr(tflite, _OPTION_NAMES.get(operator.BuiltinOptionsType(), "NONE"), None)
    if table is None or kind is None:
        return {}
    options = kind()
    options.Init(table.Bytes, table.Pos)
    return {_snake(name): getattr(options, name)() for name in _scalar_options(kind)}


def _scalar_options(kind: Any) -> list[str]:
    """Return the methods of a schema class that read one scalar: those that take nothing but self."""
    return [
        name
        for name, method in vars(kind).items()
        if name[0].isupper()
        and not name.endswith(("AsNumpy", "Length", "IsNone"))
        and callable(method)
        and method.__code__.co_argcount == 1
    ]


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _labels(data: bytes) -> tuple[str, ...]:
    """Return the class labels in the metadata, or none where those are damaged: no runtime minds."""
    try:
        return read_labels(data)
    except ModelError:
        return ()
