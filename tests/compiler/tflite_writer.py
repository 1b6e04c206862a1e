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
}


@dataclass
class BuiltTensor:
    shape: tuple[int, ...]
    dtype: str
    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    axis: int
    data: np.ndarray | None
    name: str


class Writer:
    """Writes a flatbuffer of tensors and operators."""

    def __init__(self, builder: Any) -> None:
        self.model = builder
        self.fb = flatbuffers.Builder(1024)

    def write(self, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> bytes:
        fb, ops = self.fb, list(dict.fromkeys(op for op, *_ in self.model.operators))
        tensors = [self._tensor(number, tensor) for number, tensor in enumerate(self.model.tensors)]
        operators = [self._operator(ops, *operator) for operator in self.model.operators]
        vectors = [self._offsets(tensors), self._ints(inputs), self._ints(outputs), self._offsets(operators)]
        tflite.SubGraphStart(fb)
        tflite.SubGraphAddTensors(fb, vectors[0])
        tflite.SubGraphAddInputs(fb, vectors[1])
        tflite.SubGraphAddOutputs(fb, vectors[2])
        tflite.SubGraphAddOperators(fb, vectors[3])
        subgraphs = self._offsets([tflite.SubGraphEnd(fb)])
        codes = self._offsets([self._code(op) for op in ops])
        empty = [self._buffer(None)]  # number 0 stands for no data
        buffers = self._offsets(empty + [self._buffer(tensor.data) for tensor in self.model.tensors])
        description = fb.CreateString(self.model.description)
        tflite.ModelStart(fb)
        tflite.ModelAddVersion(fb, 3)
        tflite.ModelAddOperatorCodes(fb, codes)
        tflite.ModelAddSubgraphs(fb, subgraphs)
        tflite.ModelAddDescription(fb, description)
        tflite.ModelAddBuffers(fb, buffers)
        fb.Finish(tflite.ModelEnd(fb), file_identifier=b"TFL3")
        return bytes(fb.Output())

    def _offsets(self, offsets: list[int]) -> int:
        self.fb.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            self.fb.PrependUOffsetTRelative(offset)
        return self.fb.EndVector()

    def _ints(self, values: tuple[int, ...]) -> int:
        return self.fb.CreateNumpyVector(np.array(values, np.int32))

    def _buffer(self, data: np.ndarray | None) -> int:
        vector = 0
        if data is not None:
            # TFLite wants its constants aligned.
            self.fb.StartVector(1, data.nbytes, 16)
            self.fb.head -= data.nbytes
            self.fb.Bytes[self.fb.Head() : self.fb.Head() + data.nbytes] = data.tobytes()
            vector = self.fb.EndVector()
        tflite.BufferStart(self.fb)
        if data is not None:
            tflite.BufferAddData(self.fb, vector)
        return tflite.BufferEnd(self.fb)

    def _code(self, op: str) -> int:
        code = getattr(tflite.BuiltinOperator, op)
        tflite.OperatorCodeStart(self.fb)
        deprecated, code = self.model.codes.get(op, (min(code, 127), code))
        tflite.OperatorCodeAddDeprecatedBuiltinCode(self.fb, deprecated)
        tflite.OperatorCodeAddVersion(self.fb, _VERSIONS.get(op, 2))
        tflite.OperatorCodeAddBuiltinCode(self.fb, code)
        return tflite.OperatorCodeEnd(self.fb)

    def _tensor(self, number: int, tensor: BuiltTensor) -> int:
        fb = self.fb
        name, shape = fb.CreateString(tensor.name), self._ints(tensor.shape)
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
        tflite.TensorAddBuffer(fb, number + 1 if tensor.data is not None else 0)
        tflite.TensorAddName(fb, name)
        if tensor.scales:
            tflite.TensorAddQuantization(fb, quantization)
        return tflite.TensorEnd(fb)

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
