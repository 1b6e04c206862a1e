# SPDX-License-Identifier: Apache-2.0
"""The bytes of a .tflite file, for tflite_builder.py: options, versions and types of each op."""

from dataclasses import dataclass
from typing import Any

import flatbuffers
import numpy as np
import tflite

_OPTIONS = {
    "CONV_2D": "Conv2DOptions",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions",
    "MAX_POOL_2D": "Pool2DOptions",
    "AVERAGE_POOL_2D": "Pool2DOptions",
    "FULLY_CONNECTED": "FullyConnectedOptions",
    "SOFTMAX": "SoftmaxOptions",
    "ADD": "AddOptions",
    "MEAN": "ReducerOptions",
    "PAD": "PadOptions",
    "RESHAPE": "ReshapeOptions",
    "LEAKY_RELU": "LeakyReluOptions",
    "GELU": "GeluOptions",
    "MUL": "MulOptions",
    "SUB": "SubOptions",
    "MINIMUM": "MaximumMinimumOptions",
    "MAXIMUM": "MaximumMinimumOptions",
    "SUM": "ReducerOptions",
    "REDUCE_MAX": "ReducerOptions",
    "REDUCE_MIN": "ReducerOptions",
    "ARG_MAX": "ArgMaxOptions",
    "CONCATENATION": "ConcatenationOptions",
    "TRANSPOSE_CONV": "TransposeConvOptions",
    "RESIZE_NEAREST_NEIGHBOR": "ResizeNearestNeighborOptions",
    "RESIZE_BILINEAR": "ResizeBilinearOptions",
    "PADV2": "PadV2Options",
    "SLICE": "SliceOptions",
    "STRIDED_SLICE": "StridedSliceOptions",
    "SPLIT": "SplitOptions",
    "SPLIT_V": "SplitVOptions",
    "PACK": "PackOptions",
    "UNPACK": "UnpackOptions",
    "SQUEEZE": "SqueezeOptions",
    "EXPAND_DIMS": "ExpandDimsOptions",
    "SHAPE": "ShapeOptions",
    "TRANSPOSE": "TransposeOptions",
    "SPACE_TO_DEPTH": "SpaceToDepthOptions",
    "DEPTH_TO_SPACE": "DepthToSpaceOptions",
    "SPACE_TO_BATCH_ND": "SpaceToBatchNDOptions",
    "BATCH_TO_SPACE_ND": "BatchToSpaceNDOptions",
    "CALL_ONCE": "CallOnceOptions",
    "WHILE": "WhileOptions",
}
# Elsewhere int8 came with version 2.
_VERSIONS = {
    "CONV_2D": 3,
    "DEPTHWISE_CONV_2D": 3,
    "FULLY_CONNECTED": 5,
    "RESHAPE": 1,
    "HARD_SWISH": 1,
    "PRELU": 1,
    "ELU": 1,
    "RELU_0_TO_1": 1,
    "RELU_N1_TO_1": 1,
    "TRANSPOSE_CONV": 3,
    "RESIZE_NEAREST_NEIGHBOR": 3,
    "RESIZE_BILINEAR": 3,
    "SQUEEZE": 1,
    "EXPAND_DIMS": 1,
    "SHAPE": 1,
    "DEPTH_TO_SPACE": 1,
}
_TYPES = {
    "int8": tflite.TensorType.INT8,
    "uint8": tflite.TensorType.UINT8,
    "int16": tflite.TensorType.INT16,
    "int32": tflite.TensorType.INT32,
    "int64": tflite.TensorType.INT64,
    "float32": tflite.TensorType.FLOAT32,
    "int4": tflite.TensorType.INT4,
    "string": tflite.TensorType.STRING,
    "resource": tflite.TensorType.RESOURCE,
    "type_99": 99,
}
_BUFFER_OFFSET = 6  # its place in the vtable of Buffer


@dataclass
class BuiltTensor:
    shape: tuple[int, ...]
    dtype: str
    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    axis: int
    data: np.ndarray | None
    name: str
    shape_signature: tuple[int, ...] = ()
    state: bool = False
    sparse: bool = False
    outside: bool = False  # data that lies behind the flatbuffer, not in it


class Writer:
    """Writes a flatbuffer of tensors and operators, in one subgraph or several."""

    def __init__(self, builder: Any) -> None:
        self.model = builder
        self.fb = flatbuffers.Builder(1024)

    def write(self, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> bytes:
        fb, model = self.fb, self.model
        graphs = [(model, inputs, outputs), *model.more]
        self.ops = list(dict.fromkeys(op for graph, *_ in graphs for op, *_ in graph.operators))
        self.tensors: list[BuiltTensor] = []
        subgraphs = self._offsets([self._subgraph(*graph) for graph in graphs])
        codes = self._offsets([self._code(op) for op in self.ops])
        empty = [self._buffer(None)]  # number 0 stands for no data
        buffers = self._offsets(empty + [self._buffer(tensor) for tensor in self.tensors])
        signatures = 0
        if model.signatures:
            signatures = self._offsets([self._signature(*signature) for signature in model.signatures])
        description = fb.CreateString(model.description)
        tflite.ModelStart(fb)
        tflite.ModelAddVersion(fb, 3)
        tflite.ModelAddOperatorCodes(fb, codes)
        tflite.ModelAddSubgraphs(fb, subgraphs)
        tflite.ModelAddDescription(fb, description)
        tflite.ModelAddBuffers(fb, buffers)
        if model.signatures:
            tflite.ModelAddSignatureDefs(fb, signatures)
        fb.Finish(tflite.ModelEnd(fb), file_identifier=b"TFL3")
        return self._with_data_outside(bytes(fb.Output()))

    def _subgraph(self, graph: Any, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> int:
        fb = self.fb
        tensors = [self._tensor(tensor) for tensor in graph.tensors]
        operators = [self._operator(self.ops, *operator) for operator in graph.operators]
        vectors = [self._offsets(tensors), self._ints(inputs), self._ints(outputs), self._offsets(operators)]
        tflite.SubGraphStart(fb)
        tflite.SubGraphAddTensors(fb, vectors[0])
        tflite.SubGraphAddInputs(fb, vectors[1])
        tflite.SubGraphAddOutputs(fb, vectors[2])
        tflite.SubGraphAddOperators(fb, vectors[3])
        return tflite.SubGraphEnd(fb)

    def _signature(self, key: str, inputs: dict[str, int], outputs: dict[str, int], subgraph: int = 0) -> int:
        fb = self.fb
        name = fb.CreateString(key)
        ends = [self._offsets([self._named(*entry) for entry in end.items()]) for end in (inputs, outputs)]
        tflite.SignatureDefStart(fb)
        tflite.SignatureDefAddInputs(fb, ends[0])
        tflite.SignatureDefAddOutputs(fb, ends[1])
        tflite.SignatureDefAddSignatureKey(fb, name)
        tflite.SignatureDefAddSubgraphIndex(fb, subgraph)
        return tflite.SignatureDefEnd(fb)

    def _named(self, name: str, tensor: int) -> int:
        text = self.fb.CreateString(name)
        tflite.TensorMapStart(self.fb)
        tflite.TensorMapAddName(self.fb, text)
        tflite.TensorMapAddTensorIndex(self.fb, tensor)
        return tflite.TensorMapEnd(self.fb)

    def _with_data_outside(self, flatbuffer: bytes) -> bytes:
        """Put data behind a flatbuffer, and where each lies into its buffer in it."""
        model = bytearray(flatbuffer)
        for number, tensor in enumerate(self.tensors, 1):
            if tensor.outside:
                table = tflite.Model.GetRootAs(model, 0).Buffers(number)._tab
                at = table.Pos + table.Offset(_BUFFER_OFFSET)
                model[at : at + 8] = len(model).to_bytes(8, "little")
                model += tensor.data.tobytes()
        return bytes(model)

    def _offsets(self, offsets: list[int]) -> int:
        self.fb.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            self.fb.PrependUOffsetTRelative(offset)
        return self.fb.EndVector()

    def _ints(self, values: tuple[int, ...]) -> int:
        return self.fb.CreateNumpyVector(np.array(values, np.int32))

    def _buffer(self, tensor: BuiltTensor | None) -> int:
        vector = 0
        data = tensor.data if tensor else None
        if data is not None and not tensor.outside:
            # TFLite wants its constants aligned.
            self.fb.StartVector(1, data.nbytes, 16)
            self.fb.head -= data.nbytes
            self.fb.Bytes[self.fb.Head() : self.fb.Head() + data.nbytes] = data.tobytes()
            vector = self.fb.EndVector()
        tflite.BufferStart(self.fb)
        if data is not None and tensor.outside:
            tflite.BufferAddOffset(self.fb, 1)
            tflite.BufferAddSize(self.fb, data.nbytes)
        elif data is not None:
            tflite.BufferAddData(self.fb, vector)
        return tflite.BufferEnd(self.fb)

    def _code(self, op: str) -> int:
        custom = self.fb.CreateString(op.removeprefix("CUSTOM:")) if op.startswith("CUSTOM:") else None
        code = getattr(tflite.BuiltinOperator, "CUSTOM" if custom else op)
        tflite.OperatorCodeStart(self.fb)
        if custom:
            tflite.OperatorCodeAddCustomCode(self.fb, custom)
        deprecated, code = self.model.codes.get(op, (min(code, 127), code))
        tflite.OperatorCodeAddDeprecatedBuiltinCode(self.fb, deprecated)
        tflite.OperatorCodeAddVersion(self.fb, _VERSIONS.get(op, 2))
        tflite.OperatorCodeAddBuiltinCode(self.fb, code)
        return tflite.OperatorCodeEnd(self.fb)

    def _tensor(self, tensor: BuiltTensor) -> int:
        fb = self.fb
        self.tensors.append(tensor)
        name, shape = fb.CreateString(tensor.name), self._ints(tensor.shape)
        signature = self._ints(tensor.shape_signature) if tensor.shape_signature else 0
        sparsity = self._sparsity() if tensor.sparse else 0
        quantization = 0
        if tensor.scales:
            scales = fb.CreateNumpyVector(np.array(tensor.scales, np.float32))
            zero_points = fb.CreateNumpyVector(np.array(tensor.zero_points, np.int64))
            tflite.QuantizationParametersStart(fb)
            tflite.QuantizationParametersAddScale(fb, scales)
            tflite.QuantizationParametersAddZeroPoint(fb, zero_points)
            tflite.QuantizationParametersAddQuantizedDimension(fb, tensor.axis)
            quantization = tflite.QuantizationParametersEnd(fb)
        tflite.TensorStart(fb)
        tflite.TensorAddShape(fb, shape)
        tflite.TensorAddType(fb, _TYPES[tensor.dtype])
        tflite.TensorAddBuffer(fb, len(self.tensors) if tensor.data is not None else 0)
        tflite.TensorAddName(fb, name)
        tflite.TensorAddIsVariable(fb, tensor.state)
        if tensor.shape_signature:
            tflite.TensorAddShapeSignature(fb, signature)
        if tensor.sparse:
            tflite.TensorAddSparsity(fb, sparsity)
        if tensor.scales:
            tflite.TensorAddQuantization(fb, quantization)
        return tflite.TensorEnd(fb)

    def _sparsity(self) -> int:
        order = self._ints((0, 1))
        tflite.SparsityParametersStart(self.fb)
        tflite.SparsityParametersAddTraversalOrder(self.fb, order)
        return tflite.SparsityParametersEnd(self.fb)

    def _operator(self, ops: list[str], op: str, inputs: tuple[int, ...], output: Any, options: dict) -> int:
        fb, kind = self.fb, _OPTIONS.get(op)
        table = 0
        if kind:
            lists = {name: self._ints(value) for name, value in options.items() if isinstance(value, list)}
            getattr(tflite, f"{kind}Start")(fb)
            for name, value in (options | lists).items():
                camel = "".join(word.capitalize() for word in name.split("_"))
                getattr(tflite, f"{kind}Add{camel}")(fb, value)
            table = getattr(tflite, f"{kind}End")(fb)
        read, made = self._ints(inputs), self._ints(output if isinstance(output, tuple) else (output,))
        tflite.OperatorStart(fb)
        tflite.OperatorAddOpcodeIndex(fb, ops.index(op))
        tflite.OperatorAddInputs(fb, read)
        tflite.OperatorAddOutputs(fb, made)
        if kind:
            tflite.OperatorAddBuiltinOptionsType(fb, getattr(tflite.BuiltinOptions, kind))
            tflite.OperatorAddBuiltinOptions(fb, table)
        return tflite.OperatorEnd(fb)
