# SPDX-License-Identifier: Apache-2.0
"""A package for TensorFlow Lite Micro: the model as a C array, its ops, and how large an arena."""

import numpy as np

from edgecnn.compiler.inspect import register_ops
from edgecnn.compiler.ir import ABSENT, Graph, Operator, Tensor
from edgecnn.compiler.scheduling.memory import Buffer, aligned, place
from edgecnn.compiler.writing.selftest import interpreter_test_texts
from edgecnn.compiler.writing.text import float_literal
from edgecnn.converters.package import Package, headers_apart
from edgecnn.converters.tflite_to_c_array import tflite_to_c_array
from edgecnn.errors import ModelError

# Bytes that TFLM takes where pointers have eight; with four it is about half. Measured with tflite-micro's
# RecordingMicroAllocator: tensors and nodes exactly, of what is left the most seen.
_PER_TENSOR, _PER_OPERATOR, _PER_CHANNEL, _FIXED = 24, 64 + 160, 8, 1024
_ALIGN = 16


def package_files(package: Package) -> dict[str, str]:
    """Return the files of the package by their paths in it.

    Raises:
        ModelError: the model has floats at its edges, which the example does not read.
    """
    name, graph = package.name, package.graph
    for tensor in (graph.tensors[index] for index in (*graph.inputs, *graph.outputs)):
        if tensor.dtype != "int8":
            raise ModelError(f'tensor "{tensor.name}" is {tensor.dtype}; export the model with int8 edges')
    array_header, array = tflite_to_c_array(package.tflite, name, package.labels)
    test_header, test = interpreter_test_texts(name, graph)
    preprocess = {file: text for file, text in package.c_files.items() if "_preprocess." in file}
    c_files = {
        f"{name}.h": array_header,
        f"{name}.c": array,
        f"{name}_test.h": test_header,
        f"{name}_test.c": test,
    }
    resolver, *adds = register_ops(graph)
    fields = {
        "tflm_arena": str(aligned(arena_bytes(graph), 1024)),
        "threshold": float_literal(graph.threshold),
        "resolver": resolver,
        "adds": "\n".join(f"    {line}" for line in adds),
    }
    return {**headers_apart({**c_files, **preprocess}), **package.rendered("tflm", **fields)}


def arena_bytes(graph: Graph) -> int:
    """Return an upper bound of the arena that TFLM needs for a model, whatever its kernels.

    The tensors that live at the same time are placed as TFLM's planner does, largest first; beside each
    operator lies what CMSIS-NN's kernels use: two windows of the input as int16, and a sum for each output
    channel.
    """
    lives: dict[int, list[int]] = {tensor: [0] for tensor in graph.inputs}
    for number, operator in enumerate(graph.operators):
        for tensor in (*operator.inputs, *operator.outputs):
            if tensor != ABSENT and graph.tensors[tensor].data is None:
                lives.setdefault(tensor, []).append(number)
    for tensor in graph.outputs:
        lives[tensor].append(len(graph.operators))
    lifetimes = [
        Buffer(("rows", tensor), aligned(_bytes(graph.tensors[tensor]), _ALIGN), min(when), max(when))
        for tensor, when in lives.items()
    ]
    lifetimes += [
        Buffer(("scratch", number), aligned(_scratch(graph, operator), _ALIGN), number, number)
        for number, operator in enumerate(graph.operators)
    ]
    channels = sum(graph.output(one).shape[-1] for one in graph.operators if _filter(graph, one))
    persistent = len(graph.tensors) * _PER_TENSOR + len(graph.operators) * _PER_OPERATOR
    return place(lifetimes)[1] + persistent + channels * _PER_CHANNEL + _FIXED


def _bytes(tensor: Tensor) -> int:
    return tensor.size * np.dtype(tensor.dtype).itemsize


def _filter(graph: Graph, operator: Operator) -> tuple[int, ...]:
    """Return the shape of an operator's weights; empty where it has none."""
    if len(operator.inputs) < 2 or operator.inputs[1] == ABSENT:
        return ()
    weights = graph.tensors[operator.inputs[1]]
    return weights.shape if weights.data is not None and len(weights.shape) in (2, 4) else ()


def _scratch(graph: Graph, operator: Operator) -> int:
    shape = _filter(graph, operator)
    if len(shape) != 4:
        return 0
    window = shape[1] * shape[2] * shape[3]
    return 2 * 2 * window + 4 * graph.output(operator).shape[-1]
