# SPDX-License-Identifier: Apache-2.0
"""No op's integer result is more than two steps from the real-valued one: an oracle is not copied blindly."""

import numpy as np
import pytest
from generated_c import random_inputs, run_numpy
from tflite_builder import SAME, Builder

from edgecnn.compiler import ops
from edgecnn.compiler.geometry import taps
from edgecnn.compiler.ir import Graph, Operator, Tensor
from edgecnn.compiler.reading.tflite import parse


def real(tensor: Tensor, values: np.ndarray) -> np.ndarray:
    assert tensor.quantization is not None
    return tensor.quantization.scale * (values.astype(np.float64) - tensor.quantization.zero_point)


def weights(graph: Graph, operator: Operator, channel_axis: int) -> np.ndarray:
    tensor = graph.input(operator, 1)
    assert tensor.quantization is not None
    shape = [1] * len(tensor.shape)
    shape[channel_axis] = -1
    return np.asarray(tensor.data, np.float64) * np.array(tensor.quantization.scales).reshape(shape)


def bias(graph: Graph, operator: Operator) -> np.ndarray:
    tensor = graph.input(operator, 2)
    assert tensor.quantization is not None
    return np.asarray(tensor.data, np.float64) * np.array(tensor.quantization.scales)


def convolved(graph: Graph, operator: Operator, source: np.ndarray) -> np.ndarray:
    depthwise = operator.op == "DEPTHWISE_CONV_2D"
    kernel = weights(graph, operator, 3 if depthwise else 0)
    _, rows, columns, channels = graph.output(operator).shape
    vertical, horizontal = ops.axes(graph, operator) or ()
    total = np.zeros((rows, columns, channels)) + bias(graph, operator)
    for tap_y, out_y, in_y in taps(vertical, rows, source.shape[1]):
        for tap_x, out_x, in_x in taps(horizontal, columns, source.shape[2]):
            values = source[0, in_y, in_x]
            if depthwise:
                total[out_y, out_x] += (
                    np.repeat(values, channels // values.shape[2], 2) * kernel[0, tap_y, tap_x]
                )
            else:
                total[out_y, out_x] += values @ kernel[:, tap_y, tap_x].T
    return total


def softmax(values: np.ndarray) -> np.ndarray:
    powers = np.exp(values - values.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


REAL = {
    "CONV_2D": convolved,
    "DEPTHWISE_CONV_2D": convolved,
    "FULLY_CONNECTED": lambda graph, op, x: weights(graph, op, 0) @ x.ravel() + bias(graph, op),
    "ADD": lambda graph, op, x: x + x,
    "MEAN": lambda graph, op, x: x.mean(axis=(1, 2)),
    "AVERAGE_POOL_2D": lambda graph, op, x: x.reshape(1, 4, 2, 4, 2, 6).mean(axis=(2, 4)),
    "SOFTMAX": lambda graph, op, x: softmax(x),
    "LOGISTIC": lambda graph, op, x: 1 / (1 + np.exp(-x)),
    "QUANTIZE": lambda graph, op, x: x,
    "SUB": lambda graph, op, x: x - x,
    "MUL": lambda graph, op, x: x * x,
    "PRELU": lambda graph, op, x: np.where(x >= 0, x, x * x),
    "BATCH_MATMUL": lambda graph, op, x: x @ x.swapaxes(-1, -2),
    "SQUARED_DIFFERENCE": lambda graph, op, x: (x - real(graph.input(op, 1), graph.input(op, 1).data)) ** 2,
    "SUM": lambda graph, op, x: x.sum(axis=3),
    "REDUCE_MAX": lambda graph, op, x: x.max(axis=3),
    "REDUCE_MIN": lambda graph, op, x: x.min(axis=3),
    "ABS": lambda graph, op, x: np.abs(x),
    "EXP": lambda graph, op, x: np.exp(x),
    "ELU": lambda graph, op, x: np.where(x < 0, np.exp(x) - 1, x),
    "GELU": lambda graph, op, x: x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    "HARD_SWISH": lambda graph, op, x: x * np.clip(x + 3, 0, 6) / 6,
    "LEAKY_RELU": lambda graph, op, x: np.where(x < 0, 0.3 * x, x),
    "RELU": lambda graph, op, x: np.maximum(x, 0),
    "RELU6": lambda graph, op, x: np.clip(x, 0, 6),
    "RELU_0_TO_1": lambda graph, op, x: np.clip(x, 0, 1),
    "RELU_N1_TO_1": lambda graph, op, x: np.clip(x, -1, 1),
    "TANH": lambda graph, op, x: np.tanh(x),
}


def _other(builder: Builder, op: str, source: int) -> int:
    if op in ("SUB", "MUL", "PRELU"):
        return builder.binary(op, source, source)
    if op == "BATCH_MATMUL":
        return builder.batch_matmul(source, source, adj_y=True)
    if op == "SQUARED_DIFFERENCE":
        return builder.binary(op, source, builder.constant((6,)))
    if op in ("SUM", "REDUCE_MAX", "REDUCE_MIN"):
        return builder.reduce(op, source, (3,))
    return builder.unary(op, source, **({"alpha": 0.3} if op == "LEAKY_RELU" else {}))


def model(op: str, seed: int) -> bytes:
    builder = Builder(seed)
    source = builder.input((1, 8, 8, 6), 0.043, -9)
    made = {
        "CONV_2D": lambda: builder.conv(source, 5, padding=SAME),
        "DEPTHWISE_CONV_2D": lambda: builder.conv(source, 2, padding=SAME, depthwise=True),
        "FULLY_CONNECTED": lambda: builder.fully_connected(source, 9, per_channel=bool(seed % 2)),
        "ADD": lambda: builder.add(source, source),
        "MEAN": lambda: builder.mean(source),
        "AVERAGE_POOL_2D": lambda: builder.pool(source, "AVERAGE", (2, 2), (2, 2)),
    }.get(op, lambda: _other(builder, op, source))()
    return builder.build((source,), (made,))


@pytest.mark.parametrize("op", REAL)
def test_within_two_steps_of_the_real_value(op: str) -> None:
    for seed in range(4):
        data = model(op, seed)
        graph = parse(data)
        operator = graph.operators[0]
        made = graph.output(operator)
        assert made.quantization is not None
        for one, outputs in zip(
            random_inputs(data, 3, seed), run_numpy(data, random_inputs(data, 3, seed)), strict=True
        ):
            exact = REAL[op](graph, operator, real(graph.tensors[graph.inputs[0]], one[0]))
            steps = np.clip(exact / made.quantization.scale + made.quantization.zero_point, -128, 127)
            assert np.abs(steps.ravel() - outputs[0].ravel()).max() <= 2
