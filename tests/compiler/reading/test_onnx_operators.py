# SPDX-License-Identifier: Apache-2.0
"""Each operator of a quantized ONNX network answers within a step of onnxruntime."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnxruntime", reason="needs onnxruntime: edgecnn[test], from Python 3.11 on")

from onnx import numpy_helper
from onnx_qdq import Qdq, steps_apart, written

from edgecnn.compiler.compile import compile_tflite, run_passes
from edgecnn.compiler.reading import read_network
from edgecnn.compiler.reading.onnx.rows._node import ROWS
from edgecnn.errors import ModelError

Shape = tuple[int, ...]
IMAGE = (1, 3, 8, 10)


def conv(
    q: Qdq, x: str, shape: Shape, *, axis: int | None = 0, bias: bool = True, low: float = -4, **of: int
) -> str:
    """A convolution with its output quantized; `shape` is that of the weights."""
    weights = q.weights(*shape, axis=axis)
    more = [q.constant(q.rng.normal(0, 0.3, shape[0]).astype(np.float32))] if bias else []
    return q.activation(q.node("Conv", [x, weights, *more], **of), -4, 4)


def one(op: str, low: float = -1, high: float = 1, **attributes: object) -> Callable[[Qdq, str], str]:
    """An operator of one input."""
    return lambda q, x: q.activation(q.node(op, [x], **attributes), low, high)


def two(op: str, shape: Shape, low: float = -2, high: float = 2) -> Callable[[Qdq, str], str]:
    """An operator of the input and a constant."""
    return lambda q, x: q.activation(q.node(op, [x, q.weights(*shape, spread=1.0)]), low, high)


def limits(low: float | None, high: float | None) -> Callable[[Qdq, str], str]:
    """A convolution behind which is a Clip."""

    def make(q: Qdq, x: str) -> str:
        ends = ["" if end is None else q.constant(np.float32(end)) for end in (low, high)]
        return q.activation(
            q.node("Clip", [q.node("Conv", [x, q.weights(4, 3, 3, 3, axis=0)]), *ends]), -4, 4
        )

    return make


def lists(op: str, *values: object, **attributes: object) -> Callable[[Qdq, str], str]:
    """An operator that moves values, told by constants."""
    return lambda q, x: q.node(op, [x, *(q.constant(value) for value in values)], **attributes)


def then_conv(move: Callable[[Qdq, str], str], channels: int) -> Callable[[Qdq, str], str]:
    """What moves values of a convolution's, and another behind it."""
    return lambda q, x: conv(q, move(q, conv(q, x, (8, 3, 1, 1))), (4, channels, 1, 1))


def residual(q: Qdq, x: str) -> str:
    pooled = q.node("MaxPool", [x], kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    return q.activation(q.node("Relu", [q.node("Add", [x, q.activation(pooled, -0.5, 1)])]), 0, 2)


def squeezed(q: Qdq, x: str) -> str:
    mean = q.activation(q.node("GlobalAveragePool", [x]), -0.5, 0.5)
    scores = q.activation(q.node("Sigmoid", [conv(q, mean, (3, 3, 1, 1))]), 0, 1)
    return q.activation(q.node("Mul", [x, scores]), -1, 1)


def shuffled(q: Qdq, x: str) -> str:
    apart = q.node("Reshape", [conv(q, x, (8, 3, 1, 1)), q.constant([1, 2, 4, 8, 10])])
    turned = q.node("Transpose", [apart], perm=[0, 2, 1, 3, 4])
    return conv(q, q.node("Reshape", [turned, q.constant([1, 8, 8, 10])]), (4, 8, 1, 1))


def split(q: Qdq, x: str) -> str:
    parts = ["left", "right"]
    q.node("Split", [conv(q, x, (8, 3, 1, 1)), q.constant([3, 5])], parts, axis=1)
    joined = q.node("Concat", [conv(q, parts[1], (4, 5, 1, 1)), parts[0]], axis=1)
    return q.activation(joined, -4, 4)


def dense(q: Qdq, x: str) -> str:
    flat = q.node("Flatten", [conv(q, x, (4, 3, 3, 3))])
    weights = q.weights(5, 4 * 6 * 8, axis=0, spread=0.1)
    return q.activation(q.node("Gemm", [flat, weights, q.weights(5, spread=0.4)], transB=1), -9, 9)


def multiplied(q: Qdq, x: str) -> str:
    flat = q.node("Reshape", [x, q.constant([1, -1])])
    product = q.node("MatMul", [flat, q.weights(240, 6, axis=1, spread=0.2)])
    return q.activation(q.node("Add", [product, q.constant(np.float32([[1, 2, -1, 0, 3, -2]]))]), -9, 9)


def sequence(q: Qdq, x: str) -> str:
    first = conv(q, x, (4, 3, 5), pads=[2, 2], dilations=[1])
    pooled = q.node("MaxPool", [first], kernel_shape=[2], strides=[2])
    return conv(q, pooled, (4, 1, 3), group=4, strides=[2])


def softmax(q: Qdq, x: str) -> str:
    flat = q.node("Flatten", [q.activation(q.node("GlobalAveragePool", [conv(q, x, (4, 3, 1, 1))]), -3, 3)])
    return q.node("Softmax", [flat], axis=1)


def numbers(q: Qdq, x: str) -> str:
    return q.node("ArgMax", [conv(q, x, (4, 3, 1, 1))], axis=1, keepdims=0)


def fake_quantized(q: Qdq, x: str) -> str:
    """As quantizers around PyTorch leave it: weights of floats, Constant nodes, zero points left out."""

    def constant(value: Any) -> str:
        return q.node("Constant", [], value=numpy_helper.from_array(np.asarray(value)))

    weights = q.constant(q.rng.normal(0, 0.2, (4, 3, 3, 3)).astype(np.float32))
    scaling = [constant(q.rng.uniform(0.004, 0.005, 4).astype(np.float32)), constant(np.zeros(4, np.int8))]
    rounded = q.node("QuantizeLinear", [weights, *scaling], axis=0)
    weights = q.node("DequantizeLinear", [rounded, *scaling], axis=0)
    steps = q.constant(np.float32(0.004) * q.rng.uniform(1, 2, 4).astype(np.float32) / 100)
    biases = q.node(
        "DequantizeLinear", [q.constant(q.rng.integers(-9999, 9999, 4).astype(np.int32)), steps], axis=0
    )
    made = q.node("Relu", [q.node("Conv", [x, weights, biases], pads=[1, 1, 1, 1])])
    scale = constant(np.float32(0.01))
    return q.node("DequantizeLinear", [q.node("QuantizeLinear", [made, scale]), scale])


def of_nine_bits(op: str, *shape: int, **attributes: Any) -> Callable[[Qdq, str], str]:
    """An operator with weights of uint8, some farther from their zero point than int8 reaches."""

    def make(q: Qdq, x: str) -> str:
        integers = q.rng.integers(0, 200, shape).astype(np.uint8)
        integers.ravel()[5:40:7] = 255
        weights = q.node("DequantizeLinear", [q.constant(integers), *q.scaling(0.004, 90, "uint8")])
        source = x if op == "Conv" else q.node("Flatten", [x])
        return q.activation(q.node(op, [source, weights], **attributes), -4, 4)

    return make


CASES: dict[str, Callable[[Qdq, str], str]] = {
    "Conv": lambda q, x: conv(q, x, (5, 3, 3, 3)),
    "Conv without a bias, one scale": lambda q, x: conv(q, x, (5, 3, 3, 3), axis=None, bias=False),
    "Conv of floats that the file quantizes": fake_quantized,
    "Conv of nine bits": of_nine_bits("Conv", 4, 3, 3, 3, pads=[1, 1, 1, 1]),
    "Gemm of nine bits": of_nine_bits("Gemm", 240, 5),
    "MatMul of nine bits": of_nine_bits("MatMul", 240, 5),
    "Conv padded as PyTorch does": lambda q, x: conv(q, x, (5, 3, 3, 3), pads=[1, 1, 1, 1], strides=[2, 2]),
    "Conv padded as TensorFlow does": lambda q, x: conv(
        q, x, (5, 3, 3, 3), auto_pad="SAME_UPPER", strides=[2, 2]
    ),
    "Conv with gaps": lambda q, x: conv(q, x, (5, 3, 3, 3), pads=[2, 2, 2, 2], dilations=[2, 2]),
    "Conv in groups": lambda q, x: conv(q, conv(q, x, (4, 3, 1, 1)), (6, 2, 3, 3), group=2),
    "Conv of each channel": lambda q, x: conv(q, x, (6, 1, 3, 3), group=3, pads=[1, 1, 1, 1]),
    "Conv of a sequence": sequence,
    "ConvTranspose": lambda q, x: q.activation(
        q.node(
            "ConvTranspose",
            [x, q.weights(3, 4, 3, 3, axis=1)],
            strides=[2, 2],
            pads=[1, 1, 1, 1],
            output_padding=[1, 1],
        ),
        -4,
        4,
    ),
    "BatchNormalization": lambda q, x: q.activation(
        q.node(
            "BatchNormalization",
            [x, *map(q.constant, np.float32([[1, -2, 0], [0.5, 0, 1], [0.1, 0.2, 0.3], [1, 4, 2]]))],
        ),
        -2,
        2,
    ),
    "Relu fused": lambda q, x: q.activation(
        q.node("Relu", [q.node("Conv", [x, q.weights(4, 3, 3, 3, axis=0)])]), -1, 4
    ),
    "Relu": one("Relu", -0.2, 1.5),
    "Clip to 6": limits(0, 6),
    "Clip": limits(-0.7, 0.9),
    "Clip from below": limits(-0.5, None),
    "Gemm behind Flatten": dense,
    "MatMul and Add": multiplied,
    "MatMul of two": lambda q, x: q.activation(
        q.node("MatMul", [x, q.node("Transpose", [x], perm=[0, 1, 3, 2])]), -4, 4
    ),
    "Add": residual,
    "Add of a constant": two("Add", (3, 1, 1)),
    "Add of a number": lambda q, x: q.activation(q.node("Add", [x, q.constant(np.float32(0.7))]), -1, 2),
    "Sub": two("Sub", (1, 3, 8, 10)),
    "Mul": two("Mul", (1, 3, 1, 1), -1, 1),
    "Mul by a score": squeezed,
    "Div": lambda q, x: q.activation(q.node("Div", [x, q.constant(np.float32(-3))]), -0.4, 0.4),
    "Pow": lambda q, x: q.activation(q.node("Pow", [x, q.constant(np.float32(2))]), 0, 1),
    "Max": two("Max", (3, 1, 1)),
    "Min": two("Min", (3, 8, 10)),
    "MaxPool": one("MaxPool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
    "MaxPool up to the edge": one("MaxPool", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1),
    "AveragePool": one("AveragePool", -0.8, 0.8, kernel_shape=[2, 2], strides=[2, 2]),
    "AveragePool to a finer scale": one("AveragePool", -0.3, 0.3, kernel_shape=[2, 2], strides=[2, 2]),
    "AveragePool with its padding": one(
        "AveragePool", -2, 2, kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1
    ),
    "GlobalAveragePool": one("GlobalAveragePool", -0.3, 0.3),
    "GlobalMaxPool": one("GlobalMaxPool"),
    "ReduceMean": one("ReduceMean", -0.5, 0.5, axes=[1], keepdims=1),
    "ReduceMean of pixels": one("ReduceMean", -0.5, 0.5, axes=[-1, -2], keepdims=0),
    "ReduceSum": lambda q, x: q.activation(q.node("ReduceSum", [x, q.constant([2])], keepdims=0), -6, 6),
    "ReduceMax": one("ReduceMax", axes=[1]),
    "ReduceMin": one("ReduceMin", -1, 1, axes=[2, 3], keepdims=0),
    "Sigmoid": one("Sigmoid", 0, 1),
    "Tanh": one("Tanh"),
    "HardSigmoid": one("HardSigmoid", 0.2, 0.8, alpha=0.25, beta=0.5),
    "HardSwish": one("HardSwish", -0.4, 1),
    "Gelu": one("Gelu", -0.2, 1),
    "LogSoftmax": one("LogSoftmax", -10, 0, axis=1),
    "Sum": two("Sum", (3, 1, 1)),
    "LeakyRelu": one("LeakyRelu", -0.2, 1, alpha=0.1),
    "Elu": one("Elu", -0.7, 1),
    "Abs": one("Abs", 0, 1),
    "PRelu": two("PRelu", (3, 1, 1), -1, 1),
    "Softmax": softmax,
    "Softmax over channels": one("Softmax", 0, 1, axis=1),
    "Concat": split,
    "Reshape and Transpose": shuffled,
    "Transpose": lists("Transpose", perm=[0, 1, 3, 2]),
    "Slice": then_conv(lists("Slice", [1, 2], [7, 9], [2, 3]), 8),
    "Slice with steps": then_conv(lists("Slice", [0, 1], [8, 10], [2, 3], [2, 2]), 8),
    "Gather": then_conv(lists("Gather", [5, 1, 3], axis=1), 3),
    "Squeeze": lambda q, x: q.node(
        "Squeeze", [q.activation(q.node("GlobalAveragePool", [x]), -0.3, 0.3), q.constant([2, 3])]
    ),
    "Unsqueeze": lambda q, x: q.node("Unsqueeze", [q.node("Flatten", [x]), q.constant([1])]),
    "Expand": lambda q, x: conv(
        q,
        q.node(
            "Expand", [q.activation(q.node("GlobalAveragePool", [x]), -0.3, 0.3), q.constant([1, 3, 4, 4])]
        ),
        (4, 3, 1, 1),
    ),
    "Tile": then_conv(lists("Tile", [1, 1, 2, 1]), 8),
    "DepthToSpace": then_conv(lists("DepthToSpace", blocksize=2), 2),
    "DepthToSpace, pixels shuffled": then_conv(lists("DepthToSpace", blocksize=2, mode="CRD"), 2),
    "SpaceToDepth": then_conv(lists("SpaceToDepth", blocksize=2), 32),
    "Identity": then_conv(lists("Identity"), 8),
    "Dropout": then_conv(lists("Dropout"), 8),
    "Pad": lambda q, x: conv(
        q, q.node("Pad", [x, q.constant([0, 0, 1, 2, 0, 0, 0, 1]), q.constant(np.float32(0))]), (4, 3, 3, 3)
    ),
    "Pad by a number": lists("Pad", [0, 0, 1, 2, 0, 0, 0, 1], np.float32(0.5)),
    "Pad by mirroring": lists("Pad", [0, 0, 1, 2, 0, 0, 2, 1], mode="reflect"),
    "ArgMax": numbers,
    "Resize": lists(
        "Resize",
        np.float32([]),
        np.float32([1, 1, 2, 2]),
        mode="nearest",
        nearest_mode="floor",
        coordinate_transformation_mode="asymmetric",
    ),
    "Resize to the nearest by default": lists("Resize", np.float32([]), np.float32([1, 1, 1.5, 2])),
    "Resize by lines": lambda q, x: q.activation(
        lists("Resize", np.float32([]), np.float32([1, 1, 2, 2]), mode="linear")(q, x), -1, 1
    ),
}


@pytest.mark.parametrize("dtype", ["uint8", "int8"])
@pytest.mark.parametrize("name", CASES)
def test_an_operator_is_within_a_step(name: str, dtype: str, tmp_path: Path) -> None:
    q = Qdq(dtype, seed=sum(name.encode()))
    shape = (1, 3, 30) if name == "Conv of a sequence" else IMAGE
    made = CASES[name](q, q.activation("x"))
    model = q.model(made, shape, opset=20 if name == "Gelu" else 17)
    path = written(model, tmp_path)
    images = q.rng.uniform(-1.1, 1.1, (4, *shape[1:])).astype(np.float32)
    apart = steps_apart(model, path, images)
    assert apart.max() <= 1
    assert np.mean(apart > 0) < 0.4  # where there are two roundings in place of one
    run_passes(read_network(path))


def test_damaged_files_are_refused_or_read(tmp_path: Path) -> None:
    """Whatever a byte becomes, what comes is a graph or one line."""
    q = Qdq()
    good = q.model(residual(q, q.activation("x")), (1, 3, 4, 4)).SerializeToString()
    rng, refusals = np.random.default_rng(0), []
    for number in range(300):
        content = bytearray(good)
        for place in rng.integers(0, len(content), 3):
            content[place] = rng.integers(0, 256)
        end = rng.integers(1, len(content)) if number % 10 == 0 else len(content)
        (tmp_path / "net.onnx").write_bytes(content[:end])
        try:
            read_network(tmp_path / "net.onnx")
        except ModelError as error:
            refusals.append(str(error))
    assert 100 < len(refusals) < 300
    assert [refusal for refusal in refusals if "\n" in refusal] == []


def test_a_sequence_flows_through_a_network(tmp_path: Path) -> None:
    """Its channels come last, and few samples of it are kept."""
    q = Qdq()
    flat = q.node("Flatten", [sequence(q, q.activation("x"))])
    made = q.activation(q.node("Gemm", [flat, q.weights(3, 196, axis=0, spread=0.1)], transB=1), -9, 9)
    path = written(q.model(made, (1, 3, 200)), tmp_path)
    compiled = compile_tflite(path, name="net")
    assert [step["op"] for step in compiled.plan["steps"]][1:] == [
        "CONV_2D + MAX_POOL_2D",
        "DEPTHWISE_CONV_2D",
        "FULLY_CONNECTED",
    ]
    assert "int8[1][200][3]" in compiled.header
    assert compiled.plan["arena_bytes"] < 100


def test_every_row_has_a_case() -> None:
    tried = set()
    for make in CASES.values():
        q = Qdq()
        make(q, q.activation("x"))
        tried |= {node.op_type for node in q.nodes}
    assert sorted(op for op in ROWS if "." not in op and op not in tried) == []
