# SPDX-License-Identifier: Apache-2.0
"""Where two models part: a wound in any operator is found, and causes are recognized."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from every_op import networks_of_every_op
from tflite_builder import Builder

from edgecnn.compiler.ir import Graph, Operator, Quantization, Tensor
from edgecnn.compiler.reading.tflite import parse
from edgecnn.compiler.writing.tflite import tflite_bytes
from edgecnn.errors import ModelError
from edgecnn.evaluation.drift import Drift
from edgecnn.pipeline.drift import compare, drift, random_inputs
from edgecnn.pipeline.drift.trace import trace
from edgecnn.progress import silent

pytest.importorskip("tflite_runtime", reason="needs tflite-runtime: edgecnn[runtime]")


def write(folder: Path, name: str, content: bytes | Graph) -> Path:
    path = folder / f"{name}.tflite"
    path.write_bytes(content if isinstance(content, bytes) else tflite_bytes(content))
    return path


def drift_of(folder: Path, first: bytes | Graph, second: bytes | Graph, count: int = 8) -> Drift:
    models = {name: write(folder, name, each) for name, each in (("first", first), ("second", second))}
    [result] = drift(models, None, count, silent)
    return result


def wounded(graph: Graph, operator: Operator) -> Iterator[Graph]:
    """Yield graphs with a bit of all weights or biases of an operator turned, and with its clamp changed."""
    for number in operator.inputs[1:]:
        tensor = graph.tensors[number] if number >= 0 else None
        if tensor is not None and tensor.data is not None and tensor.quantization is not None:
            data = np.array(tensor.data)
            data ^= np.array(1 << (6 if data.dtype == np.int8 else 12), data.dtype)
            yield with_tensor(graph, number, replace(tensor, data=data))
    clamp = getattr(operator.options, "activation", None)
    if clamp is not None:
        options = replace(operator.options, activation="relu" if clamp == "none" else "none")
        changed = [replace(each, options=options) if each is operator else each for each in graph.operators]
        yield replace(graph, operators=tuple(changed))


def with_tensor(graph: Graph, number: int, tensor: Tensor) -> Graph:
    return replace(graph, tensors=(*graph.tensors[:number], tensor, *graph.tensors[number + 1 :]))


def test_a_wound_in_any_operator_is_located(tmp_path: Path) -> None:
    located: set[str] = set()
    for content in networks_of_every_op():
        graph = parse(content)
        if graph.variables:  # inputs that follow each other can't be compared one by one
            continue
        inputs = random_inputs({"graph": graph}, 8)
        first = trace(write(tmp_path, "first", graph), "first", inputs)
        for operator in graph.operators:
            for other in wounded(graph, operator) if operator.op not in located else ():
                try:
                    second = trace(write(tmp_path, "second", other), "second", inputs)
                except ModelError:  # no runtime clamps there
                    continue
                number = operator.outputs[0]
                if number not in first.values or np.array_equal(first.values[number], second.values[number]):
                    continue  # the wound shows nowhere
                parting = compare(first, second, inputs).parting
                assert parting is not None, operator
                assert parting.index == operator.index, operator
                located.add(operator.op)
    assert located >= {
        *("ADD", "AVERAGE_POOL_2D", "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "MAX_POOL_2D"),
        *("MUL", "PRELU", "SUB", "TRANSPOSE_CONV"),
    }


def test_models_that_are_the_same_do_not_part(tmp_path: Path) -> None:
    result = drift_of(tmp_path, clean(), clean())
    assert result.parting is None
    assert result.sentences() == ["nothing differs", "0 of 8 answers change"]
    assert [row.row()[2:4] for row in result.operators] == [("equal", "equal")] * len(result.operators)


def float_pair() -> dict[str, Path]:
    assets = Path(__file__).parents[1] / "assets"
    return {"float32": assets / "tiny_float32.tflite", "int8": assets / "tiny_int8.tflite"}


def test_float_and_int8_differ_everywhere_and_part_nowhere() -> None:
    [result] = drift(float_pair(), None, 16, silent)
    assert result.parting is None
    assert len(result.operators) >= 3
    assert all(20 < (row.own_snr_db or 0) < 70 for row in result.operators if row.own)
    assert result.sentences()[0] == "they part at no single operator: what differs adds up"
    assert result.as_json()["parting"] is None


def test_where_an_int8_model_is_wounded_it_parts_from_its_float_one(tmp_path: Path) -> None:
    models = float_pair()
    graph = parse(models["int8"].read_bytes())
    for operator in graph.operators:
        for other in wounded(graph, operator):
            models["int8"] = write(tmp_path, "wounded", other)
            [result] = drift(models, None, 16, silent)
            assert result.parting is None or result.parting.index == operator.index
            if operator.op == "FULLY_CONNECTED":
                assert result.parting is not None


def clean(seed: int = 3) -> Graph:
    builder = Builder(seed)
    at = builder.conv(builder.input((1, 9, 8, 3)), 4)
    at = builder.fully_connected(builder.flatten(at), 5)
    return parse(builder.build((0,), (builder.unary("SOFTMAX", at),)))


def rescaled(graph: Graph, number: int, factor: float) -> Graph:
    tensor = graph.tensors[number]
    assert tensor.quantization is not None
    scales = tuple(scale * factor for scale in tensor.quantization.scales)
    return with_tensor(
        graph, number, replace(tensor, quantization=replace(tensor.quantization, scales=scales))
    )


def filters_times(graph: Graph, factors: list[float]) -> Graph:
    for number, shape in zip(graph.operators[0].inputs[1:], ((-1, 1, 1, 1), -1), strict=True):
        tensor = graph.tensors[number]
        data = np.rint(tensor.data * np.reshape(factors, shape)).astype(tensor.dtype)
        graph = with_tensor(graph, number, replace(tensor, data=data))
    return graph


def one_scale(graph: Graph) -> Graph:
    number = graph.operators[0].inputs[1]
    stored = graph.tensors[number].quantization
    tensor = replace(
        graph.tensors[number], quantization=Quantization(stored.scales[:1], stored.zero_points[:1], 0)
    )
    return filters_times(with_tensor(graph, number, tensor), [1, 0.05, 0.05, 0.05])


def reversed_channels(graph: Graph) -> Graph:
    number = graph.operators[0].inputs[1]
    tensor = graph.tensors[number]
    return with_tensor(graph, number, replace(tensor, data=np.ascontiguousarray(tensor.data[..., ::-1])))


def apart() -> Graph:
    builder = Builder(4)
    at = builder.conv(builder.input((1, 9, 8, 3)), 4)
    at = builder.binary("MUL", at, builder.constant((4,)))
    return parse(builder.build((0,), (builder.binary("ADD", at, builder.constant((4,))),)))


CAUSES: dict[str, tuple[Graph, Graph]] = {
    "representative data were unlike these": (
        clean(),
        rescaled(clean(), clean().operators[0].outputs[0], 0.1),
    ),
    "fed another range than it takes": (clean(), rescaled(clean(), clean().inputs[0], 0.1)),
    "reaches .* times what channels usually do": (filters_times(clean(), [1, 0.02, 0.02, 0.02]),) * 2,
    "has one scale for all filters": (one_scale(clean()),) * 2,
    "reads its channels in reverse": (clean(), reversed_channels(clean())),
    "can't tell the classes apart": (rescaled(clean(), clean().operators[-1].inputs[0], 1e-3),) * 2,
    "a batch normalization that could be": (apart(),) * 2,
    "has a bias whose scale isn't": (clean(), rescaled(clean(), clean().operators[0].inputs[2], 1.01)),
}


@pytest.mark.parametrize("cause", CAUSES)
def test_causes_are_recognized(cause: str, tmp_path: Path) -> None:
    told = drift_of(tmp_path, *CAUSES[cause]).advice
    assert any(re.search(cause, sentence) for sentence in told), told


def test_of_what_is_well_nothing_is_told(tmp_path: Path) -> None:
    assert drift_of(tmp_path, clean(), clean()).advice == ()


def test_models_without_a_tensor_in_common_are_refused(tmp_path: Path) -> None:
    builder = Builder(4)
    other = builder.build((0,), (builder.unary("RELU", builder.input((1, 9, 8, 3))),))
    with pytest.raises(ModelError, match="no tensor in common"):
        drift_of(tmp_path, clean(), other)
    builder = Builder(4)
    other = builder.build((0,), (builder.unary("RELU", builder.input((1, 4, 8, 3))),))
    with pytest.raises(ModelError, match="takes inputs of other shapes than the first model"):
        drift_of(tmp_path, clean(), other)
