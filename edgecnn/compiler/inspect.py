# SPDX-License-Identifier: Apache-2.0
"""What is inside a .tflite file, as plain values that print as JSON."""

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from edgecnn.compiler import ops
from edgecnn.compiler.ir import Graph, Operator, Tensor
from edgecnn.compiler.reading import is_onnx, read_network
from edgecnn.compiler.reading.schema import NAMELESS, micro_name
from edgecnn.compiler.reading.tflite import ModelFile, read_file
from edgecnn.errors import ModelError


def inspect(path: Path) -> dict[str, Any]:
    """Return what `edgecnn inspect` shows of a .tflite file, or of what an .onnx file becomes.

    Every value fits JSON.

    Inputs, outputs and operators are those of the first subgraph, which is what runs; the other subgraphs
    have a list of their own. Sums are over all of them.

    Raises:
        ModelError: the file can't be read.
    """
    file = _read(path)
    return {"file": path.name, "bytes": path.stat().st_size, **contents(file)}


def _read(path: Path) -> ModelFile:
    if not is_onnx(path):
        return read_file(path)
    graph = read_network(path)
    return ModelFile((graph,), (graph.signature,) if graph.signature else (), ())


def contents(file: ModelFile) -> dict[str, Any]:
    """Return what `inspect` does of a file that was read, without its name and size."""
    subgraphs = [_subgraph(file, number, graph) for number, graph in enumerate(file.subgraphs)]
    main = file.subgraphs[0]
    tensors = [tensor for graph in file.subgraphs for tensor in graph.tensors]
    operators = [operator for subgraph in subgraphs for operator in subgraph["operators"]]
    return {
        "sha256": main.sha256,
        "description": main.description,
        "labels": list(main.labels),
        "problems": list(file.problems),
        "signatures": [
            {
                "key": signature.key,
                "subgraph": signature.subgraph,
                "inputs": [name for name, _ in signature.inputs],
                "outputs": [name for name, _ in signature.outputs],
            }
            for signature in file.signatures
        ],
        **subgraphs[0],
        "subgraphs": subgraphs[1:],
        "macs": sum(operator["macs"] or 0 for operator in operators),
        "constant_bytes": sum(tensor.data.nbytes for tensor in tensors if tensor.data is not None),
        "sparsity": _sparsity(filter(_is_weights, tensors)),
        "tflm": register_ops(*file.subgraphs),
    }


def register_ops(*graphs: Graph) -> list[str]:
    """Return the lines of C++ that register a model's ops with TensorFlow Lite Micro, each op once."""
    every = dict.fromkeys(operator.op for graph in graphs for operator in graph.operators)
    names = [op for op in every if not op.startswith(NAMELESS)]
    lines = [f"static tflite::MicroMutableOpResolver<{len(names)}> resolver;"]
    return lines + [_register(name) for name in names]


def _register(op: str) -> str:
    if op.startswith("CUSTOM:"):
        name = op.removeprefix("CUSTOM:")
        quoted = "".join(c if c.isascii() and (c.isalnum() or c in "_-. ") else "?" for c in name)
        return f'resolver.AddCustom("{quoted}", Register_YOUR_OP());'
    return f"resolver.Add{micro_name(op)}();"


def _subgraph(file: ModelFile, number: int, graph: Graph) -> dict[str, Any]:
    ordered = graph.in_signature_order()
    return {
        "subgraph": {"index": number, "name": graph.name},
        "inputs": _edges(ordered, ordered.inputs),
        "outputs": _edges(ordered, ordered.outputs),
        "operators": [_operator(graph, operator) for operator in graph.operators],
    }


def _edges(graph: Graph, tensors: Iterable[int]) -> list[dict[str, Any]]:
    signature = graph.signature
    return [
        {"signature_name": signature.name(i) if signature else "", **tensor}
        for i in tensors
        for tensor in _tensors(graph, [i])
    ]


def _operator(graph: Graph, operator: Operator) -> dict[str, Any]:
    constants = [
        graph.tensors[i]
        for i in operator.inputs
        if 0 <= i < len(graph.tensors) and graph.tensors[i].data is not None
    ]
    outputs = _tensors(graph, operator.outputs)
    return {
        "index": operator.index,
        "op": operator.op,
        "name": outputs[0]["name"] if outputs else "",
        "inputs": _tensors(graph, operator.inputs),
        "outputs": outputs,
        "options": {name: _number(value) for name, value in _options(operator).items()},
        "macs": _macs(graph, operator),
        "weight_bytes": sum(tensor.data.nbytes for tensor in constants if tensor.data is not None),
        "sparsity": _sparsity(filter(_is_weights, constants)),
    }


def _options(operator: Operator) -> dict[str, Any]:
    return {**operator.options.told(), **operator.stored.numbers}


def _macs(graph: Graph, operator: Operator) -> int | None:
    """Return the multiplications of an operator, or None where nobody knows them."""
    op = ops.find(operator.op)
    try:
        return op.macs(graph, operator) if op else None
    except (ModelError, ValueError, IndexError):
        return None


def _tensors(graph: Graph, indices: Iterable[int]) -> list[dict[str, Any]]:
    """Return the tensors of an operator or subgraph that are there; the model's problems name others."""
    return [_tensor(i, graph.tensors[i]) for i in indices if 0 <= i < len(graph.tensors)]


def _tensor(index: int, tensor: Tensor) -> dict[str, Any]:
    quantization = tensor.quantization
    return {
        "index": index,
        "name": tensor.name,
        "dtype": tensor.dtype,
        "shape": list(tensor.shape),
        "shape_signature": list(tensor.shape_signature),
        "constant": tensor.data is not None,
        "state": tensor.state,
        "sparse": tensor.sparse,
        "quantization": quantization
        and {
            "scale": list(quantization.scales) if quantization.per_channel else quantization.scale,
            "zero_point": quantization.zero_point,
            "per_channel": quantization.per_channel,
        },
    }


def _number(value: float | str) -> float | str:
    """Return a word or a number, or its name where JSON has none for it."""
    return value if isinstance(value, str) or math.isfinite(value) else str(value)


def _is_weights(tensor: Tensor) -> bool:
    """Tell filters and matrices from biases, axes and shapes."""
    return (
        tensor.data is not None and tensor.data.ndim >= 2 and tensor.dtype in ("int8", "float32", "float16")
    )


def _sparsity(weights: Iterable[Tensor]) -> float | None:
    """Return the share of zeros, or None where there are no weights."""
    arrays = [tensor.data for tensor in weights if tensor.data is not None]
    size = sum(array.size for array in arrays)
    return sum(array.size - np.count_nonzero(array) for array in arrays) / size if size else None
