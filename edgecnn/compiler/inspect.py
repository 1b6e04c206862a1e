# SPDX-License-Identifier: Apache-2.0
"""What is inside a .tflite file, as plain values that print as JSON."""

from pathlib import Path
from typing import Any

import numpy as np

from edgecnn.compiler import ops
from edgecnn.compiler.flatbuffer import read_model
from edgecnn.compiler.ir import ABSENT, Graph, Operator, Tensor
from edgecnn.errors import ModelError

# Methods of tflite::MicroMutableOpResolver whose names don't follow from the op's.
_IRREGULAR = {
    "BATCH_MATMUL": "BatchMatMul",
    "CUMSUM": "CumSum",
    "PADV2": "PadV2",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "UnidirectionalSequenceLSTM",
}


def inspect(path: Path) -> dict[str, Any]:
    """Return what `edgecnn inspect` shows of a .tflite file; every value fits JSON.

    Raises:
        ModelError: the file can't be read.
    """
    graph = read_model(path)
    operators = [_operator(graph, operator) for operator in graph.operators]
    weights = [tensor for tensor in graph.tensors if _is_weights(tensor)]
    return {
        "file": path.name,
        "sha256": graph.sha256,
        "bytes": path.stat().st_size,
        "description": graph.description,
        "labels": list(graph.labels),
        "inputs": [_tensor(graph.tensors[i]) for i in graph.inputs],
        "outputs": [_tensor(graph.tensors[i]) for i in graph.outputs],
        "operators": operators,
        "macs": sum(operator["macs"] or 0 for operator in operators),
        "constant_bytes": sum(tensor.data.nbytes for tensor in graph.tensors if tensor.data is not None),
        "sparsity": _sparsity(weights),
        "tflm": register_ops(graph),
    }


def register_ops(graph: Graph) -> list[str]:
    """Return the lines of C++ that register a model's ops with TensorFlow Lite Micro, each op once."""
    names = list(dict.fromkeys(operator.op for operator in graph.operators))
    lines = [f"static tflite::MicroMutableOpResolver<{len(names)}> resolver;"]
    return lines + [_register(name) for name in names]


def _register(op: str) -> str:
    if op.startswith("CUSTOM:"):
        name = op.removeprefix("CUSTOM:")
        quoted = "".join(c if c.isascii() and (c.isalnum() or c in "_-. ") else "?" for c in name)
        return f'resolver.AddCustom("{quoted}", Register_YOUR_OP());'
    words = _IRREGULAR.get(op) or "".join(word[:1] + _lower(word[1:]) for word in op.split("_"))
    return f"resolver.Add{words}();"


def _lower(rest: str) -> str:
    """Lower a word's letters but those of 2D and 3D."""
    return rest if rest == "D" else rest.lower()


def _operator(graph: Graph, operator: Operator) -> dict[str, Any]:
    constants = [
        graph.tensors[i] for i in operator.inputs if i != ABSENT and graph.tensors[i].data is not None
    ]
    weights = [tensor for tensor in constants if _is_weights(tensor)]
    return {
        "index": operator.index,
        "op": operator.op,
        "name": graph.tensors[operator.outputs[0]].name if operator.outputs else "",
        "inputs": [_tensor(graph.tensors[i]) for i in operator.inputs if i != ABSENT],
        "outputs": [_tensor(graph.tensors[i]) for i in operator.outputs],
        "options": dict(operator.options),
        "macs": _macs(graph, operator),
        "weight_bytes": sum(tensor.data.nbytes for tensor in constants if tensor.data is not None),
        "sparsity": _sparsity(weights),
    }


def _macs(graph: Graph, operator: Operator) -> int | None:
    """Return the multiplications of an operator, or None where nobody knows them."""
    op = ops.find(operator.op)
    try:
        return op.macs(graph, operator) if op else None
    except (ModelError, ValueError, IndexError):
        return None


def _tensor(tensor: Tensor) -> dict[str, Any]:
    quantization = tensor.quantization
    return {
        "name": tensor.name,
        "dtype": tensor.dtype,
        "shape": list(tensor.shape),
        "constant": tensor.data is not None,
        "quantization": quantization
        and {
            "scale": list(quantization.scales) if quantization.per_channel else quantization.scale,
            "zero_point": quantization.zero_point,
            "per_channel": quantization.per_channel,
        },
    }


def _is_weights(tensor: Tensor) -> bool:
    """Tell filters and matrices from biases, axes and shapes."""
    return (
        tensor.data is not None and tensor.data.ndim >= 2 and tensor.dtype in ("int8", "float32", "float16")
    )


def _sparsity(weights: list[Tensor]) -> float | None:
    """Return the share of zeros, or None where there are no weights."""
    arrays = [tensor.data for tensor in weights if tensor.data is not None]
    size = sum(array.size for array in arrays)
    return sum(array.size - np.count_nonzero(array) for array in arrays) / size if size else None
