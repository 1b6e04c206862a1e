# SPDX-License-Identifier: Apache-2.0
"""UNIDIRECTIONAL_SEQUENCE_LSTM equals TFLite's reference kernel, and so does what it keeps."""

import numpy as np
import pytest
from stream_cases import check_streams
from streaming import lstm
from tflite_builder import Builder

from edgecnn.compiler import quant
from edgecnn.compiler.compile import compile_tflite
from edgecnn.compiler.ops import _gates
from edgecnn.errors import ModelError

# Steps, values, cells, bits of a cell, clip, scale and zero point of the input, zero point of the output.
CASES = [
    (1, 5, 3, 4, 0.0, 0.02, -11, 10),
    (7, 4, 6, 4, 0.0, 0.05, 3, -128),
    (3, 1, 1, 1, 0.0, 0.01, 127, 0),
    (5, 9, 7, 3, 2.5, 0.04, -128, 127),
    (2, 3, 5, 0, 0.0, 0.2, 0, -7),
]


def networks() -> list[bytes]:
    models = []
    for seed, (steps, size, cells, bits, clip, scale, zero, out) in enumerate(CASES):
        builder = Builder(seed)
        source = builder.input((1, steps, size), scale, zero)
        at = lstm(builder, source, cells, bits, clip, out)
        if seed == 1:  # two, one behind the other
            at = lstm(builder, at, 4)
        models.append(builder.build((source,), (at,)))
    return models


def test_lstm_equals_the_oracle() -> None:
    compiled = check_streams(networks())
    first = compiled[0]
    assert first.plan["macs"] == 1 * 4 * 3 * (5 + 3)
    assert first.plan["variables_bytes"] == 4 + 8 + 12, "heads, two outputs of 3 bytes, two cells of 6"


def test_fixed_point_follows_the_functions() -> None:
    value = np.arange(-32768, 32768)
    sigmoid = 1 / (1 + np.exp(-value / 4096))
    assert np.abs(_gates.logistic(value) / 32768 - sigmoid).max() < 3e-4
    for bits in range(5):
        assert np.abs(_gates.tanh(value, bits) / 32768 - np.tanh(value / 2.0 ** (15 - bits))).max() < 1e-3
    assert quant.limits("int16") == (-32768, 32767)


def refused(change: str) -> str:
    builder = Builder()
    source = builder.input((1, 3, 4))
    made = lstm(builder, source, 5)
    op, inputs, output, options = builder.operators[-1]
    if change == "peephole":
        inputs = (*inputs[:9], inputs[12], *inputs[10:])
    elif change == "coupled":
        inputs = (inputs[0], -1, *inputs[2:])
    elif change == "coarse":
        builder.tensors[inputs[19]].scales = (2.0**-9,)
    elif change == "time":
        options = options | {"time_major": True}
    elif change == "no state":
        builder.tensors[inputs[18]].state = False
    builder.operators[-1] = (op, inputs, output, options)
    with pytest.raises(ModelError) as refusal:
        compile_tflite(builder.build((source,), (made,)), name="net")
    return str(refusal.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("peephole", "has peepholes, a projection or layer normalization; none is supported"),
        ("coupled", "has no input 1, which it needs"),
        ("coarse", "int16 with a scale of 2**-15 to 2**-11 is supported"),
        ("time", "has activation tanh, time_major True and 5 intermediate tensors"),
        ("no state", "for its state; a variable one of its own is needed"),
    ],
)
def test_what_it_lacks_is_refused(change: str, message: str) -> None:
    assert refused(change).startswith("UNIDIRECTIONAL_SEQUENCE_LSTM ")
    assert message in refused(change)
