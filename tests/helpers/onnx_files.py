# SPDX-License-Identifier: Apache-2.0
"""ONNX files as PyTorch writes them, made without it, and what onnxruntime answers to them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

Array = npt.NDArray[Any]
NEWEST = 28


def onnx_model(
    nodes: Sequence[onnx.NodeProto],
    shape: Sequence[int | str],
    outputs: Mapping[str, Sequence[int | str]] | Sequence[str] = ("y",),
    constants: Mapping[str, Array] | None = None,
    opset: int = 17,
    dtype: int = TensorProto.FLOAT,
) -> onnx.ModelProto:
    """Return a model of one input, "x"."""
    shapes = outputs if isinstance(outputs, Mapping) else dict.fromkeys(outputs)
    graph = helper.make_graph(
        list(nodes),
        "main_graph",
        [helper.make_tensor_value_info("x", dtype, shape)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, side) for name, side in shapes.items()],
        [numpy_helper.from_array(values, name) for name, values in (constants or {}).items()],
    )
    ir_version = 10 if opset < 24 else 13
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir_version)


def answers(model: onnx.ModelProto | Path, image: Array) -> list[Array]:
    """Return what onnxruntime computes without rewriting the graph."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    source = str(model) if isinstance(model, Path) else model.SerializeToString()
    session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    result: list[Array] = session.run(None, {"x": image})
    return result


def channels_last(values: Array) -> Array:
    """Return images (n, c, h, w) as (n, h, w, c), and anything else as it is."""
    return values.transpose(0, 2, 3, 1) if values.ndim == 4 else values


def largest_difference(model: onnx.ModelProto, keras_model: Any, image: Array) -> float:
    """Return by how much a Keras model answers otherwise than onnxruntime, relative to the largest answer."""
    expected = [channels_last(values) for values in answers(model, image)]
    made = keras_model(channels_last(image), training=False)
    differences = []
    for wanted, has in zip(expected, made if isinstance(made, list) else [made], strict=True):
        assert has.shape == wanted.shape
        differences.append(np.abs(has - wanted).max() / max(np.abs(wanted).max(), 1))
    return float(max(differences))
