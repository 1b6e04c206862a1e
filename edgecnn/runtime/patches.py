# SPDX-License-Identifier: Apache-2.0
"""Bytes of a model that a runtime is given in place of its file's, changed where they lie: all else stays."""

import tflite

_QUANTIZED_DIMENSION = 16  # its place in the vtable of QuantizationParameters
_OPERATORS = 10  # their place in that of SubGraph


def with_valid_axes(data: bytes) -> bytes:
    """Return a model's bytes with 0 for each quantized_dimension that its tensor doesn't have.

    person_detect.tflite of TensorFlow Lite Micro says 3 for its bias vectors: TFLM accepts that, and
    the larger runtimes refuse the file.
    """
    repaired = bytearray(data)
    subgraph = tflite.Model.GetRootAs(data, 0).Subgraphs(0)
    for number in range(subgraph.TensorsLength()):
        tensor = subgraph.Tensors(number)
        stored = tensor.Quantization()
        if stored is not None and stored.QuantizedDimension() >= max(tensor.ShapeLength(), 1):
            table = stored._tab
            position = table.Pos + table.Offset(_QUANTIZED_DIMENSION)
            repaired[position : position + 4] = bytes(4)
    return bytes(repaired)


def with_operators(data: bytes, count: int) -> bytes:
    """Return a model's bytes without the operators behind the first `count`, of which it has as many."""
    shortened = bytearray(data)
    table = tflite.Model.GetRootAs(data, 0).Subgraphs(0)._tab
    position = table.Vector(table.Offset(_OPERATORS)) - 4  # of the length, which is followed by the elements
    shortened[position : position + 4] = count.to_bytes(4, "little")
    return bytes(shortened)
