# SPDX-License-Identifier: Apache-2.0
"""Where floats follow, the C ends with the integers that they are computed of, and says what is left."""

from pathlib import Path

import numpy as np
import pytest
from generated_c import check_numpy, random_inputs, run_c
from tflite_builder import RELU, SAME, Builder

from edgecnn.compiler import compile_tflite
from edgecnn.compiler.compile import CompiledModel
from edgecnn.compiler.ir import Graph
from edgecnn.compiler.passes.stop_before_float import stop_before_float
from edgecnn.compiler.reading.tflite import parse
from edgecnn.compiler.writing.tflite import tflite_bytes
from edgecnn.errors import ModelError
from edgecnn.pipeline.verify import verify


def floats(builder: Builder, op: str, *sources: int) -> int:
    shape = builder.tensors[sources[0]].shape
    return builder.operator(op, sources, builder.tensor(shape, "float32", name=op.lower()))


def classifier(dtype: str = "int8") -> Builder:
    """A softmax in floats, as some converters leave it."""
    builder = Builder(dtype=dtype)
    source = builder.input((1, 6, 6, 2))
    scores = builder.fully_connected(builder.flatten(builder.conv(source, 3, activation=RELU)), 4)
    builder.tensors[scores].name = "scores"
    powers = floats(builder, "EXP", builder.dequantize(scores))
    floats(builder, "DIV", powers, floats(builder, "NEG", powers))
    return builder


def detector() -> Builder:
    """Boxes and scores of which an op of somebody's own makes detections, a map, and a mean as an output."""
    builder = Builder()
    source = builder.input((1, 8, 8, 3))
    features = builder.conv(source, 4, padding=SAME)
    boxes = builder.reshape(builder.conv(features, 4, (1, 1)), (1, 64, 4))
    scores = builder.reshape(builder.unary("LOGISTIC", builder.conv(features, 2, (1, 1))), (1, 64, 2))
    anchors = builder.tensor((64, 4), "int8", 0.1, data=np.zeros((64, 4), np.int8))
    made = tuple(builder.tensor((1, 10, 4), "float32") for _ in range(2))
    builder.operators.append(("CUSTOM:TFLite_Detection_PostProcess", (boxes, scores, anchors), made, {}))
    builder.dequantize(builder.mean(features))
    return builder


def built(builder: Builder) -> bytes:
    outputs = [made for _, _, made, _ in builder.operators][-1]
    return builder.build((0,), outputs if isinstance(outputs, tuple) else (outputs,))


def part(model: bytes) -> tuple[Graph, tuple[str, ...]]:
    return stop_before_float(parse(model))


def checked(model: bytes) -> CompiledModel:
    """Compare the C with the runtime's kernels on the part of the model that it is of."""
    whole = compile_tflite(model, name="net", stop_before_float=True)
    before = tflite_bytes(whole.model.original)
    inputs = random_inputs(before)
    for got, wanted in zip(run_c([whole], [inputs])[0], check_numpy(before, inputs), strict=True):
        np.testing.assert_array_equal(got, np.concatenate([value.ravel() for value in wanted]))
    return whole


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_ends_with_the_integers_before_floats(dtype: str) -> None:
    compiled = checked(built(classifier(dtype)))
    assert compiled.model.left == ("DEQUANTIZE", "EXP", "NEG", "DIV")
    assert [edge.title for edge in compiled.model.outputs] == ["scores"]
    assert "left to you, of these outputs: DEQUANTIZE (1), EXP (1), NEG (1), DIV (1)\n" in compiled.header


def test_what_an_op_of_somebodys_own_reads_becomes_an_output(tmp_path: Path) -> None:
    builder = detector()
    detections = builder.operators[-3][2]
    model = builder.build((0,), (*detections, builder.operators[-1][2]))
    graph, left = part(model)
    assert left == ("TFLite_Detection_PostProcess",)
    file = tmp_path / "detector.tflite"
    file.write_bytes(model)
    verified = verify(file, "c99", 2, stop_before_float=True)
    assert verified.equal
    assert len(verified.outputs) == 3
    assert graph.tensors[graph.outputs[0]].dtype == "float32"  # the mean, which the C gives as integers, too
    assert [graph.tensors[i].shape for i in graph.outputs[1:]] == [(1, 64, 4), (1, 64, 2)]


def test_operators_that_only_floats_need_are_left_out() -> None:
    builder = classifier()
    wide = builder.operator("SHAPE", (0,), builder.tensor((4,), "int32"), out_type=2)
    last = builder.operators[-2][2]
    floats(builder, "RESHAPE", last, wide)
    graph, left = part(built(builder))
    assert "SHAPE" not in [operator.op for operator in graph.operators]
    assert left[-1] == "RESHAPE"


def test_without_floats_nothing_changes() -> None:
    builder = Builder()
    source = builder.input((1, 6, 6, 2))
    graph = parse(builder.build((source,), (builder.dequantize(builder.conv(source, 3)),)))
    assert stop_before_float(graph) == (graph, ())


def test_without_the_option_the_refusal_names_it() -> None:
    wanted = 'compiles up to "scores", and leaves DEQUANTIZE, EXP, NEG, DIV to you'
    with pytest.raises(ModelError, match=f"not supported.*; --stop-before-float {wanted}"):
        compile_tflite(built(classifier()), name="net")


def test_a_model_of_floats_is_refused() -> None:
    builder = Builder()
    source = builder.tensor((1, 6), "float32")
    model = builder.build((source,), (floats(builder, "COS", source),))
    with pytest.raises(ModelError, match=r"no operator of .+ is before floats; quantize it"):
        compile_tflite(model, name="net", stop_before_float=True)
    with pytest.raises(ModelError, match=r"COS .* is not supported") as caught:
        compile_tflite(model, name="net")
    assert "--stop-before-float" not in str(caught.value)
