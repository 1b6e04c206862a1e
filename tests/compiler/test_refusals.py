# SPDX-License-Identifier: Apache-2.0
"""What can't be compiled is refused in one line that names the operator; so is what is corrupt."""

import random
from dataclasses import replace

import networks
import numpy as np
import pytest
from tflite_builder import SAME, Builder

from edgecnn.compiler import compile_tflite
from edgecnn.compiler.reading.tflite import parse
from edgecnn.compiler.writing.tflite import tflite_bytes
from edgecnn.errors import EdgecnnError, ModelError


def refused(builder: Builder, source: int, made: int) -> str:
    with pytest.raises(ModelError) as error:
        compile_tflite(builder.build((source,), (made,)), name="net")
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    ("op", "near"),
    [
        ("SIN", ""),
        ("L2_POOL_2D", "near it are MAX_POOL_2D, AVERAGE_POOL_2D; "),
        ("REDUCE_PROD", "near it are REDUCE_MIN, REDUCE_MAX; "),
    ],
)
def test_an_op_without_a_kernel_names_those_that_are_called_nearly_so(op: str, near: str) -> None:
    builder = Builder()
    source = builder.input((1, 4))
    made = builder.operator(op, (source,), builder.tensor((1, 4), "int8", 0.01))
    assert refused(builder, source, made) == (
        f'{op} "tensor1" (operator 0) is not supported; {near}'
        "'edgecnn compile --help' lists the ops that are"
    )


OPEN = "; the batch is left open, and shapes are computed: convert the model with a batch of 1, as 'edgecnn"


def test_shapes_that_are_computed_for_an_open_batch_are_refused_with_what_to_do() -> None:
    builder = Builder()
    source = builder.input((1, 4, 6))
    builder.tensors[source].shape_signature = (-1, 4, 6)
    shape = builder.operator("SHAPE", (source,), builder.tensor((3,), "int32"))
    product = builder.operator("REDUCE_PROD", (shape,), builder.tensor((1,), "int32"))
    made = builder.operator("RESHAPE", (source, product), builder.like(source, (24,)))
    assert OPEN in refused(builder, source, made)
    builder.operators[1:] = [("RESHAPE", (source, shape), made, {})]
    builder.tensors[made].shape = (1, 1, 6)
    assert OPEN in refused(builder, source, made)


@pytest.mark.parametrize("sides", [(4, 6), (24,), (1, 4, 5), (-1, -1, 6), (1, 25)])
def test_a_reshape_that_asks_for_another_shape_than_its_outputs_is_refused(sides: tuple[int, ...]) -> None:
    builder = Builder()
    source = builder.input((1, 4, 6))
    made = builder.operator("RESHAPE", (source, builder.integers(sides)), builder.like(source, (1, 3, 8)))
    assert f"has output shape (1, 3, 8), but asks for {sides}: convert the model anew" in refused(
        builder, source, made
    )


@pytest.mark.parametrize("vectors", [False, True])
def test_a_bias_out_of_proportion_is_refused_where_tflite_refuses_it(vectors: bool) -> None:
    tflite_runtime = pytest.importorskip("tflite_runtime.interpreter")

    def model(factor: float, per_channel: bool) -> tuple[Builder, int, int]:
        builder = Builder(3)
        source = builder.input((1, 4, 4, 3) if vectors else (1, 12), 0.02, 3)
        made = builder.fully_connected(source, 5, per_channel=per_channel, vectors=vectors)
        [bias] = [tensor for tensor in builder.tensors if tensor.dtype == "int32" and tensor.scales]
        output = builder.tensors[made].scales[0]
        bias.scales = tuple(scale + factor * output for scale in bias.scales)
        return builder, source, made

    for factor, per_channel in ((0.019, False), (1.0, True)):
        builder, source, made = model(factor, per_channel)
        compile_tflite(builder.build((source,), (made,)), name="net")
    builder, source, made = model(0.021, False)
    assert "(input times weights); TensorFlow Lite refuses that" in refused(builder, source, made)
    reference = tflite_runtime.OpResolverType.BUILTIN_REF
    content = builder.build((source,), (made,))
    runtime = tflite_runtime.Interpreter(model_content=content, experimental_op_resolver_type=reference)
    with pytest.raises(RuntimeError, match=r"scale_diff / output_scale <= 0\.02 was not true"):
        runtime.allocate_tensors()


def test_a_batch_of_parts_is_refused_where_no_convolution_is_dilated() -> None:
    builder = Builder()
    source = builder.input((1, 8, 3))
    pads = builder.integers(((0, 0),))
    made = builder.operator(
        "SPACE_TO_BATCH_ND", (source, builder.integers((2,)), pads), builder.like(source, (2, 4, 3))
    )
    assert "is supported only in front of a convolution without stride" in refused(builder, source, made)


def test_a_name_of_several_paths_is_called_by_the_last_that_there_is() -> None:
    builder = Builder()
    source = builder.input((1, 4))
    made = builder.operator("SIN", (source,), builder.tensor((1, 4), "int8", 0.01, name="a/b;a/sin;"))
    assert refused(builder, source, made).startswith('SIN "a/sin" (operator 0) is not supported')


def test_floats_inside_the_model_are_refused_with_what_to_do() -> None:
    builder = Builder()
    source = builder.input((1, 4))
    real = builder.dequantize(source)
    made = builder.operator("ABS", (real,), builder.tensor((1, 4), "float32"))
    message = refused(builder, source, made)
    assert "only its outputs may be float: convert the model that it was made from, to int8" in message


@pytest.mark.parametrize("shape", [(1, 0, 2), (1, 4, 2), (3, 2)])
def test_floats_at_the_edge_of_another_shape_than_their_integers_are_refused(shape: tuple[int, ...]) -> None:
    builder = Builder()
    source = builder.tensor(shape, "float32")
    made = builder.operator("QUANTIZE", (source,), builder.input((1, 3, 2)))
    message = f"(operator 0) has output shape (1, 3, 2); {shape} follows from its inputs"
    assert message in refused(builder, source, builder.unary("ABS", made))
    builder = Builder()
    source = builder.input((1, 3, 2))
    made = builder.operator("DEQUANTIZE", (builder.unary("ABS", source),), builder.tensor(shape, "float32"))
    assert f"(operator 1) has output shape {shape}; (1, 3, 2) follows" in refused(builder, source, made)


def test_floats_at_the_edge_that_stand_for_no_scale_are_refused() -> None:
    builder = Builder()
    source = builder.tensor((1, 4), "float32")
    made = builder.operator("QUANTIZE", (source,), builder.input((1, 4)))
    end = builder.unary("ABS", made)
    builder.tensors[made].scales = builder.tensors[made].zero_points = ()
    assert 'tensor "tensor1" is int8 without a scale' in refused(builder, source, end)
    builder = Builder()
    source = builder.input((1, 3, 4))
    classes = builder.arg_max(source)
    assert 'tensor "tensor2" is int32; only int8 and int16' in refused(
        builder, source, builder.dequantize(classes)
    )
    builder = Builder()
    source = builder.input((1, 4))
    made = builder.operator("DEQUANTIZE", (builder.unary("ABS", source),), builder.tensor((1, 4), "int32"))
    assert "(operator 1) makes int32; only float32 is supported" in refused(builder, source, made)


def test_a_padding_of_another_zero_point_is_refused() -> None:
    builder = Builder()
    source = builder.input((1, 4))
    made = builder.pad_axes(source, ((0, 0), (0, 1)), value=5)
    builder.tensors[builder.operators[0][1][2]].zero_points = (0,)
    assert "no int8 number of its output's scale and zero point" in refused(builder, source, made)


def test_options_and_types() -> None:
    builder = Builder()
    source = builder.input((1, 6, 6, 2))
    tanh = builder.conv(source, 2, activation=4)
    assert "fused activation TANH; only NONE, RELU" in refused(builder, source, tanh)
    builder = Builder()
    source = builder.input((2, 6, 6, 2))
    assert "batch 2; only batch 1" in refused(builder, source, builder.pool(source, "MAX", (2, 2), (2, 2)))
    builder = Builder()
    source = builder.input((1, 6, 6, 2))
    pooled = builder.pool(source, "MAX", (2, 2), (2, 2))
    builder.tensors[pooled].scales = (0.5,)
    assert "different scale or zero point" in refused(builder, source, pooled)
    builder = Builder()
    source = builder.input((1, 6, 6, 2))
    reshaped = builder.conv(source, 2, padding=SAME)
    builder.tensors[reshaped].shape = (1, 5, 6, 2)
    assert "(1, 6, 6, 2) follows from its inputs" in refused(builder, source, reshaped)


def test_a_sum_that_32_bits_do_not_hold() -> None:
    builder = Builder()
    source = builder.input((1, 6, 6, 2))
    made = builder.conv(source, 2)
    builder.tensors[builder.operators[-1][1][2]].data[1] = np.iinfo(np.int32).max
    assert "sum of channel 1 can reach" in refused(builder, source, made)


@pytest.mark.parametrize("op", ["CONV_2D", "ADD", "MUL", "PRELU", "MEAN"])
def test_a_scale_that_takes_results_beyond_32_bits(op: str) -> None:
    builder = Builder()
    source = builder.input((1, 6, 6, 2))
    if op in ("CONV_2D", "MEAN"):
        made = builder.conv(source, 2) if op == "CONV_2D" else builder.mean(source)
    else:
        made = builder.binary(op, source, builder.constant((2,)))
    builder.tensors[made].scales = (1e-20,)
    assert "scales are out of proportion" in refused(builder, source, made)


def test_flipped_bits_end_in_c_or_in_one_error() -> None:
    models, rng = [networks.small(), networks.residual(8), networks.two_ends()], random.Random(0)
    outcomes = set()
    for _ in range(150):
        broken = bytearray(rng.choice(models))
        for _ in range(rng.randint(1, 2)):
            broken[rng.randrange(len(broken))] ^= 1 << rng.randrange(8)
        try:
            outcomes.add(bool(compile_tflite(bytes(broken), name="net").source))
        except EdgecnnError:
            outcomes.add(False)
    assert outcomes == {True, False}


def dense(dtype: str, shape: tuple[int, ...] = (1, 6, 6, 1)) -> str:
    """Say why a network over `dtype` is refused, whose input has `shape`."""
    builder = Builder()
    source = builder.tensor(shape, dtype)
    made = builder.operator("ABS", (source,), builder.tensor(shape, dtype))
    return refused(builder, source, made)


def test_other_types_name_a_remedy_only_where_there_is_one() -> None:
    assert dense("float32").endswith("only int8 is supported: quantize the model with edgecnn export --data")
    # export takes images, and passes through what holds uint8, which needs a scale.
    assert dense("float32", (1, 6)).endswith(": convert the model that it was made from, to int8 throughout")
    assert dense("uint8").endswith(": convert the model that it was made from, to int8 throughout")
    assert dense("int32").endswith("is int32; only int8 is supported")


def test_weights_that_are_not_stored_in_full() -> None:
    builder = Builder()
    source = builder.input((1, 4))
    made = builder.fully_connected(source, 3)
    weights = builder.tensors[builder.operators[-1][1][1]]
    weights.sparse, weights.data = True, np.zeros(6, np.int8)
    assert refused(builder, source, made) == (
        'FULLY_CONNECTED "tensor2" (operator 0) takes the sparse constant "tensor1"; convert the model with '
        "weights of int8, stored in full"
    )


def test_constants_of_four_bits_that_are_no_weights() -> None:
    builder = Builder()
    source = builder.input((1, 4))
    narrow = builder.tensor((1, 4), "int4", 0.1, data=np.zeros(2, np.uint8), name="narrow")
    made = builder.operator("MUL", (source, narrow), builder.tensor((1, 4), "int8", 0.1))
    assert refused(builder, source, made) == (
        'MUL "tensor2" (operator 0) takes the int4 constant "narrow"; convert the model with weights of '
        "int8, stored in full"
    )


def test_an_input_of_any_size() -> None:
    builder = Builder()
    source = builder.input((1, 1, 1, 3))
    made = builder.operator("ABS", (source,), builder.tensor((1, 1, 1, 3), "int8", 0.1))
    builder.tensors[source].shape_signature = (-1, 1, 1, 3)
    compile_tflite(builder.build((source,), (made,)), name="net")
    builder.tensors[source].shape_signature = (-1, -1, -1, 3)
    assert refused(builder, source, made) == (
        'input "tensor0" has no size of its own, shape_signature [-1, -1, -1, 3]; '
        "convert the model with a fixed one"
    )


def test_loops_are_refused_by_their_operator() -> None:
    builder = Builder()
    source = builder.input((1, 4))
    made = builder.operator("ABS", (source,), builder.tensor((1, 4), "int8", 0.1), init_subgraph_index=1)
    builder.more = [(Builder(), (), ())]
    builder.operators[0] = ("WHILE", (source,), made, {"cond_subgraph_index": 1, "body_subgraph_index": 1})
    assert refused(builder, source, made) == (
        'WHILE "tensor1" (operator 0) runs another of the model\'s 2 subgraphs; only models of one subgraph '
        "can be run and compiled, without loops and conditions: give a GRU or LSTM of Keras unroll=True, "
        "or let it take one step per inference and keep its state in a variable"
    )
    builder.operators[0] = ("ABS", (source,), made, {})
    assert refused(builder, source, made) == (
        "has 2 subgraphs, each for itself; only models of one can be run and compiled"
    )


def test_weights_with_a_zero_point_or_without_a_scale() -> None:
    builder = Builder()
    source = builder.input((1, 4))
    made = builder.fully_connected(source, 3, per_channel=True)
    weights = builder.tensors[builder.operators[-1][1][1]]
    weights.zero_points = tuple(range(len(weights.scales)))
    assert "has weights of int8 with zero point" in refused(builder, source, made)
    weights.scales = ()
    assert "has weights of int8 without a scale" in refused(builder, source, made)


def test_an_operator_has_the_outputs_of_its_op() -> None:
    builder = Builder()
    at = builder.conv(builder.input((1, 6, 6, 2)), 3)
    graph = parse(builder.build((0,), (at,)))
    tensors = (*graph.tensors, graph.tensors[at])
    [conv] = graph.operators
    more = replace(graph, tensors=tensors, operators=(replace(conv, outputs=(at, len(tensors) - 1)),))
    with pytest.raises(ModelError, match=r"CONV_2D .* has 2 outputs; it makes one"):
        compile_tflite(tflite_bytes(more))
