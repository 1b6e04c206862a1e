# SPDX-License-Identifier: Apache-2.0
"""Who says what the C must compute: TFLite 2.14 for all edges, and whom for what it lacks or gets wrong."""

from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import networks
import numpy as np
import pytest
from every_op import networks_of_every_op
from generated_c import random_inputs
from tflite_builder import SAME, Builder

from edgecnn.compiler import ops, reference, supported_ops
from edgecnn.compiler.passes.integer_edges import integer_edges
from edgecnn.compiler.reading.tflite import parse
from edgecnn.pipeline.verify import oracle as oracles
from edgecnn.pipeline.verify.compiled import _chosen, different_outputs, verify
from edgecnn.pipeline.verify.oracle import BUILTIN_REF, Oracle, Ruling
from edgecnn.runtime.tflite import Interpreter, MisreadError

NOT_INSTALLED = "is not installed"
needs_definition = pytest.mark.skipif(
    find_spec("tflite_runtime") is None, reason="needs tflite-runtime 2.14, of Python 3.11 at most"
)
needs_litert = pytest.mark.skipif(find_spec("ai_edge_litert") is None, reason="needs ai-edge-litert")


def judged(model: bytes, count: int = 3) -> tuple[Oracle, list[Ruling]]:
    """Ask for outputs of random inputs, see that they are our references', and return who was asked."""
    oracle, graph = Oracle(parse(model), model), integer_edges(parse(model))
    inputs, session = random_inputs(model, count), reference.Session(graph)
    for ours, theirs in zip(map(session.run, inputs), oracle.outputs(inputs), strict=True):
        for our, their in zip(ours, theirs, strict=True):
            assert our.dtype == their.dtype
            np.testing.assert_array_equal(our, their)
    return oracle, oracle.rulings()


def without(monkeypatch: pytest.MonkeyPatch, *packages: str) -> None:
    monkeypatch.setattr(oracles, "find_spec", lambda name: None if name in packages else find_spec(name))


@needs_definition
@pytest.mark.parametrize(
    "network",
    [
        networks.small,
        networks.float_edges,
        networks.uint8_edges,
        lambda: networks.uint8_edges(shift=3),
        networks.two_ends,
        networks.two_heads,
        lambda: networks.small(dtype="int16"),
    ],
    ids=["int8", "float", "uint8", "uint8 of another zero point", "two inputs", "two outputs", "int16"],
)
def test_tflite_is_asked_for_all_edges(network: Callable[[], bytes]) -> None:
    model = network()
    oracle, [ruling] = judged(model)
    assert (oracle.name, ruling.oracle, ruling.why) == (BUILTIN_REF, BUILTIN_REF, "")
    assert len(ruling.operators) == len(parse(model).operators)


@needs_definition
@pytest.mark.parametrize("scale", [1e-44, 1e-39, 1e-20, 0.1, 1e20, 1e36])
def test_floats_at_the_edges_stand_for_the_integers_of_the_c(scale: float) -> None:
    builder = Builder()
    source = builder.tensor((1, 16, 16, 1), "float32")
    at = builder.operator("QUANTIZE", (source,), builder.tensor((1, 16, 16, 1), "int8", scale, -3))
    at = builder.move("TRANSPOSE", (at, builder.integers((0, 2, 1, 3))), (1, 16, 16, 1))
    _, [ruling] = judged(builder.build((source,), (builder.dequantize(at),)))
    assert ruling.oracle == BUILTIN_REF


def dense_on_vectors() -> bytes:
    """A dense layer with scales per channel on three vectors, between a sum and a function."""
    builder = Builder(3)
    source = builder.input((1, 3, 7))
    at = builder.add(source, source)
    at = builder.fully_connected(at, 5, per_channel=True, vectors=True, keep_num_dims=True)
    return builder.build((source,), (builder.unary("TANH", builder.add(at, at)),))


@needs_definition
@needs_litert
def test_what_2_14_gets_wrong_is_held_to_litert() -> None:
    oracle, [definition, other] = judged(dense_on_vectors())
    assert oracle.name == "NumPy references"
    assert (definition.oracle, definition.operators, definition.why) == (BUILTIN_REF, (0, 2, 3), "")
    assert (other.operators, other.ops) == ((1,), ("FULLY_CONNECTED",))
    assert other.oracle.startswith("within 1 of ai-edge-litert ")
    assert "goes astray with scales per channel" in other.why


@needs_definition
@pytest.mark.parametrize("op", ["SUM", "ELU"])
def test_what_has_no_right_reference_kernel_is_held_to_the_optimized_one(op: str) -> None:
    builder = Builder(5)
    source = builder.input((1, 6, 6, 2))
    at = builder.conv(source, 3)
    at = builder.reduce("SUM", at, (1, 2)) if op == "SUM" else builder.unary(op, at)
    at = builder.flatten(at)  # in the place of what it flattens
    _, rulings = judged(builder.build((source,), (at,)))
    assert [ruling for ruling in rulings if ruling.ops == (op,)] == [
        Ruling("tflite-runtime 2.14.0 optimized kernels", (1,), (op,), ops.unlike_reference(*operator(op)))
    ]


def operator(op: str) -> tuple:
    builder = Builder()
    source = builder.input((1, 4, 4, 2))
    made = builder.reduce(op, source, (1,)) if op == "SUM" else builder.unary(op, source)
    graph = parse(builder.build((source,), (made,)))
    return graph, graph.operators[0]


@needs_litert
def test_litert_is_right_in_the_ops_of_its_list(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "tflite_runtime")
    seen: set[str] = set()
    for model in (*networks_of_every_op(), *lacking()):
        oracle, rulings = judged(model)
        assert oracle.differing == {}
        assert {ruling.why for ruling in rulings} >= {f"tflite-runtime {NOT_INSTALLED}"}
        seen |= {op for ruling in rulings if "litert" in ruling.oracle for op in ruling.ops}
    assert seen == {op for op in supported_ops() if getattr(ops.find(op), "LITERT_STEPS", 0) is not None}


def lacking() -> list[bytes]:
    """Return models of ops that networks of every op have only beside some that LiteRT lacks."""
    builder = Builder(1)
    source = builder.input((1, 6, 6, 2))
    at = builder.unary("RELU_N1_TO_1", builder.conv(source, 3, padding=SAME))
    at = builder.unary("RELU_0_TO_1", at)
    numbers = builder.arg_max(at)
    at = builder.unary("SOFTMAX", builder.fully_connected(builder.flatten(at), 4))
    return [builder.build((source,), (numbers, at))]


@needs_definition
def test_operators_that_become_part_of_others_are_no_ruling_of_their_own() -> None:
    builder = Builder(2)
    source = builder.input((1, 8, 7, 3))
    at = builder.fully_connected(
        networks.dilated(builder, source, (2, 2)), 4, per_channel=True, keep_num_dims=True, vectors=True
    )
    _, rulings = judged(builder.build((source,), (at,)))
    assert not any("BATCH_TO_SPACE_ND" in ruling.ops or "alone" in ruling.oracle for ruling in rulings)
    assert [ruling.ops[-1] for ruling in rulings] == ["CONV_2D", "FULLY_CONNECTED"]


def test_without_any_runtime_our_references_stand_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "tflite_runtime", "ai_edge_litert")
    _, [ruling] = judged(networks.two_ends())
    assert (ruling.oracle, ruling.operators) == ("NumPy references alone", (0, 1, 2, 3))
    assert ruling.why == f"tflite-runtime {NOT_INSTALLED}"


@needs_definition
def test_a_wrong_reference_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from edgecnn.compiler.ops import tanh

    honest = tanh.reference
    monkeypatch.setattr(tanh, "reference", lambda *arguments: honest(*arguments) ^ np.int8(1))
    path = tmp_path / "dense.tflite"
    path.write_bytes(dense_on_vectors())
    found = verify(path, "c99", 2)
    assert found.bytes_different == 0  # the C follows our references
    assert found.operators_different == {'TANH "tensor6" (operator 3)': 30}
    assert not found.equal


@needs_definition
def test_an_op_that_we_read_wrongly_is_noticed() -> None:
    model = networks.two_ends()
    graph = parse(model)
    wrong = replace(graph.operators[1], op="MUL")
    with pytest.raises(MisreadError, match=r"MUL .* is ADD to tflite-runtime 2\.14\.0"):
        Oracle(replace(graph, operators=(graph.operators[0], wrong, *graph.operators[2:])), model)


@needs_definition
def test_a_batch_becomes_the_one_that_our_reader_says() -> None:
    builder = Builder()
    source = builder.input((4, 8))
    made = builder.fully_connected(source, 3, vectors=True)
    model = builder.build((source,), (made,))
    graph = parse(model)
    one = [
        replace(tensor, shape=(1, *tensor.shape[1:])) if i in (source, made) else tensor
        for i, tensor in enumerate(graph.tensors)
    ]
    interpreter = Interpreter(
        model, replace(graph, tensors=tuple(one)), "tflite_runtime", kernels="reference"
    )
    assert interpreter.run([np.zeros((1, 8), np.int8)])[0].shape == (1, 3)


def test_inputs_are_chosen_anew_where_all_have_the_same_output() -> None:
    builder = Builder()
    source = builder.input((1, 64, 64, 1))
    made = builder.mean(source)
    builder.tensors[made].scales = (1 / 8,)  # noise is grey
    oracle = Oracle(parse(model := builder.build((source,), (made,))), model)
    noise = [[np.random.default_rng(seed).integers(-128, 128, (1, 64, 64, 1), np.int8)] for seed in range(5)]
    assert different_outputs(oracle.outputs(noise)) == [1]
    values, outputs = _chosen(oracle, 5)
    assert len(values) == len(outputs) == 5
    assert different_outputs(outputs)[0] >= 4
    again, _ = _chosen(oracle, 5)
    for one, other in zip(values, again, strict=True):
        np.testing.assert_array_equal(one[0], other[0])


def test_constant_outputs_are_counted(tmp_path: Path) -> None:
    builder = Builder()
    source = builder.input((1, 5, 5, 1))
    alive, dead = builder.conv(source, 2), builder.conv(source, 2, dead=2)
    path = tmp_path / "dead.tflite"
    path.write_bytes(builder.build((source,), (alive, dead)))
    found = verify(path, "c99", 4)
    assert (found.different_outputs, found.bytes_different) == ([4, 1], 0)
