# SPDX-License-Identifier: Apache-2.0
"""A graph that is written reads and runs as before; what it can't hold is refused."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import networks
import numpy as np
import pytest
import tflite
from tflite_builder import Builder

from edgecnn.compiler import quant, reference
from edgecnn.compiler.ir import Graph, Operator, Options, Signature, Tensor
from edgecnn.compiler.ops._addition import AdditionOptions
from edgecnn.compiler.passes.integer_edges import integer_edges
from edgecnn.compiler.reading.tflite import parse
from edgecnn.compiler.writing.tflite import tflite_bytes
from edgecnn.converters.tflite_metadata import add_metadata
from edgecnn.errors import ModelError

TESTS = Path(__file__).parents[2]
FILES = sorted([*(TESTS / "fuzz" / "corpus").glob("*.tflite"), *(TESTS / "assets").glob("*.tflite")])
NETWORKS = [
    *(networks.cainvas, networks.small, networks.residual, networks.float_edges, networks.two_heads),
    *(networks.two_ends, networks.uint8_edges, networks.autoencoder, networks.ds_cnn, networks.wake_word),
    *(networks.mobilenet_v1, networks.mobilenet_v2, networks.mobilenet_v3, networks.attention),
    *(networks.unet, networks.inception_v3),
]
TINY = (TESTS / "assets" / "tiny_int8.tflite").read_bytes()


def facts(graph: Graph) -> list[Any]:
    """All that a graph holds, but for constants, which NumPy compares, what follows from it, and its hash."""
    tensors = [{**vars(tensor), "data": tensor.data is not None} for tensor in graph.tensors]
    rest = {
        name: value for name, value in vars(graph).items() if name not in ("tensors", "variables", "sha256")
    }
    return [str(graph), tensors, rest]


def check_same(model: bytes) -> bytes:
    """Check that a model that is written anew holds the same; return what is written."""
    graph = parse(model)
    written = tflite_bytes(graph)
    again = parse(written)
    assert facts(again) == facts(graph)
    for before, after in zip(graph.tensors, again.tensors, strict=True):
        np.testing.assert_array_equal(after.data, before.data)
    assert tflite_bytes(graph) == tflite_bytes(again) == written
    return written


def outputs(runtime: Any, model: bytes, kernels: str) -> list[bytes]:
    """What a runtime's kernels make of noise."""
    resolver = getattr(runtime.OpResolverType, kernels)
    interpreter = runtime.Interpreter(model_content=model, experimental_op_resolver_type=resolver)
    interpreter.allocate_tensors()
    rng = np.random.default_rng(1)
    for detail in interpreter.get_input_details():
        value = rng.normal(size=detail["shape"]).astype(np.float32)
        if detail["dtype"] != np.float32:
            value = (60 * value).clip(-128, 127).astype(np.int8).astype(detail["dtype"])
        interpreter.set_tensor(detail["index"], value)
    interpreter.invoke()
    return [interpreter.get_tensor(detail["index"]).tobytes() for detail in interpreter.get_output_details()]


def check_runs(model: bytes, written: bytes) -> None:
    """Check that runtimes make the same bytes of both.

    Some ops have optimized kernels only, and tflite-runtime 2.14 has no dense layers over int4.
    """
    graph = parse(model)
    elu = any(operator.op == "ELU" for operator in graph.operators)
    kernels = "BUILTIN_WITHOUT_DEFAULT_DELEGATES" if elu else "BUILTIN_REF"
    dense = [operator for operator in graph.operators if operator.op == "FULLY_CONNECTED"]
    older = () if any(graph.input(operator, 1).dtype == "int4" for operator in dense) else ("tflite_runtime",)
    for package in (*older, "ai_edge_litert"):
        runtime = pytest.importorskip(f"{package}.interpreter")
        assert outputs(runtime, written, kernels) == outputs(runtime, model, kernels)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_what_is_written_reads_and_runs_as_before(file: Path) -> None:
    model = file.read_bytes()
    if file.stem.startswith("found-"):  # broken ones: a runtime may refuse them, or die
        check_same(model)
        return
    if parse(model).unkept:
        with pytest.raises(ModelError, match=r"can't be written anew, as it has 2 subgraphs"):
            tflite_bytes(parse(model))
        return
    check_runs(model, check_same(model))


@pytest.mark.parametrize("network", NETWORKS)
def test_networks_too(network: Callable[[], bytes]) -> None:
    model = network()
    check_runs(model, check_same(model))


def strange() -> Builder:
    """A tensor of 4 bits, an empty one, an op of somebody's own and one that is newer than the schema."""
    builder = Builder(description="strange")
    builder.tensor((1, 4), "float32", name="image")
    builder.tensors[0].shape_signature = (-1, 4)
    packed = builder.tensor((2, 4), "int4", (0.5, 0.25), data=np.arange(4, dtype=np.uint8))
    empty = builder.tensor((0,), "int32", data=np.zeros(0, np.int32))
    made = builder.operator("CUSTOM:mine", (0, packed, -1, empty), builder.tensor((1, 2), "float32"))
    builder.operator("UNKNOWN_999", (made,), builder.tensor((1, 2), "type_99"))
    builder.signatures = [("serve", {"x": 0}, {"y": 4})]
    return builder


def test_what_the_compiler_does_not_know_is_kept() -> None:
    graph = parse(strange().build((0,), (4,)))
    mine, newer = graph.operators
    further = {
        "metadata": (("min_runtime_version", b"1.5.0"), ("mine", b"\0\1")),
        "files": (("a.txt", b"a\n"), ("b.bin", bytes(99))),
        "operators": (
            replace(mine, stored=replace(mine.stored, version=7, custom=b"abc")),
            replace(newer, stored=replace(newer.stored, version=3)),
        ),
    }
    again = parse(check_same(tflite_bytes(replace(graph, **further))))
    assert {name: getattr(again, name) for name in further} == further
    assert (again.description, again.signature) == ("strange", graph.signature)
    assert again.tensors[0].shape_signature == (-1, 4)


def test_options_that_are_lists_or_texts_are_kept() -> None:
    builder = Builder()
    builder.tensor((1, 4, 1), "float32")
    made = builder.operator("SQUEEZE", (0,), builder.tensor((4,), "float32"), squeeze_dims=[0, 2])
    graph = parse(builder.build((0,), (made,)))
    [squeeze] = graph.operators
    assert squeeze.stored.lists["squeeze_dims"] == ("int32", np.array([0, 2], np.int32).tobytes())
    named = replace(squeeze.stored, table="VarHandleOptions", lists={"shared_name": ("", b"state")})
    handle = replace(squeeze, op="CUSTOM:handle", options=Options(), stored=named)
    check_same(tflite_bytes(replace(graph, operators=(handle,))))
    check_same(tflite_bytes(graph))


def test_edges_and_names_can_be_rewritten() -> None:
    """Such as float edges to those of int8, on which the same operators make the same."""
    runtime = pytest.importorskip("tflite_runtime.interpreter")
    before = parse(networks.float_edges())
    after = integer_edges(before)
    source, made = after.tensors[after.inputs[0]], after.tensors[after.outputs[0]]
    named = tuple(replace(tensor, name=f"t{i}") for i, tensor in enumerate(after.tensors))
    signature = Signature("serve", 0, (("image", after.inputs[0]),), (("scores", after.outputs[0]),))
    interpreter = runtime.Interpreter(
        model_content=tflite_bytes(replace(after, tensors=named, signature=signature))
    )
    values = np.random.default_rng(0).integers(-128, 128, source.shape, np.int8)
    scores = interpreter.get_signature_runner("serve")(image=values)["scores"]
    assert interpreter.get_output_details()[0]["name"] == f"t{after.outputs[0]}"
    assert source.quantization is not None
    assert made.quantization is not None
    [expected] = reference.run(before, [quant.dequantize(values, source.quantization)])
    np.testing.assert_array_equal(quant.dequantize(scores, made.quantization), expected)


def test_metadata_and_labels_are_kept() -> None:
    graph = parse(check_same(add_metadata(TINY, "tiny", "for tests", ["no", "yes"], 0.25)))
    assert (graph.labels, graph.threshold) == (("no", "yes"), 0.25)


def test_what_no_graph_holds_is_refused() -> None:
    builder = strange()
    builder.signatures *= 2
    with pytest.raises(ModelError, match=r"can't be written anew, as it has 2 signatures$"):
        tflite_bytes(parse(builder.build((0,), (4,))))
    builder = strange()
    builder.tensors[1].sparse = True
    with pytest.raises(ModelError, match=r"can't be written anew, as it has tensor 1, which is sparse$"):
        tflite_bytes(parse(builder.build((0,), (4,))))
    builder.more = [(strange(), (0,), (4,))]
    with pytest.raises(ModelError, match="has 2 subgraphs"):
        parse(builder.build((0,), (4,)))
    named = add_metadata(TINY, "tiny", "", ["no", "yes"]).replace(
        b"serving_default", b"serving_d\xff\xfeault"
    )
    with pytest.raises(ModelError, match=r"can't be written anew, as it has a name that is no UTF-8$"):
        tflite_bytes(parse(named))
    builder = strange()
    builder.description = "mark"
    for lost in (b"mark", b"mine"):
        named = builder.build((0,), (4,)).replace(lost, b"m\xff\xfek")
        with pytest.raises(ModelError, match=r"as it has a name that is no UTF-8$"):
            tflite_bytes(parse(named))
    with pytest.raises(ModelError, match="as it has an archive behind it that is damaged"):
        tflite_bytes(parse(_damaged(add_metadata(TINY, "tiny", "", ["no", "yes"]))))


def _damaged(model: bytes) -> bytes:
    return model[: model.index(b"no\nyes\n")] + b"on" + model[model.index(b"no\nyes\n") + 2 :]


def test_what_no_file_holds_is_refused() -> None:
    tensors = (Tensor("", (1, 4), "int8"), Tensor("", (1, 4), "int8"))
    added = AdditionOptions(activation="relu", pot_scale_int16=False, clamp=(0, 9))
    graph = Graph(tensors, (Operator("ADD", 0, (0, 0), (1,), added),), (0,), (1,))
    with pytest.raises(
        ModelError, match=r'^ADD .operator 0. has option "clamp", for which a \.tflite file has'
    ):
        tflite_bytes(graph)


def test_data_behind_the_flatbuffer_comes_into_it() -> None:
    builder = Builder()
    source = builder.input((1, 4))
    made = builder.fully_connected(source, 3)
    for tensor in builder.tensors:
        tensor.outside = tensor.data is not None
    check_same(builder.build((source,), (made,)))


def test_equal_constants_share_a_buffer() -> None:
    builder = Builder()
    source = builder.input((1, 4))
    data = np.arange(4, dtype=np.int8)
    first, second = (builder.tensor((1, 4), "int8", 0.1, data=data) for _ in range(2))
    at = builder.binary("ADD", source, first)
    model = tflite.Model.GetRootAs(builder.build((source,), (builder.binary("MUL", at, second),)), 0)
    tensors = [model.Subgraphs(0).Tensors(i) for i in (first, second)]
    assert tensors[0].Buffer() == tensors[1].Buffer() > 0
    assert model.BuffersLength() == 2
