# SPDX-License-Identifier: Apache-2.0
"""Runs a model three ways: TFLite's reference kernels, the NumPy references, the generated C."""

import re
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from guard import guard
from narrow import widened
from tflite_builder import Builder

from edgecnn.compiler import reference
from edgecnn.compiler.compile import CompiledModel, compile_tflite
from edgecnn.compiler.ir import Tensor
from edgecnn.compiler.passes.as_int8 import as_int8
from edgecnn.compiler.passes.integer_edges import integer_edges
from edgecnn.compiler.reading.tflite import parse
from edgecnn.compiler.targets import find_target
from edgecnn.pipeline.verify.program import program
from edgecnn.runtime.host_compiler import HostCompiler
from edgecnn.runtime.program import Program

Arrays = list[npt.NDArray[Any]]
Case = tuple[Any, ...]  # the shape of an input, then what makes the operators behind it


def _values(tensor: Tensor) -> tuple[tuple[int, ...], Any, int, int]:
    """Return a tensor's shape, and dtype, least and most of the integers that the C takes for it."""
    dtype = "int16" if tensor.dtype == "int16" else "int8"
    return tensor.shape, dtype, np.iinfo(dtype).min, np.iinfo(dtype).max


def random_inputs(model: bytes, count: int = 3, seed: int = 0) -> list[Arrays]:
    """Return random inputs, among them one with the extremes only and one with all values in order.

    They are int8, as those that are floats or uint8 in the file, or int16.
    """
    graph, rng = parse(model), np.random.default_rng(seed)
    edges = [_values(graph.tensors[i]) for i in graph.inputs]
    inputs = [
        [rng.integers(least, most, shape, dtype, endpoint=True) for shape, dtype, least, most in edges]
        for _ in range(count)
    ]
    inputs[0] = [
        np.where(rng.random(shape) < 0.5, least, most).astype(dtype) for shape, dtype, least, most in edges
    ]
    inputs[1:2] = [
        [np.resize(np.arange(least, most + 1), shape).astype(dtype) for shape, dtype, least, most in edges]
    ]
    return inputs


def run_oracle(model: bytes, inputs: list[Arrays], optimized: bool = False) -> list[Arrays]:
    """Return what tflite-runtime 2.14's reference kernels make of the inputs, or its optimized ones.

    Inputs and outputs that are uint8 in the file are int8 of 128 less, as in the C.

    From Python 3.12 on there is no such runtime; the NumPy references, held to it elsewhere, stand in. It has
    no FULLY_CONNECTED over int4: it gets the same weights as int8.
    """
    try:
        from tflite_runtime.interpreter import Interpreter, OpResolverType
    except ImportError:
        return run_numpy(model, inputs)
    kernels = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES if optimized else OpResolverType.BUILTIN_REF
    content = widened(model) if _has_narrow_dense(model) else model
    interpreter = Interpreter(model_content=content, experimental_op_resolver_type=kernels, num_threads=1)
    interpreter.allocate_tensors()
    results = []
    for one in inputs:
        for details, value in zip(interpreter.get_input_details(), one, strict=True):
            unsigned = details["dtype"] == np.uint8
            interpreter.set_tensor(
                details["index"], value.view(np.uint8) ^ np.uint8(128) if unsigned else value
            )
        interpreter.invoke()
        made = [interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()]
        results.append([_signed(value) for value in made])
    return results


def _signed(value: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return (value ^ np.uint8(128)).view(np.int8) if value.dtype == np.uint8 else value


def _has_narrow_dense(model: bytes) -> bool:
    graph = parse(model)
    dense = (operator for operator in graph.operators if operator.op == "FULLY_CONNECTED")
    return any(graph.input(operator, 1).dtype == "int4" for operator in dense)


def run_numpy(model: bytes, inputs: list[Arrays]) -> list[Arrays]:
    graph = as_int8(parse(model))
    if graph.variables:
        session = reference.Session(integer_edges(graph))
        return [session.run(one) for one in inputs]
    return [reference.run(graph, one) for one in inputs]


def run_c(
    models: list[CompiledModel], inputs: list[list[Arrays]], reset_at: int = 0, **compiler: Any
) -> list[Arrays]:
    """Compile and run the C of several models as one program, whole images as well as pushed lines.

    Variables of models begin anew before inference `reset_at`; what they become follows the outputs.

    `inputs` holds a list for each model, all of one length; so does the result, outputs joined to one array.
    """
    chosen: dict[str, Any] = {"sanitize": True, "flags": ("-O1",)} | compiler
    host = HostCompiler(**chosen)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for model in models:
            model.write(folder)
            guard(model.model, folder)
        programs = [
            program(model.model, folder, both_ways=True, pointer=8, reset_at=reset_at) for model in models
        ]
        given = [
            b"".join(value.tobytes() for one in ones for value in one) for ones in zip(*inputs, strict=True)
        ]
        made = host.run(joined(programs, folder), given)
    ends = np.cumsum([one.output_bytes for one in programs])[:-1]
    outputs = [np.split(np.frombuffer(output, np.int8), ends) for output in made]
    return [list(one) for one in zip(*outputs, strict=True)]


def joined(programs: list[Program], folder: Path) -> Program:
    """Return one program that runs several, on inputs and to outputs that lie one behind the other.

    All models are one file, and so are their harnesses: compilers take longer to begin, and to read headers,
    than the C of a small model.
    """
    harness, calls, setups = "#include <string.h>\n\n", "", ""
    read = made = 0
    for number, part in enumerate(programs):
        harness += _OWN.sub(rf"\g<0>{number}", part.harness)
        setups += f"    if (program_setup{number}() != 0) return 1;\n"
        # Behind an odd number of bytes, numbers of 16 bits would not be aligned.
        for name, size in (("in", part.input_bytes), ("out", part.output_bytes)):
            harness += f"static __attribute__((aligned(16))) int8_t {name}{number}[{size}];\n"
        calls += f"    memcpy(in{number}, input + {read}, {part.input_bytes});\n"
        calls += f"    if (program_run{number}(in{number}, out{number}) != 0) return {number + 1};\n"
        calls += f"    program_report{number}(out{number});\n" if part.reports else ""
        calls += f"    memcpy(output + {made}, out{number}, {part.output_bytes});\n"
        read += part.input_bytes
        made += part.output_bytes
    harness += f"int program_setup(void) {{\n{setups}    return 0;\n}}\n"
    harness += f"int program_run(const int8_t *input, int8_t *output) {{\n{calls}    return 0;\n}}\n"
    models = folder / "models.c"
    models.write_text("".join(f'#include "{source}"\n' for one in programs for source in one.sources))
    return Program([models], harness, read, made, (folder,))


# What a harness defines; in one file with others it has names of its own.
_OWN = re.compile(r"\b(program_setup|program_run|program_report|arena|variables|nn|state_is_as_reported)\b")


def check_numpy(model: bytes, inputs: list[Arrays], optimized: bool = False) -> list[Arrays]:
    """Check oracle = NumPy reference, byte for byte; return what the oracle makes."""
    expected = run_oracle(model, inputs, optimized)
    for mine, theirs in zip(run_numpy(model, inputs), expected, strict=True):
        for our, their in zip(mine, theirs, strict=True):
            np.testing.assert_array_equal(our, their)
    return expected


def check(
    models: list[bytes], count: int = 3, optimized: bool = False, **options: Any
) -> list[CompiledModel]:
    """Check oracle = NumPy reference = C, byte for byte; return what was compiled."""
    inputs = [random_inputs(model, count, seed) for seed, model in enumerate(models)]
    expected = [check_numpy(model, ones, optimized) for model, ones in zip(models, inputs, strict=True)]
    options = {"optimize": "size"} | options
    compiled = [compile_tflite(model, name=f"net{i}", **options) for i, model in enumerate(models)]
    target = find_target(compiled[0].model.target)
    flags = ("-O1", *(target.cflags if target.native else ()))
    for got, wanted in zip(run_c(compiled, inputs, flags=flags), expected, strict=True):
        for ours, theirs in zip(got, wanted, strict=True):
            wanted_bytes = b"".join(value.tobytes() for value in theirs)
            np.testing.assert_array_equal(ours, np.frombuffer(wanted_bytes, np.int8))
    return compiled


def models(make: Callable[..., int], cases: Sequence[Case], dtype: str = "int8") -> list[bytes]:
    """Return a model for each case: an input, then what `make(builder, input, ...)` makes of it."""
    built = []
    for seed, (shape, *arguments) in enumerate(cases):
        builder = Builder(seed, dtype=dtype)
        source = builder.input(shape, *((0.02, -11) if seed % 2 else ()))
        built.append(builder.build((source,), (make(builder, source, *arguments),)))
    return built


def check_operators(make: Callable[..., int], cases: Sequence[Case], dtype: str = "int8") -> None:
    """Check one-operator models, one for each case."""
    check(models(make, cases, dtype))


def check_lookups(
    op: str, optimized: bool = False, finest: float = 0.001, farthest: float = 0.3, **options: Any
) -> None:
    """Check an op from one int8 to another for all 256 values, over many scales and zero points.

    `finest` is the least that an output scale may be, `farthest` the most of an input's.
    """
    rng, models = np.random.default_rng(0), []
    for seed in range(60):
        builder = Builder(seed)
        scales = np.exp(rng.uniform(np.log([0.001, finest]), np.log([farthest, 0.3])))
        zero_points = rng.choice([-128, -1, 0, 127, *rng.integers(-128, 128, 4)], 2).tolist()
        source = builder.input((1, 16, 16, 1), float(scales[0]), zero_points[0])
        made = builder.tensor((1, 16, 16, 1), "int8", float(scales[1]), zero_points[1])
        models.append(builder.build((source,), (builder.operator(op, (source,), made, **options),)))
        check_numpy(models[-1], random_inputs(models[-1], 2)[1:], optimized)
    check(models[:3], optimized=optimized)


# Shapes of two operands; "constant" makes the second one, or the first.
OPERANDS: list[tuple[Any, ...]] = [
    ((1, 5, 7, 3), (1, 5, 7, 3)),
    ((1, 1, 1, 1), (1, 1, 1, 1)),
    ((1, 5, 7, 3), (1, 1, 1, 3)),
    ((1, 5, 7, 3), (1, 3)),
    ((1, 5, 7, 3), (1, 5, 7, 1)),
    ((1, 5, 7, 3), (1, 5, 1, 3)),
    ((1, 5, 7, 3), (1, 1, 7, 3)),
    ((1, 5, 7, 3), (1, 1, 7, 1)),
    ((1, 5, 7, 3), (1, 1, 1, 1)),
    ((1, 1, 1, 3), (1, 5, 7, 3)),
    ((1, 5, 7, 1), (1, 1, 1, 3)),
    ((1, 5, 1, 3), (1, 1, 7, 1)),
    ((1, 5, 7, 1), (1, 5, 7, 1)),
    ((1, 9), (1, 9)),
    ((1, 4, 6), (1, 1, 6)),
    ((1, 5, 7, 3), (), "constant"),
    ((1, 5, 7, 3), (3,), "constant"),
    ((1, 5, 7, 3), (5, 7, 1), "constant"),
    ((1, 5, 7, 3), (1, 5, 1, 1), "constant"),
    ((1, 5, 7, 3), (1, 5, 7, 3), "constant"),
    ((1, 1, 1, 3), (1, 5, 7, 1), "constant"),
    ((1, 6), (6,), "constant"),
    ((), (1, 5, 7, 3), "constant first"),
    ((1, 7, 3), (1, 5, 7, 3), "constant first"),
]


def operands(
    op: str,
    first: tuple[int, ...],
    second: tuple[int, ...],
    kind: str = "",
    dtype: str = "int8",
    **options: int,
) -> bytes:
    """Return a model of one operator with operands of these shapes."""
    builder = Builder(len(first) + 5 * len(second), dtype=dtype)
    one = builder.constant(first) if kind == "constant first" else builder.input(first, 0.02, -11)
    two = builder.constant(second) if kind == "constant" else builder.input(second, 0.013, 40)
    given = tuple(number for number in (one, two) if builder.tensors[number].data is None)
    return builder.build(given, (builder.binary(op, one, two, **options),))


def check_operands(op: str, part: int, activations: Sequence[int] = (0,), dtype: str = "int8") -> None:
    """Check a quarter of an op's models over shapes that broadcast and constants."""
    models = []
    for number, case in enumerate(OPERANDS[part::4]):
        activation = activations[number % len(activations)]
        options: dict[str, Any] = {"fused_activation_function": activation} if len(activations) > 1 else {}
        first, second, kind = (*case, "")[:3]
        models.append(operands(op, first, second, kind, dtype=dtype, **options))
    check(models)


# The input's shape and the axes that are reduced.
REDUCED = [
    *(((1, 5, 4, 3), axes) for axes in ((1,), (2,), (3,), (1, 2), (1, 3), (2, 3), (-3, -2, -1), (2, -3))),
    ((1, 9, 2), (1,)),
    ((1, 9, 2), (2,)),
    ((1, 9), (1,)),
    ((9,), (0,)),
    ((1, 31, 33, 2), (1, 2)),
    ((1, 1, 1, 1), (1, 2, 3)),
    ((1, 1, 7, 2), (1, 2)),
]


def check_reductions(op: str, part: int, optimized: bool = False, dtype: str = "int8") -> None:
    """Check a third of an op's models over axes, with and without the dimensions that are left."""
    models = []
    for seed, (shape, axes) in enumerate(REDUCED[part::3]):
        for keep in (True, False):
            builder = Builder(seed, dtype=dtype)
            source = builder.input(shape, 0.02, -11)
            models.append(builder.build((source,), (builder.reduce(op, source, axes, keep),)))
    check(models, optimized=optimized)
