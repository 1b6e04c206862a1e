# SPDX-License-Identifier: Apache-2.0
"""Compiles a model's C, runs it, and compares every byte with TFLite's reference kernels."""

import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgecnn.compiler import reference
from edgecnn.compiler.compile import CompiledModel, compile_tflite
from edgecnn.compiler.golden import golden_vectors, pictures
from edgecnn.compiler.ir import Tensor
from edgecnn.compiler.numbers import as_input
from edgecnn.compiler.picture import as_values, require_normalization
from edgecnn.compiler.quant import byte_table, limits
from edgecnn.compiler.reading import is_onnx
from edgecnn.compiler.reading.tflite import parse
from edgecnn.compiler.sequence import sequence
from edgecnn.compiler.targets import TARGETS, find_target
from edgecnn.compiler.writing.header import state_bytes
from edgecnn.compiler.writing.model import CModel
from edgecnn.compiler.writing.tflite import tflite_bytes
from edgecnn.data.images import SUFFIXES, load_image
from edgecnn.data.numbers import is_numbers, samples_in
from edgecnn.errors import DataError, EdgecnnError, ModelError
from edgecnn.files import read_bytes
from edgecnn.pipeline.model_file import numbers_shape
from edgecnn.pipeline.verify.measure import Measured, measure
from edgecnn.pipeline.verify.oracle import Oracle, Ruling, Values, as_bytes
from edgecnn.pipeline.verify.program import program
from edgecnn.runtime.emulator import LEVELS, find_emulator, find_runner, has_emulator

Inputs = list[list[Values]]  # of each inference: of each input, or output
_FLAT_LEVELS = 5
_INPUTS, _STEPS = 5, 64  # by default, of a model that keeps variables the second


@dataclass(frozen=True, kw_only=True)
class Verified(Measured):
    """What `edgecnn verify` found; where the C ran without an emulator, nothing is measured.

    Attributes:
        oracle: whose outputs the C's are compared with.
        oracles: whom those follow, and why, for all operators.
        operators_different: bytes in which NumPy references differ from whom they follow, by operator.
        inputs: how many there were.
        reset_at: before how many of them variables were set to their first values anew; 0 where never.
        outputs: what the C calls the model's outputs.
        variables: what the model calls what it keeps, which is compared after each inference as outputs are.
        different_outputs: how many different values each output, then each variable, had among the inputs.
    """

    target: str
    oracle: str
    oracles: list[Ruling]
    operators_different: dict[str, int]
    inputs: int
    reset_at: int
    outputs: list[str]
    variables: list[str]
    different_outputs: list[int]
    bytes_compared: int
    bytes_different: int
    arena_bytes: int
    variables_bytes: int
    state_bytes: int
    macs: int
    macs_computed: int

    @property
    def equal(self) -> bool:
        """Whether nothing differs."""
        return not (self.bytes_different or self.operators_different)

    def as_json(self) -> dict[str, Any]:
        """Return the figures by name; every value fits JSON."""
        return asdict(self)


def verify(
    path: Path,
    target: str,
    inputs: int | Path | None = None,
    *,
    rows: bool = True,
    optimize: str = "speed",
    profile: bool = False,
    stop_before_float: bool = False,
) -> Verified:
    """Compile a file to C, run it and compare its outputs with the oracle's.

    Args:
        path: a .tflite file, or an .onnx file of a quantized network, with whose .tflite it is compared.
        target: a name from `targets.TARGETS`: what runs it is chosen by its row.
        inputs: how many random inputs to run, or a folder of images or numbers, or a file; by default 5, or
            64 where the model keeps variables.
        rows: the schedule to compile with, as for `compile_tflite`.
        optimize: "speed" or "size", as for `compile_tflite`; the C compiler gets -O2 or -Os.
        profile: tell what each operator costs, on an emulator.
        stop_before_float: as for `compile_tflite`; what is compared is the part before floats.

    Raises:
        ModelError: the model can't be compiled.
        DataError: the folder holds no image that can be read.
        MissingToolError: a compiler or the emulator is not installed.
        EdgecnnError: the generated C doesn't compile or fails, or the target has no emulator to profile on.
    """
    if profile:
        require_emulator(target)
    compiled = compile_tflite(
        path,
        name="model",
        target=target,
        rows=rows,
        optimize=optimize,
        stop_before_float=stop_before_float,
    )
    return verify_compiled(compiled, path, inputs, profile=profile)


def require_emulator(target: str) -> None:
    """Check that a target's instructions can be counted.

    Raises:
        EdgecnnError: they can't.
    """
    if not has_emulator(find_target(target)):
        names = ", ".join(row.name for row in TARGETS.values() if has_emulator(row))
        raise EdgecnnError(f"target {target} runs in no emulator, which counts instructions; one of: {names}")


def verify_compiled(
    compiled: CompiledModel, path: Path, inputs: int | Path | None = None, *, profile: bool = False
) -> Verified:
    """Run the C of a file, given by its path, as `verify` does, which says what else is asked for."""
    model, chosen = compiled.model, find_target(compiled.model.target)
    oracle = Oracle(model.original, _content(model, path))
    reset_at = 0
    if inputs is None:
        inputs = _STEPS if model.variables.kept else _INPUTS
    if not isinstance(inputs, int):
        values = _samples(model, inputs)
        expected = oracle.outputs(values)
    elif model.variables.kept:
        golden = [vector.inputs for vector in golden_vectors(model.original)]
        values, reset_at = sequence(model.original, inputs), inputs
        expected = oracle.outputs(values) + oracle.outputs(golden)
        values += golden
    else:
        values, expected = _chosen(oracle, inputs)
    given = [b"".join(value.tobytes() for value in edges) for edges in values]
    outputs, measured = _run(compiled, given, profile, reset_at)
    got = np.frombuffer(b"".join(outputs), np.int8)
    return Verified(
        target=model.target,
        oracle=oracle.name,
        oracles=oracle.rulings(),
        operators_different=oracle.differing,
        inputs=len(values),
        reset_at=reset_at,
        outputs=[edge.name for edge in model.outputs],
        variables=[kept.variable.name for kept in model.variables.kept],
        different_outputs=different_outputs(expected),
        bytes_compared=got.size,
        bytes_different=int(np.count_nonzero(got != as_bytes(expected))),
        arena_bytes=model.schedule.arena,
        variables_bytes=model.variables.size,
        state_bytes=state_bytes(model, chosen.pointer),
        macs=compiled.plan["macs"],
        macs_computed=compiled.plan["macs_computed"],
        **vars(measured),
    )


def _content(model: CModel, path: Path) -> bytes:
    """Return the bytes of a .tflite of what the C computes: the file's, of a part of it, or of one input."""
    if is_onnx(path):
        return tflite_bytes(model.original)
    content = read_bytes(path, error=ModelError)
    graph = parse(content).in_signature_order()
    given, computed = (
        ([one.tensors[i].shape for i in one.inputs], list(one.outputs)) for one in (graph, model.original)
    )
    return content if given == computed and not model.left else tflite_bytes(model.original)


def _run(
    compiled: CompiledModel, given: Sequence[bytes], profile: bool, reset_at: int
) -> tuple[list[bytes], Measured]:
    """Return what the C makes of inputs where its target says, and what was measured there."""
    target, level = find_target(compiled.model.target), LEVELS[compiled.model.optimize]
    with tempfile.TemporaryDirectory(prefix="edgecnn-") as name:
        folder = Path(name)
        compiled.write(folder)
        # In an emulator each call is measured, so it is one inference; elsewhere lines are pushed, too.
        counts = has_emulator(target)
        built = program(
            compiled.model, folder, both_ways=not counts, pointer=target.pointer, reset_at=reset_at
        )
        if counts:
            return measure(compiled, find_emulator(target, level), built, given, folder, profile)
        return find_runner(target, level).run(built, given), Measured()


def _chosen(oracle: Oracle, count: int) -> tuple[Inputs, Inputs]:
    """Return `count` random inputs and what the oracle makes of them.

    Where an output is the same for all, others are chosen, always the same ones: pictures of blocks, then
    single levels. Those come first whose outputs none before them has.
    """
    edges, rng = oracle.edges, np.random.default_rng(0)
    values = [[reference.random_values(rng, edge.shape, edge.dtype) for edge in edges] for _ in range(count)]
    expected = oracle.outputs(values)
    for others in (
        list(pictures(edges, rng)),
        [_flat(edges, part) for part in np.linspace(0, 1, _FLAT_LEVELS)],
    ):
        if count == 1 or min(different_outputs(expected)) > 1:
            break
        values, expected = values + others, expected + oracle.outputs(others)
        order = _by_novelty(expected)[:count]
        values, expected = [values[i] for i in order], [expected[i] for i in order]
    return values, expected


def _flat(edges: Sequence[Tensor], part: float) -> list[Values]:
    """Return inputs of one level each, from the least for 0 to the most for 1."""
    return [np.full(edge.shape, np.interp(part, (0, 1), limits(edge.dtype)), edge.dtype) for edge in edges]


def _by_novelty(outputs: Inputs) -> list[int]:
    """Return the numbers of inputs, first of those that have an output which none before them has."""
    seen: set[tuple[int, bytes]] = set()
    new: list[int] = []
    known: list[int] = []
    for number, values in enumerate(outputs):
        answers = {(at, value.tobytes()) for at, value in enumerate(values)}
        (known if answers <= seen else new).append(number)
        seen |= answers
    return new + known


def different_outputs(outputs: Inputs) -> list[int]:
    """Return of each output of a model how many different values there are among those of several inputs."""
    return [len({value.tobytes() for value in every}) for every in zip(*outputs, strict=True)]


def _samples(model: CModel, source: Path) -> Inputs:
    """Return the images or numbers of a folder and its subfolders, or of one file, as the model's input."""
    files = sorted(file for file in source.rglob("*") if file.is_file()) if source.is_dir() else [source]
    if any(map(is_numbers, files)) and not any(file.suffix.lower() in SUFFIXES for file in files):
        return _numbers(model, source, files)
    return _images(model, source, files)


def _numbers(model: CModel, source: Path, files: Sequence[Path]) -> Inputs:
    """Return the samples in .npy and .csv files as the model's input."""
    shape = numbers_shape(model.original, Path(model.original.name))
    edge, ranges = model.inputs[0], model.original.ranges
    quantization, samples = edge.quantization, []
    for file in filter(is_numbers, files):
        for _, numbers in samples_in(file, shape):
            values = as_input(numbers, ranges, quantization.scale, quantization.zero_point, edge.dtype)
            samples.append([values.reshape(edge.shape)])
    if not samples:
        raise DataError(f"{source} holds no numbers; give another folder, or a number")
    return samples


def _images(model: CModel, folder: Path, files: Sequence[Path]) -> Inputs:
    """Return the images of a folder and its subfolders as the model's input."""
    shape, quantization = model.inputs[0].shape, model.inputs[0].quantization
    if len(model.inputs) != 1 or len(shape) != 4 or shape[3] not in (1, 3) or model.original.ranges:
        raise ModelError(
            f"{model.original.name} takes no image of 1 or 3 channels; give a number of random inputs"
        )
    normalization = require_normalization(model.original)
    table = byte_table(normalization, quantization.scale, quantization.zero_point, model.inputs[0].dtype)
    images = []
    for file in files:
        try:
            image = load_image(file, *shape[1:], window=model.original.window, fitting=model.original.fitting)
            images.append([as_values(image[np.newaxis], table)])
        except DataError:
            continue  # labels and notes lie beside images
    if not images:
        raise DataError(f"{folder} holds no image that can be read; give another folder, or a number")
    return images
