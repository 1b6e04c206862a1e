# SPDX-License-Identifier: Apache-2.0
"""`edgecnn inspect` on what can't be run or compiled: it shows what is there, and says why."""

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from tflite_builder import Builder

from edgecnn.cli.inspect import command
from edgecnn.compiler.inspect import inspect
from edgecnn.compiler.reading.tflite import parse_file, read_model
from edgecnn.errors import ModelError


def inspect_json(path: Path) -> dict[str, Any]:
    found = inspect(path)
    return json.loads(json.dumps(found, allow_nan=False))


def stranger() -> bytes:
    """A model of several subgraphs, with a state, an op of somebody's own, int4, sparse and unknown types."""
    builder = Builder()
    source = builder.input((1, 4), 0.5)
    builder.tensors[source].shape_signature = (-1, 4)
    packed = builder.tensor((2, 4), "int4", 0.1, data=np.zeros(4, np.uint8), name="packed")
    sparse = builder.tensor((2, 4), "int8", 0.1, data=np.zeros(3, np.int8), name="sparse")
    builder.tensors[sparse].sparse = True
    state = builder.tensor((1, 2), "int8", 0.1, name="state")
    builder.tensors[state].state = True
    odd = builder.tensor((3,), "type_99", name="odd\x1b[31m")
    made = builder.operator(
        "CUSTOM:my\x1bop", (source, packed, sparse, state, -1, odd), builder.tensor((1, 2), "int8", 0.1)
    )
    other = Builder()
    inner = other.input((1, 3))
    looped = other.operator(
        "WHILE", (inner,), other.tensor((1, 3)), cond_subgraph_index=1, body_subgraph_index=2
    )
    builder.more = [(other, (inner,), (looped,))]
    builder.signatures = [("serve", {"image": source}, {"scores\x1b": made})]
    return builder.build((source,), (made,))


def test_what_can_not_be_run_is_shown(tmp_path: Path) -> None:
    (tmp_path / "strange.tflite").write_bytes(stranger())
    found = inspect_json(tmp_path / "strange.tflite")
    assert found["problems"] == [
        'CUSTOM:my\\x1bop "tensor5" (operator 0) keeps "state" from one inference to the next; an '
        "operator with a state of its own can't be run or compiled; one that VAR_HANDLE names can"
    ]
    assert found["signatures"] == [
        {"key": "serve", "subgraph": 0, "inputs": ["image"], "outputs": ["scores\x1b"]}
    ]
    [operator] = found["operators"]
    assert [(one["dtype"], one["constant"], one["state"], one["sparse"]) for one in operator["inputs"]] == [
        ("int8", False, False, False),
        ("int4", True, False, False),
        ("int8", True, False, True),
        ("int8", False, True, False),
        ("type_99", False, False, False),
    ]
    assert operator["weight_bytes"] == 7
    assert found["inputs"][0]["shape_signature"] == [-1, 4]
    [other] = found["subgraphs"]
    assert other["operators"][0]["options"] == {"cond_subgraph_index": 1, "body_subgraph_index": 2}
    assert found["tflm"][1:] == ['resolver.AddCustom("my?op", Register_YOUR_OP());', "resolver.AddWhile();"]
    shown = CliRunner().invoke(command, [str(tmp_path / "strange.tflite")], catch_exceptions=False).stdout
    assert "\x1b" not in shown
    assert "input   image   tensor0   int8[1,4]   shape_signature [-1,4]   0.5*(q+128)" in shown
    assert "output  scores\\x1b   tensor5   int8[1,2]" in shown
    assert "1x4 1x2 state 3 type_99" in shown


def test_each_signature_is_shown_with_its_subgraph(tmp_path: Path) -> None:
    builder, other = Builder(), Builder()
    source, inner = builder.input((1, 4)), other.input((1, 3))
    made = builder.operator("ABS", (source,), builder.tensor((1, 4), "int8", 0.1))
    builder.codes = {"ABS": (0, 999)}
    builder.more = [(other, (inner,), (other.operator("RELU", (inner,), other.tensor((1, 3), "int8", 0.1)),))]
    builder.signatures = [
        ("encode", {"x": source}, {"code": made}),
        ("decode", {"code": inner}, {"y": 1}, 1),
    ]
    (tmp_path / "two.tflite").write_bytes(builder.build((source,), (made,)))
    shown = CliRunner().invoke(command, [str(tmp_path / "two.tflite")], catch_exceptions=False).stdout
    assert "signature encode   subgraph 0   x -> code\n" in shown
    assert "signature decode   subgraph 1   code -> y\n" in shown
    assert "problem has 2 subgraphs, each for itself; only models of one can be run and compiled\n" in shown
    assert "\n0 UNKNOWN_999 " in shown
    assert shown.endswith("MicroMutableOpResolver<1> resolver;\n    resolver.AddRelu();\n")


def test_what_makes_no_sense_is_shown_and_named(tmp_path: Path) -> None:
    builder = Builder()
    source = builder.input((1, 4))
    nan = builder.tensor((1, 4), "int8", float("nan"))
    short = builder.tensor((1, 4), "int32", data=np.zeros(3, np.int32))
    negative = builder.tensor((1, -1), "int8", (0.1, 0.2), (0,))
    made = builder.operator("LEAKY_RELU", (source, nan, short, 77), negative, alpha=float("inf"))
    (tmp_path / "odd.tflite").write_bytes(builder.build((source,), (made,)))
    found = inspect_json(tmp_path / "odd.tflite")
    assert found["problems"] == [
        "tensor 1 has a scale that is not a positive number",
        "tensor 2 is int32 of shape (1, 4), but its buffer has 12 bytes",
        "tensor 3 has shape (1, -1); up to 8 dimensions of 0 or more are possible",
        "tensor 3 has 2 scales and 1 zero points; as many needed",
    ]
    assert found["operators"][0]["options"] == {"alpha": "inf"}
    with pytest.raises(ModelError, match="tensor 1 has a scale"):
        read_model(tmp_path / "odd.tflite")


def test_of_many_problems_a_few_are_printed(tmp_path: Path) -> None:
    builder = Builder()
    source = builder.input((1, 4))
    for _ in range(7):
        builder.tensor((1, -1), "int8")
    made = builder.operator("ABS", (source,), builder.tensor((1, 4), "int8", 0.1))
    (tmp_path / "many.tflite").write_bytes(builder.build((source,), (made,)))
    assert len(inspect_json(tmp_path / "many.tflite")["problems"]) == 7
    shown = CliRunner().invoke(command, [str(tmp_path / "many.tflite")], catch_exceptions=False).stdout
    assert shown.count("\nproblem tensor ") == 5
    assert "\nproblem and 2 more, which --json names\n" in shown


@pytest.mark.parametrize("length", [*range(0, 4000, 130), 4291])
def test_each_length_ends_in_an_answer_or_one_line(tmp_path: Path, length: int) -> None:
    (tmp_path / "cut.tflite").write_bytes(stranger()[:length])
    result = CliRunner().invoke(command, [str(tmp_path / "cut.tflite")])
    assert result.exit_code == 0 or isinstance(result.exception, ModelError)


def test_flipped_bits_end_in_an_answer_or_one_line() -> None:
    data, rng = stranger(), random.Random(0)
    ends = set()
    for _ in range(1000):
        broken = bytearray(data)
        for _ in range(rng.randint(1, 4)):
            broken[rng.randrange(len(broken))] ^= 1 << rng.randrange(8)
        ends.add(_end(bytes(broken)))
    assert ends == {"shown", "refused"}


def _end(data: bytes) -> str:
    try:
        shown = parse_file(data)
    except ModelError as error:
        return "refused" if "\n" not in str(error) else str(error)
    return "shown" if not any("\n" in problem for problem in shown.problems) else str(shown.problems)
