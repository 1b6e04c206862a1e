# SPDX-License-Identifier: Apache-2.0
"""The tensors at the edges of a .tflite model, whatever operators lie between."""

import struct
from dataclasses import dataclass

import tflite

from edgecnn.errors import ModelError

_TYPE_NAMES = {value: name.lower() for name, value in vars(tflite.TensorType).items() if name.isupper()}


@dataclass(frozen=True)
class EdgeTensor:
    """An input or output of a model.

    Attributes:
        name: As the model calls it: any string.
        dtype: "int8", "float32" and so on, after the schema's TensorType.
        shape: One entry per dimension, the batch first; 1 where it is not fixed.
        scale: real = scale * (q - zero_point); 0.0 where the tensor is not quantized.
        zero_point: See scale.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    scale: float
    zero_point: int

    @property
    def quantized(self) -> bool:
        """Whether its numbers stand for reals by a scale and a zero point."""
        return self.scale != 0.0


def read_edges(model: bytes) -> tuple[tuple[EdgeTensor, ...], tuple[EdgeTensor, ...]]:
    """Return the inputs and the outputs of a model's first subgraph, in the flatbuffer's order.

    Raises:
        ModelError: `model` is no .tflite file, or a broken one.
    """
    if model[4:8] != b"TFL3":
        raise ModelError("the model is not a .tflite file: its bytes 4 to 7 are not 'TFL3'")
    try:
        graph = tflite.Model.GetRootAs(model, 0).Subgraphs(0)
        inputs = tuple(_edge(graph.Tensors(graph.Inputs(i))) for i in range(graph.InputsLength()))
        outputs = tuple(_edge(graph.Tensors(graph.Outputs(i))) for i in range(graph.OutputsLength()))
    # What the schema's reader raises on corrupt files.
    except (struct.error, AttributeError, KeyError, TypeError, ValueError, IndexError) as error:
        raise ModelError(f"the .tflite file is damaged ({error}); export it again") from error
    return inputs, outputs


def _edge(tensor: tflite.Tensor) -> EdgeTensor:
    quantization = tensor.Quantization()
    quantized = quantization is not None and quantization.ScaleLength() == 1
    return EdgeTensor(
        name=(tensor.Name() or b"").decode(errors="replace"),
        dtype=_TYPE_NAMES[tensor.Type()],
        shape=tuple(tensor.Shape(i) for i in range(tensor.ShapeLength())),
        scale=quantization.Scale(0) if quantized else 0.0,
        zero_point=quantization.ZeroPoint(0) if quantized and quantization.ZeroPointLength() else 0,
    )
