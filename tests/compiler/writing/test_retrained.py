# SPDX-License-Identifier: Apache-2.0
"""With weights apart from the code no choice depends on them: every training of a network fits the same C."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from every_op import networks_for_weights_apart
from generated_c import random_inputs, run_numpy
from on_target import run_program
from tflite_builder import RELU, RELU6, SAME, Builder

from edgecnn.compiler import int4
from edgecnn.compiler.compile import CompiledModel, compile_tflite
from edgecnn.compiler.ir import Tensor
from edgecnn.compiler.kernel import Role
from edgecnn.compiler.reading.tflite import parse
from edgecnn.compiler.targets import TARGETS, find_target
from edgecnn.compiler.writing.tflite import tflite_bytes
from edgecnn.errors import ModelError
from edgecnn.runtime.program import Program

SEEDS = range(3)
FIXED = (1 / 256, 1 / 128, 1 / 16, 1 / 32768)  # scales that TensorFlow Lite sets
# One target for each instruction set; the others have the same kernels.
SETS = list({target.isa: name for name, target in reversed(TARGETS.items())}.values())


def cainvas(builder: Builder) -> tuple[int, int]:
    at = source = builder.input((1, 28, 28, 1))
    for channels, size, padding in ((32, 2, SAME), (64, 3, 1), (32, 2, SAME)):
        at = builder.conv(at, channels, padding=padding, activation=RELU)
        at = builder.pool(at, "MAX", (size, size), (size, size))
    for outputs in (32, 64, 32):
        at = builder.fully_connected(builder.flatten(at) if outputs == 32 else at, outputs, RELU)
    return source, at


def resnet(builder: Builder) -> tuple[int, int]:
    source = builder.input((1, 8, 8, 3))
    at = builder.conv(source, 8, padding=SAME, activation=RELU)
    at = builder.add(builder.conv(builder.conv(at, 8, padding=SAME), 8, padding=SAME), at, RELU)
    for channels in (16, 64):
        long = builder.conv(builder.conv(at, channels, padding=SAME, stride=(2, 2)), channels, padding=SAME)
        at = builder.add(builder.conv(at, channels, (1, 1), (2, 2), SAME), long, RELU)
    return source, builder.mean(at)


def ds_cnn(builder: Builder) -> tuple[int, int]:
    source = builder.input((1, 25, 5, 1))
    at = builder.conv(source, 64, (10, 4), (2, 2), SAME, RELU)
    for channels in (64, 24):
        deep = builder.conv(builder.pad(at, 1, 1, 1, 1), 1, activation=RELU6, depthwise=True)
        at = builder.conv(deep, channels, (1, 1), activation=RELU6)
    _, height, width, _ = builder.tensors[at].shape
    return source, builder.pool(at, "AVERAGE", (height, width), (height, width))


NETWORKS = (cainvas, resnet, ds_cnn)


def rescale(builder: Builder, tensors: tuple[int, ...], factor: float) -> None:
    for tensor in (builder.tensors[number] for number in tensors):
        tensor.scales = tuple(scale * factor for scale in tensor.scales)


@cache
def trained(network: int, seed: int) -> bytes:
    """A network after another training: scales, zero points and weights, whose filters are wide or narrow."""
    builder = Builder(seed)
    source, at = NETWORKS[network](builder)
    logits = builder.fully_connected(builder.flatten(at), 3, per_channel=True)
    for op, inputs, *_ in builder.operators:
        if op in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
            tensor = builder.tensors[inputs[1]]
            assert tensor.data is not None
            wider = np.rint(tensor.data * builder.rng.uniform(0.1, 3))
            tensor.data = np.clip(wider, -127, 127).astype(np.int8)
            rescale(builder, inputs[1:], builder.rng.uniform(0.5, 2))
    # Such that no class is certain.
    wanted = 0.02 * builder.rng.uniform(0.5, 2)
    rescale(builder, (*builder.operators[-1][1][1:], logits), wanted / builder.tensors[logits].scales[0])
    return builder.build((source,), (builder.unary("SOFTMAX", logits),))


def external(model: bytes, target: str, name: str = "net") -> CompiledModel:
    return compile_tflite(model, name=name, target=target, weights_version=1)


def abi(compiled: CompiledModel) -> bytes:
    assert compiled.weights is not None
    return compiled.weights[4:8]


def program(compiled: list[list[CompiledModel]], folder: Path) -> Program:
    """The code of each network's first training, that runs with the weights of each."""
    text, calls, read, made = "", "", 0, 0
    for number, trainings in enumerate(compiled):
        model = trainings[0].model
        trainings[0].write(folder)
        text += f'#include "net{number}.h"\nstatic EDGECNN_NET{number}_ARENA(arena{number});\n'
        calls += f"    edgecnn_net{number}_t nn{number};\n"
        for seed, training in enumerate(trainings):
            weights, values = f"weights{number}_{seed}", ", ".join(map(str, training.weights or b""))
            text += f"static const uint8_t {weights}[] __attribute__((aligned(16))) = {{{values}}};\n"
            given = f"&nn{number}, &arena{number}, sizeof arena{number}, {weights}, sizeof {weights}"
            calls += f"    if (edgecnn_net{number}_init({given}) != 0) return {10 * number + seed + 1};\n"
            calls += f"    edgecnn_net{number}_run(&nn{number}, input + {read}, output + {made});\n"
            made += model.outputs[0].bytes
        read += model.inputs[0].bytes
    text += "int program_setup(void) { return 0; }\n"
    text += f"int program_run(const int8_t *input, int8_t *output)\n{{\n{calls}    return 0;\n}}\n"
    sources = [folder / f"net{number}.c" for number in range(len(compiled))]
    return Program(sources, text, read, made, (folder,))


@pytest.mark.parametrize("target", SETS)
def test_each_training_runs_in_the_code_of_another(target: str, tmp_path: Path) -> None:
    models = [[trained(number, seed) for seed in SEEDS] for number in range(len(NETWORKS))]
    compiled = [
        [external(model, target, f"net{number}") for model in ones] for number, ones in enumerate(models)
    ]
    for trainings in compiled:
        assert len({abi(one) for one in trainings}) == 1
    inputs = [random_inputs(ones[0], 1) for ones in models]
    wanted = [
        run_numpy(model, one)[0][0].tobytes()
        for ones, one in zip(models, inputs, strict=True)
        for model in ones
    ]
    assert len(set(wanted)) == len(wanted)
    data = b"".join(one[0][0].tobytes() for one in inputs)
    made = run_program(program(compiled, tmp_path), find_target(target), [data], tmp_path, sanitize=False)
    assert made == [b"".join(wanted)]


@pytest.mark.parametrize("target", SETS)
def test_only_what_training_changes_differs_between_two(target: str) -> None:
    for number in range(len(NETWORKS)):
        networks = [external(trained(number, seed), target).model.schedule.network.steps for seed in (0, 1)]
        for first, second in zip(*networks, strict=True):
            assert first.kernel == second.kernel
            for line, name, value in first.kernel.fields(first.params):
                if line.role is not Role.TRAINED:
                    np.testing.assert_array_equal(value, second.params[name])


def scaled(op: str, scale: float) -> bytes:
    """An operator whose output has such a scale."""
    builder = Builder()
    first, second = builder.input((1, 4, 4, 4)), builder.input((1, 4, 4, 4))
    made = builder.binary(op, first, second)
    builder.tensors[made].scales = (scale,)
    return builder.build((first, second), (builder.mean(made),))


def test_a_scale_that_the_kernel_of_all_trainings_cannot_take_is_refused() -> None:
    inside = compile_tflite(scaled("ADD", 0.5), target="cortex-m3")
    assert inside.plan["steps"][2]["kernel"] == "add"
    assert external(scaled("ADD", 0.01), "cortex-m3").plan["steps"][2]["kernel"] == "add.scalar"
    refusal = r"ADD .*: its output_shift is -2\d; with weights apart .* -21 to -1 are allowed; .* inside"
    with pytest.raises(ModelError, match=refusal):
        external(scaled("ADD", 0.5), "cortex-m3")


def test_a_product_takes_the_kernel_that_takes_all_scales() -> None:
    def kernel(scale: float, version: int | None) -> str:
        compiled = compile_tflite(scaled("MUL", scale), target="cortex-m4", weights_version=version)
        return str(compiled.plan["steps"][2]["kernel"])

    assert (kernel(0.01, None), kernel(2.0**-18, None)) == ("mul.scalar", "mul")
    assert (kernel(0.01, 1), kernel(2.0**-18, 1)) == ("mul", "mul")


@pytest.mark.parametrize("target", ["cortex-m4", "aarch64"])
@pytest.mark.parametrize("dense", [False, True])
def test_a_weight_that_the_kernel_of_all_trainings_cannot_take_is_refused(target: str, dense: bool) -> None:
    builder = Builder()
    source = builder.input((1, 6, 6, 4))
    made = builder.fully_connected(builder.flatten(source), 4) if dense else builder.conv(source, 4)
    filter_ = builder.tensors[builder.operators[-1][1][1]]
    assert filter_.data is not None
    filter_.data[...] = -128
    model = builder.build((source,), (made,))
    op = "FULLY_CONNECTED" if dense else "CONV_2D"
    assert compile_tflite(model, target=target).plan["steps"][-1]["kernel"] == op.lower()
    with pytest.raises(ModelError, match=rf'{op} "\w+" \(operator \d\) has a weight of -128; .*inside'):
        external(model, target)


def otherwise_trained(model: bytes, seed: int) -> bytes:
    """A model with other weights, and other scales and zero points of all that lies between its edges."""
    graph, rng = parse(model), np.random.default_rng(seed)
    factor, more = float(rng.uniform(0.5, 2)), int(rng.integers(-9, 9))
    edges = {graph.tensors[number].quantization for number in (*graph.inputs, *graph.outputs)}
    # Of values from 0 on the zero point is the least: others have no root.
    edges |= {graph.input(one, 0).quantization for one in graph.operators if one.op == "RSQRT"}
    inner = {tensor.quantization for tensor in graph.tensors if tensor.data is None} - edges

    def quantized(tensor: Tensor) -> Tensor:
        given = tensor.quantization
        if given is None or given not in inner or given.scale in FIXED:
            return tensor
        # The lowest stays: there is a root of nothing below it.
        points = [min(max(point + more, -128), 127) if point > -128 else point for point in given.zero_points]
        scales = tuple(float(np.float32(scale * factor)) for scale in given.scales)
        points = points if tensor.dtype == "int8" else [0]
        return replace(tensor, quantization=replace(given, scales=scales, zero_points=tuple(points)))

    def changed(tensor: Tensor) -> Tensor:
        if tensor.dtype == "int4" and tensor.data is not None:
            return quantized(replace(tensor, data=int4.packed(rng.integers(-7, 8, tensor.size, np.int8))))
        if tensor.data is None or tensor.dtype != "int8":
            # The scales of biases follow from others.
            return replace(tensor, quantization=None) if tensor.dtype == "int32" else quantized(tensor)
        wider = np.rint(tensor.data * rng.uniform(0.1, 3))
        return quantized(replace(tensor, data=np.clip(wider, -127, 127).astype(np.int8)))

    return tflite_bytes(replace(graph, tensors=tuple(map(changed, graph.tensors))))


@pytest.mark.parametrize("target", SETS)
def test_no_op_has_code_that_follows_from_training(target: str) -> None:
    for model in networks_for_weights_apart():
        trainings = [external(otherwise_trained(model, seed), target) for seed in (1, 2)]
        assert len({abi(one) for one in trainings}) == 1


@pytest.mark.parametrize("target", SETS)
def test_what_is_summed_at_once_suits_the_largest_weights(target: str) -> None:
    def after(factor: float) -> bytes:
        builder = Builder()
        source = builder.input((1, 4, 4, 160))
        made = builder.conv(source, 4)
        filter_ = builder.tensors[builder.operators[-1][1][1]]
        assert filter_.data is not None
        filter_.data = np.rint(filter_.data * factor).astype(np.int8)
        return builder.build((source,), (builder.unary("SOFTMAX", builder.mean(made, keep_dims=False)),))

    assert len({abi(external(after(factor), target)) for factor in (0.03, 0.3, 1.0)}) == 1
