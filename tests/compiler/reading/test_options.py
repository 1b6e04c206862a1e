# SPDX-License-Identifier: Apache-2.0
"""Options have the compiler's names and words; what is missing is an error, not a default."""

from dataclasses import MISSING, fields, replace
from pathlib import Path

import pytest
import tflite
from tflite_builder import SAME, Builder

from edgecnn.compiler import compile_tflite, ops, supported_ops
from edgecnn.compiler.geometry import Dilated
from edgecnn.compiler.ir import Options, OtherOptions, Stored
from edgecnn.compiler.ops.conv_2d import Conv2DOptions
from edgecnn.compiler.reading.options import decoded
from edgecnn.compiler.reading.schema import field_names, table_of
from edgecnn.compiler.reading.tflite import parse, read_model
from edgecnn.compiler.writing.tflite import tflite_bytes
from edgecnn.errors import ModelError

CORPUS = Path(__file__).parents[2] / "fuzz" / "corpus"
OPTIONS = {op: kind for op in supported_ops() if (kind := getattr(ops.find(op), "OPTIONS", None))}


def needed(kind: type[Options]) -> set[str]:
    return {each.name for each in fields(kind) if each.default is MISSING}


@pytest.mark.parametrize("op", OPTIONS)
def test_the_schema_has_every_option_that_an_op_declares(op: str) -> None:
    table = table_of(op)
    zeros = dict.fromkeys(field_names(getattr(tflite, table)), 0)
    options, rest = decoded(op, table, zeros)
    assert type(options) is OPTIONS[op]
    assert len(rest) == len(zeros) - len(needed(OPTIONS[op]))


def test_all_that_is_declared_is_read_from_files() -> None:
    seen = {}
    for file in CORPUS.glob("*.tflite"):
        for operator in read_model(file).operators:
            seen.setdefault(operator.op, set()).add(type(operator.options))
    assert OPTIONS.keys() <= seen.keys()
    assert {op: kinds for op, kinds in seen.items() if OPTIONS.get(op, OtherOptions) not in kinds} == {}


def convolution() -> bytes:
    builder = Builder()
    source = builder.input((1, 6, 6, 2))
    made = builder.conv(source, 3, (3, 2), (2, 1), SAME, 3, (1, 2))
    return builder.build((source,), (made,))


def test_a_convolution_is_told_in_words() -> None:
    [operator] = parse(convolution()).operators
    assert operator.options == Conv2DOptions(
        padding="same", stride_h=2, stride_w=1, dilation_h=1, dilation_w=2, activation="relu6"
    )
    assert operator.stored.numbers == {"quantized_bias_type": 0}
    assert "{activation=relu6, dilation_h=1, dilation_w=2, padding=same, stride_h=2, stride_w=1}" in str(
        parse(convolution())
    )


@pytest.mark.parametrize("table", ["", "DepthwiseConv2DOptions", "SoftmaxOptions"])
def test_options_that_are_missing_or_of_another_op_are_an_error(table: str) -> None:
    graph = parse(convolution())
    [operator] = graph.operators
    bare = replace(operator, options=OtherOptions(), stored=Stored(operator.stored.version, table))
    model = tflite_bytes(replace(graph, operators=(bare,)))
    assert type(parse(model).operators[0].options) is OtherOptions
    with pytest.raises(ModelError, match=r"^CONV_2D .* lacks the options of its op, or has those of another"):
        compile_tflite(model, name="net")


@pytest.mark.parametrize("op", ["LEAKY_RELU", "SOFTMAX", "GELU", "ADD", "MEAN", "MUL", "RESIZE_BILINEAR"])
def test_no_op_takes_a_default_for_an_option(op: str) -> None:
    """Such as an alpha of 0 and a beta of 1: TFLite takes other ones where a file has none."""
    builder = Builder()
    source = builder.input((1, 4, 4, 2), 1 / 256)
    made = {
        "ADD": lambda: builder.add(source, source),
        "MUL": lambda: builder.binary("MUL", source, source),
        "MEAN": lambda: builder.mean(source),
        "RESIZE_BILINEAR": lambda: builder.resize(source, (8, 8), "BILINEAR"),
    }.get(op, lambda: builder.unary(op, source))()
    graph = parse(builder.build((source,), (made,)))
    [operator] = graph.operators
    bare = replace(operator, options=OtherOptions(), stored=Stored(1))
    with pytest.raises(ModelError, match="lacks the options of its op"):
        compile_tflite(tflite_bytes(replace(graph, operators=(bare,))), name="net")


def test_numbers_that_mean_nothing_are_kept_and_refused() -> None:
    numbers = {"padding": 7, "stride_h": 1, "stride_w": 1, "fused_activation_function": 77}
    numbers |= {"dilation_h_factor": 1, "dilation_w_factor": 1}
    options, _ = decoded("DEPTHWISE_CONV_2D", "DepthwiseConv2DOptions", numbers)
    assert isinstance(options, Dilated)
    assert (options.padding, options.activation) == ("7", "77")
    graph = parse(convolution())
    [operator] = graph.operators
    for name, message in (
        ("padding", "has padding 7; only SAME and VALID"),
        ("activation", "activation 77; only"),
    ):
        odd = replace(operator, options=replace(operator.options, **{name: getattr(options, name)}))
        with pytest.raises(ModelError, match=message):
            compile_tflite(tflite_bytes(replace(graph, operators=(odd,))), name="net")
