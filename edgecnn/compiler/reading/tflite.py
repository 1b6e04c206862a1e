# SPDX-License-Identifier: Apache-2.0
"""From the bytes of a .tflite file to what it holds, and to the Graph that runs.

This reader walks everything a TFLite runtime would, with bounds checked, because tflite-runtime ends
the process on a truncated file: no file goes to a runtime before `read_model` has accepted it. What such a
file says may still be shown: `read_file` takes all that it can make out, and names what stands in the way.
"""

import hashlib
import math
import struct
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tflite
from numpy.typing import NDArray

from edgecnn.compiler.ir import Graph, Operator, Quantization, Signature, Stored, Tensor, short_name
from edgecnn.compiler.reading.metadata import (
    read_files,
    read_fitting,
    read_labels,
    read_normalization,
    read_ranges,
    read_threshold,
    read_window,
)
from edgecnn.compiler.reading.options import decoded
from edgecnn.compiler.reading.schema import (
    DTYPES,
    NAMELESS,
    numbers_of,
    op_name,
    stored_of,
    text,
    type_name,
    unkept,
)
from edgecnn.compiler.reading.variables import CALL_ONCE, called_once, states_of, with_variables
from edgecnn.errors import ModelError
from edgecnn.files import read_bytes

# What the Python flatbuffer classes raise on bytes that make no sense.
_CORRUPT = (struct.error, TypeError, ValueError, IndexError, OverflowError, AttributeError, MemoryError)
_VERSION = 3  # of the schema: the one that all runtimes read
_MAX_RANK = 8
# How often a byte is read, on average, and how many bytes a table counts for: parts that lie over each other
# could make a small file endless.
_MOST_READS, _TABLE = 16, 16
_NO_STATE = "an operator with a state of its own can't be run or compiled; one that VAR_HANDLE names can"
_NO_LOOP = (
    "only models of one subgraph can be run and compiled, without loops and conditions: give a GRU or LSTM "
    "of Keras unroll=True, or let it take one step per inference and keep its state in a variable"
)


@dataclass(frozen=True, eq=False)
class ModelFile:
    """What a .tflite file holds, of which more can be shown than be run or compiled.

    Attributes:
        subgraphs: all of them; the first is what runs.
        signatures: the ways to call them.
        problems: a line for each thing for which no runtime may be given the file.
    """

    subgraphs: tuple[Graph, ...]
    signatures: tuple[Signature, ...]
    problems: tuple[str, ...]


def read_model(path: Path) -> Graph:
    """Read a .tflite file that is to be run or compiled.

    Raises:
        ModelError: there is no such file, or it holds no model that can be.
    """
    file = read_file(path)
    if file.problems:
        raise ModelError(f"{path}: {file.problems[0]}")
    return file.subgraphs[0]


def read_file(path: Path) -> ModelFile:
    """Read a .tflite file that is to be shown.

    Raises:
        ModelError: there is no such file, or its flatbuffer is cut short or corrupt.
    """
    if path.is_dir():
        raise ModelError(f"{path} is a folder; give a .tflite file, such as a run's model_int8.tflite")
    data = read_bytes(path, error=ModelError)
    try:
        return parse_file(data, name=path.stem)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error


def parse(data: bytes, name: str = "") -> Graph:
    """Read the bytes of a .tflite file that is to be run or compiled; `name` becomes the graph's.

    Raises:
        ModelError: the bytes hold no model with one subgraph and without state, or one that is corrupt.
    """
    file = parse_file(data, name)
    if file.problems:
        raise ModelError(file.problems[0])
    return file.subgraphs[0]


def parse_file(data: bytes, name: str = "") -> ModelFile:
    """Read the bytes of a .tflite file that is to be shown; `name` becomes the first subgraph's.

    Raises:
        ModelError: the flatbuffer is cut short or corrupt.
    """
    if data[4:8] != b"TFL3":
        raise ModelError("not a .tflite file (bytes 4 to 8 must read TFL3)")
    try:
        return _Reader(data).file(name)
    except _CORRUPT as error:
        raise ModelError("cut short or corrupt: offsets in the flatbuffer lead nowhere") from error


class _Reader:
    """Reads one flatbuffer; every length it finds is checked against the bytes there are.

    What keeps a model from being run, but not from being shown, is noted in `problems`; what no graph has a
    place for, in `unkept`.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._model = tflite.Model.GetRootAs(data, 0)
        self._left = _MOST_READS * len(data)
        self._problems: list[str] = []
        self._unkept: list[str] = []

    def file(self, name: str) -> ModelFile:
        model = self._model
        codes = [model.OperatorCodes(i) for i in range(self._length(model.OperatorCodesLength()))]
        for code in codes:
            self._text(code.CustomCode())
        ops = [(op_name(code), code) for code in codes]
        count = self._length(model.SubgraphsLength())
        signatures = tuple(
            self._signature(model.SignatureDefs(i)) for i in range(self._length(model.SignatureDefsLength()))
        )
        subgraphs = [self._subgraph(model.Subgraphs(i), ops, _first(signatures, i)) for i in range(count)]
        if not subgraphs:
            raise ModelError("has no subgraph; one is needed")
        subgraphs[0] = self._main(subgraphs[0], name)
        if model.Version() != _VERSION:
            self._problems.append(f"is of schema version {model.Version()}; only {_VERSION} is read")
        problems = [*_beyond_one(subgraphs), *self._problems]
        if not problems:
            try:
                subgraphs[0] = with_variables(subgraphs)
                subgraphs[0].verify()
            except ModelError as error:
                problems.append(str(error))
        return ModelFile(tuple(subgraphs), signatures, tuple(problems))

    def _main(self, graph: Graph, name: str) -> Graph:
        metadata, files = self._metadata(), self._files()
        description, ranges = self._text(self._model.Description()), read_ranges(self._data)
        signatures, subgraphs = self._model.SignatureDefsLength(), self._model.SubgraphsLength()
        if signatures > 1:
            self._unkept.append(f"{signatures} signatures")
        if subgraphs > 1:
            self._unkept.append(f"{subgraphs} subgraphs")
        return replace(
            graph,
            name=name,
            subgraph=graph.name,
            metadata=metadata,
            files=files,
            unkept=tuple(self._unkept),
            sha256=hashlib.sha256(self._data).hexdigest(),
            description=description,
            labels=_labels(self._data),
            threshold=read_threshold(self._data),
            window=read_window(self._data),
            normalization=None if ranges else read_normalization(self._data),
            fitting=read_fitting(self._data),
            ranges=ranges,
        )

    def _metadata(self) -> tuple[tuple[str, bytes], ...]:
        """Return the metadata entries of a model, or none where they are damaged: no runtime minds."""
        model = self._model
        if model.MetadataBufferLength():
            self._unkept.append("metadata of before there were names for them")
        try:
            entries = [model.Metadata(i) for i in range(self._length(model.MetadataLength()))]
            buffers = [model.Buffers(entry.Buffer()) for entry in entries]
            data = [
                buffer.DataAsNumpy().tobytes() if self._length(buffer.DataLength(), 1) else b""
                for buffer in buffers
            ]
            return tuple((self._text(entry.Name()), held) for entry, held in zip(entries, data, strict=True))
        except (*_CORRUPT, ModelError):
            self._unkept.append("metadata that are damaged")
            return ()

    def _files(self) -> tuple[tuple[str, bytes], ...]:
        try:
            return read_files(self._data)
        except ModelError as error:
            self._unkept.append(str(error))
            return ()

    def _length(self, count: int, size: int = 4) -> int:
        """Return `count` if a vector of so many entries fits the file: corrupt ones claim billions."""
        self._left -= count * size
        if count * size > len(self._data) or self._left < 0:  # or vectors that lie over each other
            raise ModelError(f"cut short or corrupt: a vector of {count} entries in {len(self._data)} bytes")
        return count

    def _text(self, value: bytes | None) -> str:
        self._length(len(value or b""), 1)
        decoded = text(value)
        if decoded.encode() != (value or b""):
            self._unkept.append("a name that is no UTF-8")
        return decoded

    def _signature(self, stored: Any) -> Signature:
        ends = ((stored.Inputs, stored.InputsLength()), (stored.Outputs, stored.OutputsLength()))
        inputs, outputs = (
            tuple((self._text(end(i).Name()), int(end(i).TensorIndex())) for i in range(self._length(count)))
            for end, count in ends
        )
        return Signature(self._text(stored.SignatureKey()), int(stored.SubgraphIndex()), inputs, outputs)

    def _subgraph(self, subgraph: Any, ops: list[tuple[str, Any]], signature: Signature | None) -> Graph:
        operators = tuple(
            self._operator(subgraph.Operators(i), i, ops)
            for i in range(self._length(subgraph.OperatorsLength()))
        )
        inputs = tuple(subgraph.Inputs(i) for i in range(self._length(subgraph.InputsLength())))
        known = {*inputs, *(i for operator in operators for i in operator.outputs)}
        tensors = tuple(
            self._tensor(subgraph.Tensors(i), i, i not in known)
            for i in range(self._length(subgraph.TensorsLength()))
        )
        for operator in operators:  # each is shown with its tensors
            scales = (tensors[i].quantization for i in operator.inputs if 0 <= i < len(tensors))
            self._length(sum(len(quantization.scales) for quantization in scales if quantization is not None))
        return Graph(
            tensors=tensors,
            operators=operators,
            inputs=inputs,
            outputs=tuple(subgraph.Outputs(i) for i in range(self._length(subgraph.OutputsLength()))),
            name=self._text(subgraph.Name()),
            signature=signature,
        )

    def _operator(self, operator: Any, index: int, ops: list[tuple[str, Any]]) -> Operator:
        self._length(_TABLE, 1)
        code = operator.OpcodeIndex()
        if code >= len(ops):
            self._problems.append(f"operator {index} has op code {code}, but the model lists {len(ops)}")
        if what := unkept(operator):
            self._unkept.append(f"operator {index} with {what}")
        op, stored_code = ops[code] if code < len(ops) else (f"{NAMELESS}{code}", None)
        stored = stored_of(operator, stored_code, self._length) if stored_code else Stored()
        options, rest = decoded(op, stored.table, numbers_of(operator))
        return Operator(
            op=op,
            index=index,
            inputs=tuple(operator.Inputs(i) for i in range(self._length(operator.InputsLength()))),
            outputs=tuple(operator.Outputs(i) for i in range(self._length(operator.OutputsLength()))),
            options=options,
            stored=replace(stored, numbers=rest),
            intermediates=tuple(
                operator.Intermediates(i) for i in range(self._length(operator.IntermediatesLength()))
            ),
        )

    def _tensor(self, tensor: Any, index: int, constant: bool) -> Tensor:
        self._length(_TABLE, 1)
        shape = tuple(tensor.Shape(i) for i in range(self._length(tensor.ShapeLength())))
        if len(shape) > _MAX_RANK or min(shape, default=0) < 0:
            self._problems.append(
                f"tensor {index} has shape {shape[: _MAX_RANK + 1]}; "
                f"up to {_MAX_RANK} dimensions of 0 or more are possible"
            )
        signature = tuple(
            tensor.ShapeSignature(i) for i in range(self._length(tensor.ShapeSignatureLength()))
        )
        dtype, sparse = type_name(tensor.Type()), tensor.Sparsity() is not None
        if sparse or tensor.VariantTensorsLength():
            self._unkept.append(f"tensor {index}, which is {'sparse' if sparse else 'of several types'}")
        data = self._value(tensor, index, shape, "" if sparse else dtype)
        if data is None and constant and 0 in shape and min(shape) == 0 and dtype in DTYPES.values():
            data = np.empty(shape, dtype)  # an empty list needs no buffer
        return Tensor(
            self._text(tensor.Name()),
            shape,
            dtype,
            self._quantization(tensor, index),
            data,
            signature if -1 in signature else (),
            bool(tensor.IsVariable()),
            sparse,
        )

    def _quantization(self, tensor: Any, index: int) -> Quantization | None:
        stored = tensor.Quantization()
        if stored is None or stored.ScaleLength() == 0:
            return None
        if stored.DetailsType():
            self._unkept.append(f"tensor {index} with a quantization of somebody's own")
        count = self._length(stored.ScaleLength())
        scales = tuple(float(stored.Scale(i)) for i in range(count))
        if not all(math.isfinite(scale) and scale > 0 for scale in scales):
            self._problems.append(f"tensor {index} has a scale that is not a positive number")
            return None
        zero_points = tuple(int(stored.ZeroPoint(i)) for i in range(self._length(stored.ZeroPointLength())))
        if not zero_points:
            zero_points = (0,) * count
        if len(zero_points) != count:
            self._problems.append(
                f"tensor {index} has {count} scales and {len(zero_points)} zero points; as many needed"
            )
        # person_detect.tflite of TFLM says axis 3 for bias vectors too, and TFLM accepts it.
        rank = tensor.ShapeLength()
        axis = int(stored.QuantizedDimension())
        return Quantization(scales, zero_points, axis if axis < max(rank, 1) else 0)

    def _value(
        self, tensor: Any, index: int, shape: tuple[int, ...], dtype: str
    ) -> NDArray[np.generic] | None:
        """Return the value of a constant, or its bytes where `dtype` is none that NumPy can hold."""
        raw = self._stored(tensor.Buffer(), index)
        if raw is None or dtype not in DTYPES.values():
            return raw
        if min(shape, default=0) < 0 or raw.size != math.prod(shape) * np.dtype(dtype).itemsize:
            self._problems.append(
                f"tensor {index} is {dtype} of shape {shape[:_MAX_RANK]}, but its buffer has {raw.size} bytes"
            )
            return raw
        return raw.view(np.dtype(dtype).newbyteorder("<")).reshape(shape)

    def _stored(self, number: int, index: int) -> NDArray[np.uint8] | None:
        """Return the bytes of a buffer, in the flatbuffer or behind it; None where it has none.

        Buffer 0 means that there is none, whatever it holds.
        """
        count = self._model.BuffersLength()
        if number >= max(count, 1):
            self._problems.append(f"tensor {index} has buffer {number}, but the model has {count}")
        if not 0 < number < count:
            return None
        buffer = self._model.Buffers(number)
        if size := self._length(buffer.DataLength(), 1):
            return np.asarray(buffer.DataAsNumpy())
        start, size = buffer.Offset(), buffer.Size()
        if start <= 1 or size == 0:
            return None
        if start + size > len(self._data):
            self._problems.append(
                f"tensor {index} has its data in bytes {start} to {start + size} of {len(self._data)}"
            )
            return None
        return np.frombuffer(self._data, np.uint8, self._length(size, 1), start)


def _first(signatures: tuple[Signature, ...], subgraph: int) -> Signature | None:
    return next((signature for signature in signatures if signature.subgraph == subgraph), None)


def _beyond_one(subgraphs: list[Graph]) -> list[str]:
    """Say why a model is more than one subgraph whose operators run from top to bottom.

    Others may be there that set variables before the first inference.
    """
    graph, count = subgraphs[0], len(subgraphs)
    for operator in graph.operators:
        what = graph.describe(operator)
        if operator.op != CALL_ONCE and any("subgraph" in option for option in operator.options.told()):
            return [f"{what} runs another of the model's {count} subgraphs; {_NO_LOOP}"]
        known = set(states_of(operator))
        read = [graph.tensors[i] for i in operator.inputs if 0 <= i < len(graph.tensors) and i not in known]
        if states := [short_name(tensor.name) for tensor in read if tensor.state]:
            return [f'{what} keeps "{states[0]}" from one inference to the next; {_NO_STATE}']
    if count > 1 + len(called_once(graph)):
        return [f"has {count} subgraphs, each for itself; only models of one can be run and compiled"]
    return []


def _labels(data: bytes) -> tuple[str, ...]:
    """Return the class labels in the metadata, or none where those are damaged: no runtime minds."""
    try:
        return read_labels(data)
    except ModelError:
        return ()
