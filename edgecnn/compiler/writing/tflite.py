# SPDX-License-Identifier: Apache-2.0
"""A Graph to the bytes of a .tflite file: what `reading/tflite.py` has read, written anew.

What a file holds and a graph doesn't is refused, as `Graph.unkept` has it, but for what is of no consequence:
buffers that nothing names, minima and maxima beside scales, and numbers for debuggers. Equal constants share
a buffer. The same graph gives the same bytes.
"""

import io
import zipfile
from collections.abc import Sequence
from typing import Any

import flatbuffers
import numpy as np
import tflite
from numpy.typing import NDArray

from edgecnn.compiler.ir import Graph, Operator, Quantization, Signature, Tensor
from edgecnn.compiler.reading.options import encoded
from edgecnn.compiler.reading.schema import field_names, op_code, table_of, type_code, version_of
from edgecnn.errors import ModelError

_IDENTIFIER, _VERSION = b"TFL3", 3  # of the schema
_MOST_DEPRECATED = 127  # of an op's number, where readers of old look for it
_ALIGN = 16  # of constants: kernels load so many bytes at once
_SLACK = 1 << 16  # bytes for all but the constants, before a builder has to grow

_OpCode = tuple[str, int]  # and the version


def tflite_bytes(graph: Graph) -> bytes:
    """Return the bytes of a .tflite file that holds a graph as `parse` reads one.

    Raises:
        ModelError: the graph comes from a file that holds more, or has what no such file can.
    """
    if graph.unkept:
        raise ModelError(f"the model can't be written anew, as it has {graph.unkept[0]}")
    flatbuffer = Writer().write((graph,), (graph.signature,) if graph.signature else ())
    return _with_files(flatbuffer, graph.files) if graph.files else flatbuffer


def _with_files(model: bytes, files: Sequence[tuple[str, bytes]]) -> bytes:
    """Return a model with a zip archive behind it: stored, so that files can be read where they lie."""
    result = io.BytesIO()
    result.write(model)
    with zipfile.ZipFile(result, "w") as archive:
        for name, content in files:
            info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            info.create_system = 3  # Unix, wherever this runs: the same bytes everywhere
            archive.writestr(info, content)
    return result.getvalue()


class Writer:
    """Writes one flatbuffer, of any number of subgraphs; what they say is not checked."""

    def __init__(self) -> None:
        self.builder = flatbuffers.Builder(_SLACK)
        self._codes: dict[_OpCode, int] = {}
        self._buffers: list[int] = []
        self._constants: dict[bytes, int] = {}

    def write(self, graphs: Sequence[Graph], signatures: Sequence[Signature]) -> bytes:
        """Return a flatbuffer of subgraphs, with what the first says of the model, and signatures."""
        data = (tensor.data for graph in graphs for tensor in graph.tensors)
        size = sum(value.nbytes + _ALIGN for value in data if value is not None)
        builder = self.builder = flatbuffers.Builder(_SLACK + size)
        self._buffers = [self.table("Buffer")]  # number 0 stands for no data
        subgraphs = [self._subgraph(graph) for graph in graphs]
        optional = {
            "Metadata": [self._metadata(*entry) for entry in graphs[0].metadata],
            "SignatureDefs": [self._signature(signature) for signature in signatures],
        }
        model = self.table(
            "Model",
            Version=_VERSION,
            Subgraphs=self._offsets(subgraphs),
            OperatorCodes=self._offsets([self.operator_code(*code) for code in self._codes]),
            Description=builder.CreateString(graphs[0].description),
            Buffers=self._offsets(self._buffers),
            **{name: self._offsets(tables) for name, tables in optional.items() if tables},
        )
        builder.Finish(model, file_identifier=_IDENTIFIER)
        return bytes(builder.Output())

    def operator_code(self, op: str, version: int) -> int:
        """Write an OperatorCode."""
        number, custom = op_code(op)
        deprecated = min(number, _MOST_DEPRECATED)
        name = {"CustomCode": self.builder.CreateString(custom)} if custom else {}
        return self.table(
            "OperatorCode", DeprecatedBuiltinCode=deprecated, Version=version, BuiltinCode=number, **name
        )

    def buffer(self, tensor: Tensor) -> int:
        """Return the number of the buffer that holds a tensor's data; 0 where it has none."""
        return 0 if tensor.data is None else self._constant(tensor.data.tobytes())

    def further_fields(self, tensor: Tensor) -> dict[str, Any]:
        """Return more fields of a Tensor than all have."""
        further: dict[str, Any] = {}
        if tensor.shape_signature:
            further["ShapeSignature"] = self._vector(tensor.shape_signature, "int32")
        if tensor.quantization is not None:
            further["Quantization"] = self._quantization(tensor.quantization)
        return further

    def add_buffer(self, **values: Any) -> int:
        """Write a Buffer with fields by their names; return its number."""
        self._buffers.append(self.table("Buffer", **values))
        return len(self._buffers) - 1

    def _constant(self, data: bytes) -> int:
        if data not in self._constants:
            self._constants[data] = self.add_buffer(Data=self._bytes(data))
        return self._constants[data]

    def _bytes(self, data: bytes) -> int:
        builder = self.builder
        builder.StartVector(1, len(data), _ALIGN)
        builder.head -= len(data)
        builder.Bytes[builder.Head() : builder.Head() + len(data)] = data
        return int(builder.EndVector())

    def _subgraph(self, graph: Graph) -> int:
        return self.table(
            "SubGraph",
            Tensors=self._offsets([self._tensor(tensor) for tensor in graph.tensors]),
            Inputs=self._vector(graph.inputs, "int32"),
            Outputs=self._vector(graph.outputs, "int32"),
            Operators=self._offsets([self._operator(graph, operator) for operator in graph.operators]),
            Name=self.builder.CreateString(graph.subgraph),
        )

    def _tensor(self, tensor: Tensor) -> int:
        return self.table(
            "Tensor",
            Shape=self._vector(tensor.shape, "int32"),
            Type=type_code(tensor.dtype),
            Buffer=self.buffer(tensor),
            Name=self.builder.CreateString(tensor.name),
            IsVariable=tensor.state,
            HasRank=True,
            **self.further_fields(tensor),
        )

    def _quantization(self, quantization: Quantization) -> int:
        return self.table(
            "QuantizationParameters",
            Scale=self._vector(quantization.scales, "float32"),
            ZeroPoint=self._vector(quantization.zero_points, "int64"),
            QuantizedDimension=quantization.axis,
        )

    def _operator(self, graph: Graph, operator: Operator) -> int:
        ends = (*operator.inputs, *operator.outputs)
        dtypes = {graph.tensors[i].dtype for i in ends if 0 <= i < len(graph.tensors)}
        version = operator.stored.version or version_of(operator.op, dtypes)
        code = self._codes.setdefault((operator.op, version), len(self._codes))
        custom, between = operator.stored.custom, operator.intermediates
        return self.table(
            "Operator",
            OpcodeIndex=code,
            Inputs=self._vector(operator.inputs, "int32"),
            Outputs=self._vector(operator.outputs, "int32"),
            **self._options(graph, operator),
            **({"CustomOptions": self._bytes(custom)} if custom else {}),
            **({"Intermediates": self._vector(between, "int32")} if between else {}),
        )

    def _options(self, graph: Graph, operator: Operator) -> dict[str, int]:
        stored = operator.stored
        name = stored.table if stored.version else table_of(operator.op)
        lists = {
            key: self._vector(np.frombuffer(data, dtype), dtype) if dtype else self.builder.CreateString(data)
            for key, (dtype, data) in stored.lists.items()
        }
        values = {**encoded(graph, operator), **lists}
        names = field_names(getattr(tflite, name)) if name else {}
        if unknown := sorted(values.keys() - names.keys()):
            raise ModelError(
                f'{graph.describe(operator)} has option "{unknown[0]}", for which a .tflite file has no place'
            )
        if not name:
            return {}
        union = "BuiltinOptions" if hasattr(tflite.BuiltinOptions, name) else "BuiltinOptions2"
        return {
            f"{union}Type": getattr(getattr(tflite, union), name),
            union: self.table(name, **{names[key]: value for key, value in values.items()}),
        }

    def _signature(self, signature: Signature) -> int:
        return self.table(
            "SignatureDef",
            Inputs=self._offsets([self._named(*end) for end in signature.inputs]),
            Outputs=self._offsets([self._named(*end) for end in signature.outputs]),
            SignatureKey=self.builder.CreateString(signature.key),
            SubgraphIndex=signature.subgraph,
        )

    def _named(self, name: str, tensor: int) -> int:
        return self.table("TensorMap", Name=self.builder.CreateString(name), TensorIndex=tensor)

    def _metadata(self, name: str, data: bytes) -> int:
        return self.table("Metadata", Name=self.builder.CreateString(name), Buffer=self._constant(data))

    def table(self, name: str, **values: Any) -> int:
        """Write a table of the schema with fields by their names: numbers, or offsets of what is written."""
        getattr(tflite, f"{name}Start")(self.builder)
        for field, value in values.items():
            getattr(tflite, f"{name}Add{field}")(self.builder, value)
        return int(getattr(tflite, f"{name}End")(self.builder))

    def _vector(self, values: Sequence[float] | NDArray[np.generic], dtype: str) -> int:
        return int(self.builder.CreateNumpyVector(np.array(values, dtype)))

    def _offsets(self, offsets: Sequence[int]) -> int:
        self.builder.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            self.builder.PrependUOffsetTRelative(offset)
        return int(self.builder.EndVector())
