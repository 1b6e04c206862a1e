# SPDX-License-Identifier: Apache-2.0
"""ONNX networks that are quantized already, as onnxruntime and exporters of PyTorch write them: QDQ."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper
from onnx_files import Array, answers, onnx_model

from edgecnn.compiler import reference
from edgecnn.compiler.ir import Graph
from edgecnn.compiler.reading import read_network


@dataclass
class Qdq:
    """Collects nodes with QuantizeLinear and DequantizeLinear around them.

    Activations have `dtype`; their scales and zero points are drawn, so that no two are the same.
    """

    dtype: str = "uint8"
    seed: int = 0
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: dict[str, Array] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)

    def node(self, op: str, inputs: Sequence[str], outputs: Sequence[str] = (), **attributes: Any) -> str:
        """Add a node; return its first output."""
        outputs = outputs or [f"{op.lower()}{len(self.nodes)}"]
        name = f"/body/{op}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), list(outputs), name=name, **attributes))
        return outputs[0]

    def constant(self, values: Any) -> str:
        """Add a constant."""
        name = f"initializer{len(self.constants)}"
        self.constants[name] = np.asarray(values)
        return name

    def scaling(self, scale: Any, zero_point: Any, dtype: str) -> list[str]:
        """Add a scale and a zero point."""
        return [self.constant(np.float32(scale)), self.constant(np.asarray(zero_point, dtype))]

    def activation(self, x: str, low: float = -1.0, high: float = 1.0) -> str:
        """Add a QuantizeLinear for numbers of about such a range, and a DequantizeLinear."""
        low, high = (end * float(self.rng.uniform(0.9, 1.1)) for end in (low, high))
        limits = np.iinfo(self.dtype)
        scale = np.float32((high - low) / 255)
        zero_point = int(np.clip(round(limits.min - low / scale), limits.min, limits.max))
        scaling = self.scaling(scale, zero_point, self.dtype)
        return self.node("DequantizeLinear", [self.node("QuantizeLinear", [x, *scaling]), *scaling])

    def weights(self, *shape: int, axis: int | None = None, spread: float = 0.5) -> str:
        """Add weights of int8 with a DequantizeLinear, one scale or one for each index along an axis."""
        integers = self.rng.integers(-127, 128, shape).astype(np.int8)
        scales = self.rng.uniform(0.5, 1, shape[axis] if axis is not None else ()) * spread / 127
        scaling = self.scaling(scales, np.zeros(scales.shape), "int8")
        attributes: dict[str, Any] = {} if axis is None else {"axis": axis}
        return self.node("DequantizeLinear", [self.constant(integers), *scaling], **attributes)

    def model(
        self, last: str, shape: Sequence[int | str], opset: int = 17, dtype: int = TensorProto.FLOAT
    ) -> onnx.ModelProto:
        """Return the whole, whose output is what a name stands for, as "y"."""
        self.node("Identity", [last], ["y"])
        model = onnx_model(self.nodes, shape, ("y",), self.constants, opset, dtype)
        output = model.graph.output[0].type.tensor_type
        output.ClearField("shape")
        if any(node.op_type == "ArgMax" for node in self.nodes):
            output.elem_type = TensorProto.INT64
        model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
        return model


def written(model: onnx.ModelProto, folder: Path) -> Path:
    """Write a file."""
    path = folder / "net.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def steps_apart(model: onnx.ModelProto, path: Path, images: Array) -> Array:
    """Return by how many steps what a file becomes answers otherwise than onnxruntime, for each value.

    `images` are of ONNX's shape, and of floats.
    """
    graph = read_network(path)
    apart = [
        _steps(graph, np.asarray(answers(model, image[None])[0]), _answer(graph, image[None]))
        for image in images
    ]
    return np.concatenate([values.ravel() for values in apart])


def _answer(graph: Graph, image: Array) -> Array:
    tensor = graph.tensors[graph.inputs[0]]
    assert tensor.quantization is not None
    turned = image.transpose(0, *range(2, image.ndim), 1)
    lying = turned if tensor.shape == turned.shape else image
    steps = np.rint(lying / np.float32(tensor.quantization.scale)) + tensor.quantization.zero_point
    [made] = reference.run(graph, [np.clip(steps, -128, 127).astype(np.int8)])
    return made


def _steps(graph: Graph, expected: Array, made: Array) -> Array:
    quantization = graph.tensors[graph.outputs[0]].quantization
    if quantization is None:
        return np.asarray(np.abs(expected.astype(int) - made))
    turned = expected.transpose(0, *range(2, expected.ndim), 1) if expected.ndim > 2 else expected
    lying = turned if turned.shape == made.shape else expected
    assert lying.shape == made.shape
    steps = np.clip(np.rint(lying / quantization.scale) + quantization.zero_point, -128, 127)
    return np.asarray(np.abs(steps - made))
