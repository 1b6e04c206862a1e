# SPDX-License-Identifier: Apache-2.0
"""ONNX's operators over integers, the QOperator form, each as one of floats that DequantizeLinear feeds.

A QuantizeLinear is behind it: the QDQ form, which means the same.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from edgecnn.compiler.reading.onnx.file import OnnxNode

_MICROSOFT = "com.microsoft."
# The op, at which inputs triples of (values, scale, zero point) begin, those of the output,
# and a bias in steps of the sums.
_FORMS: dict[str, tuple[str, tuple[int, ...], int, int | None]] = {
    "QLinearConv": ("Conv", (0, 3), 6, 8),
    "QLinearMatMul": ("MatMul", (0, 3), 6, None),
    f"{_MICROSOFT}QLinearConv": ("Conv", (0, 3), 6, 8),
    f"{_MICROSOFT}QGemm": ("Gemm", (0, 3), 7, 6),
    f"{_MICROSOFT}QLinearAdd": ("Add", (0, 3), 6, None),
    f"{_MICROSOFT}QLinearMul": ("Mul", (0, 3), 6, None),
    f"{_MICROSOFT}QLinearAveragePool": ("AveragePool", (0,), 3, None),
    f"{_MICROSOFT}QLinearGlobalAveragePool": ("GlobalAveragePool", (0,), 3, None),
    f"{_MICROSOFT}QLinearReduceMean": ("ReduceMean", (0,), 3, None),
    f"{_MICROSOFT}QLinearLeakyRelu": ("LeakyRelu", (0,), 3, None),
    f"{_MICROSOFT}QLinearSigmoid": ("Sigmoid", (0,), 3, None),
    f"{_MICROSOFT}QLinearSoftmax": ("Softmax", (0,), 3, None),
}
_CONCAT = f"{_MICROSOFT}QLinearConcat"


def as_qdq(nodes: Sequence[OnnxNode]) -> list[OnnxNode]:
    """Return the same operators without any over integers."""
    return [part for node in nodes for part in _parts(node)]


def _parts(node: OnnxNode) -> Iterator[OnnxNode]:
    if node.op in (f"{_MICROSOFT}QuantizeLinear", f"{_MICROSOFT}DequantizeLinear"):
        yield replace(node, op=node.op.removeprefix(_MICROSOFT))
        return
    if node.op == _CONCAT:
        yield from _around(node, "Concat", range(2, len(node.inputs), 3), 0, None)
    elif node.op in _FORMS:
        op, triples, made, bias = _FORMS[node.op]
        yield from _around(node, op, triples, made, bias)
    else:
        yield node


def _around(
    node: OnnxNode, op: str, triples: Sequence[int], made: int, bias: int | None
) -> Iterator[OnnxNode]:
    names = []
    for number, at in enumerate(triples):
        names.append(f"{node.outputs[0]} of {number}")
        axis = {"axis": _weights_axis(node, op)} if number == 1 else {}
        yield OnnxNode("DequantizeLinear", node.name, node.inputs[at : at + 3], names[-1:], axis)
    if bias is not None and len(node.inputs) > bias:
        names.append(node.inputs[bias])
    real = f"{node.outputs[0]} in floats"
    yield replace(node, op=op, inputs=names, outputs=[real])
    scaling = node.inputs[made : made + 2]
    yield OnnxNode("QuantizeLinear", node.name, [real, *scaling], node.outputs, {})


def _weights_axis(node: OnnxNode, op: str) -> int:
    """Return the axis of weights along which their scales lie: that of the outputs."""
    return -1 if op == "MatMul" or (op == "Gemm" and not node.attributes.get("transB", 0)) else 0
