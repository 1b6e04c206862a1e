# SPDX-License-Identifier: Apache-2.0
"""The compiler's writer of .tflite files for tflite_builder.py, which also builds what no graph should be."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tflite

from edgecnn.compiler.ir import Graph, Operator, OtherOptions, Quantization, Signature, Stored, Tensor
from edgecnn.compiler.writing.tflite import Writer

_BUFFER_OFFSET = 6  # its place in the vtable of Buffer


@dataclass
class BuiltTensor:
    shape: tuple[int, ...]
    dtype: str
    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    axis: int
    data: npt.NDArray[Any] | None
    name: str
    shape_signature: tuple[int, ...] = ()
    state: bool = False
    sparse: bool = False
    outside: bool = False  # data that lies behind the flatbuffer, not in it


def written(builder: Any, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> bytes:
    """Return the bytes of a file with what a tflite_builder.Builder and those behind it have built."""
    built = [(builder, inputs, outputs), *builder.more]
    graphs = [_graph(*parts) for parts in built]
    outside = [
        tensor
        for (part, *_), graph in zip(built, graphs, strict=True)
        for origin, tensor in zip(part.tensors, graph.tensors, strict=True)
        if origin.outside and tensor.data is not None
    ]
    writer = _Writer(builder.codes, outside)
    signatures = [_signature(*signature) for signature in builder.signatures]
    return writer.with_data_outside(writer.write(graphs, signatures))


def _graph(builder: Any, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> Graph:
    return Graph(
        tuple(_tensor(tensor) for tensor in builder.tensors),
        tuple(_operator(index, *operator) for index, operator in enumerate(builder.operators)),
        inputs,
        outputs,
        description=builder.description,
    )


def _tensor(tensor: BuiltTensor) -> Tensor:
    scales = Quantization(tensor.scales, tensor.zero_points, tensor.axis) if tensor.scales else None
    return Tensor(
        tensor.name,
        tensor.shape,
        tensor.dtype,
        scales,
        tensor.data,
        tensor.shape_signature,
        tensor.state,
        tensor.sparse,
    )


def _operator(index: int, op: str, inputs: tuple[int, ...], output: Any, options: dict[str, Any]) -> Operator:
    lists = {name: ("int32", np.array(of, np.int32).tobytes()) for name, of in options.items() if _many(of)}
    lists |= {name: ("", text) for name, text in options.items() if isinstance(text, bytes)}
    between = options.get("intermediates", ())
    numbers = {name: of for name, of in options.items() if name not in (*lists, "intermediates")}
    outputs = output if isinstance(output, tuple) else (output,)
    return Operator(op, index, inputs, outputs, OtherOptions(numbers), Stored(lists=lists), tuple(between))


def _many(value: Any) -> bool:
    return isinstance(value, list)


def _signature(key: str, inputs: dict[str, int], outputs: dict[str, int], subgraph: int = 0) -> Signature:
    return Signature(key, subgraph, tuple(inputs.items()), tuple(outputs.items()))


class _Writer(Writer):
    """Writes op codes of two minds, sparse tensors, and data behind the flatbuffer, too."""

    def __init__(self, codes: dict[str, tuple[int, int]], outside: list[Tensor]) -> None:
        super().__init__()
        self._both_codes, self._outside = codes, outside
        self._behind: dict[int, bytes] = {}

    def operator_code(self, op: str, version: int) -> int:
        if op not in self._both_codes:
            return super().operator_code(op, version)
        deprecated, code = self._both_codes[op]
        return self.table("OperatorCode", DeprecatedBuiltinCode=deprecated, Version=version, BuiltinCode=code)

    def buffer(self, tensor: Tensor) -> int:
        if tensor not in self._outside:
            return super().buffer(tensor)
        assert tensor.data is not None
        number = self.add_buffer(Offset=1, Size=tensor.data.nbytes)
        self._behind[number] = tensor.data.tobytes()
        return number

    def further_fields(self, tensor: Tensor) -> dict[str, Any]:
        sparse = {"Sparsity": self.table("SparsityParameters")} if tensor.sparse else {}
        return super().further_fields(tensor) | sparse

    def with_data_outside(self, flatbuffer: bytes) -> bytes:
        """Put data behind a flatbuffer, and where each lies into its buffer in it."""
        model = bytearray(flatbuffer)
        for number, data in self._behind.items():
            table = tflite.Model.GetRootAs(model, 0).Buffers(number)._tab
            at = table.Pos + table.Offset(_BUFFER_OFFSET)
            model[at : at + 8] = len(model).to_bytes(8, "little")
            model += data
        return bytes(model)
