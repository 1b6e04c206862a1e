# SPDX-License-Identifier: Apache-2.0
"""Reading .tflite files: whole ones give a graph, broken ones a graph or one error."""

import os
import random
import re
from pathlib import Path

import numpy as np
import pytest
import tflite
from tflite_builder import Builder

from edgecnn.compiler.reading.tflite import parse, read_model
from edgecnn.errors import ModelError

TINY = Path(__file__).parents[2] / "assets" / "tiny_int8.tflite"
MODELS = Path(os.environ.get("EDGECNN_DATA", "/nonexistent")) / "edge-models"


ADD, MUL, GELU = (getattr(tflite.BuiltinOperator, op) for op in ("ADD", "MUL", "GELU"))  # 0, 18, 150


def refusal(data: bytes) -> str | None:
    """What is said of bytes that can't be read, or None."""
    try:
        str(parse(data))
    except ModelError as error:
        return str(error)
    return None


def test_graph_as_text() -> None:
    lines = str(read_model(TINY)).splitlines()
    assert lines[0].startswith("input %0 int8[1,12,12,1] 0.00392156886*(q+128)")
    assert "= CONV_2D(%0, const int8[4,3,3,1] 4 scales, const int32[4] 4 scales)" in lines[1]
    assert lines[-1].startswith("output %")


def test_truncated_at_every_length() -> None:
    data = TINY.read_bytes()
    refused = 0
    for length in range(0, len(data), 7):
        refused += refusal(data[:length]) is not None
    assert refused > len(data) // 7 * 0.8  # what is cut off the end may be unused


def test_flipped_bits() -> None:
    data, rng = TINY.read_bytes(), random.Random(0)
    for _ in range(2000):
        broken = bytearray(data)
        for _ in range(rng.randint(1, 4)):
            broken[rng.randrange(len(broken))] ^= 1 << rng.randrange(8)
        assert "\n" not in (refusal(bytes(broken)) or "")


@pytest.mark.skipif(not MODELS.is_dir(), reason="needs EDGECNN_DATA with edge-models")
def test_models_of_others_are_read() -> None:
    graphs = {path.stem: read_model(path) for path in MODELS.rglob("*.tflite")}
    assert len(graphs["person_detect"].operators) == 31
    assert graphs["pretrainedResnet_quant"].outputs
    quantization = graphs["person_detect"].tensors[33].quantization
    assert quantization is not None
    assert quantization.axis == 0  # stored as 3 for a vector


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"is a folder; give a \.tflite file"):
        read_model(tmp_path)


@pytest.mark.parametrize(
    ("op", "deprecated", "code"),
    [
        ("ADD", ADD, ADD),  # neither is stored, as both are 0
        ("MUL", MUL, MUL),
        ("MUL", MUL, ADD),  # written before there were 127 ops
        ("MUL", ADD, MUL),  # the new field alone
        ("MUL", 3, MUL),
        ("MUL", MUL, 3),
        ("MUL", -1, MUL),
        ("MUL", MUL, -1),
        ("GELU", 127, GELU),
        ("GELU", 0, GELU),
        ("GELU", MUL, GELU),
        ("PLACEHOLDER_FOR_GREATER_OP_CODES", 127, 0),
    ],
)
def test_an_op_is_the_larger_of_both_codes(op: str, deprecated: int, code: int) -> None:
    builder = Builder(codes={"SUB": (deprecated, code)})
    source = builder.input((1, 4))
    made = builder.operator("SUB", (source, source), builder.tensor((1, 4), "int8", 0.1))
    assert [operator.op for operator in parse(builder.build((source,), (made,))).operators] == [op]


def test_data_behind_the_flatbuffer_is_read_and_bounded() -> None:
    builder = Builder()
    source = builder.input((1, 4))
    made = builder.fully_connected(source, 3)
    inside = parse(builder.build((source,), (made,)))
    for tensor in builder.tensors:
        tensor.outside = tensor.data is not None
    data = builder.build((source,), (made,))
    for before, after in zip(inside.tensors, parse(data).tensors, strict=True):
        np.testing.assert_array_equal(before.data, after.data)
    assert re.search(r"tensor \d has its data in bytes \d+ to \d+ of \d+", refusal(data[:-1]) or "")


def test_buffer_0_is_none_whatever_it_holds() -> None:
    builder = Builder()
    source = builder.input((1, 4))
    constant = builder.tensor((1, 4), "int8", 0.1, data=np.arange(4, dtype=np.int8))
    made = builder.operator("ADD", (source, constant), builder.tensor((1, 4), "int8", 0.1))
    data = bytearray(builder.build((source,), (made,)))
    tensor = tflite.Model.GetRootAs(data, 0).Subgraphs(0).Tensors(constant)
    at = tensor._tab.Pos + tensor._tab.Offset(8)
    number = data[at]
    data[at : at + 4] = bytes(4)
    assert 'reads tensor 1 "tensor1", which has no data' in (refusal(bytes(data)) or "")
    # Now the constant is in buffer 0.
    vector = tflite.Model.GetRootAs(data, 0)._tab
    first = vector.Vector(vector.Offset(12))
    full = first + 4 * number
    data[first : first + 4] = (int.from_bytes(data[full : full + 4], "little") + 4 * number).to_bytes(
        4, "little"
    )
    assert tflite.Model.GetRootAs(data, 0).Buffers(0).DataLength() == 4
    assert 'reads tensor 1 "tensor1", which has no data' in (refusal(bytes(data)) or "")


def test_an_empty_list_needs_no_buffer() -> None:
    builder = Builder()
    source = builder.input((1,))
    shape = builder.tensor((0,), "int32")
    made = builder.operator("RESHAPE", (source, shape), builder.tensor((), "int8", 1 / 255, -128))
    graph = parse(builder.build((source,), (made,)))
    assert graph.tensors[shape].data is not None
    assert graph.tensors[shape].data.shape == (0,)


def test_parts_that_lie_over_each_other_are_refused() -> None:
    """5,000 tensors are one table, whose name has 5,000 characters."""
    builder = Builder()
    source = builder.tensor((1, 4), "int8", 0.1, name="a" * 5000)
    for _ in range(5000):
        builder.tensor((), "int32", name="b")
    made = builder.operator("ADD", (source, source), builder.tensor((1, 4), "int8", 0.1))
    data = bytearray(builder.build((source,), (made,)))
    assert refusal(bytes(data)) is None
    table = tflite.Model.GetRootAs(data, 0).Subgraphs(0)._tab
    first = table.Vector(table.Offset(4))
    target = first + int.from_bytes(data[first : first + 4], "little")
    for number in range(5000):
        at = first + 4 * number
        data[at : at + 4] = (target - at).to_bytes(4, "little")
    assert "cut short or corrupt: a vector of" in (refusal(bytes(data)) or "")


def test_another_version_of_the_schema_is_refused() -> None:
    data = bytearray(TINY.read_bytes())
    table = tflite.Model.GetRootAs(data, 0)._tab
    data[table.Pos + table.Offset(4)] = 2
    assert refusal(bytes(data)) == "is of schema version 2; only 3 is read"
