# SPDX-License-Identifier: Apache-2.0
"""Measures what a model takes of a device, and tells what would help where that is too much."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgecnn.compiler.compile import CompiledModel, compile_tflite
from edgecnn.converters.int4_weights import with_int4_weights
from edgecnn.errors import DataError, EdgecnnError, ModelError
from edgecnn.evaluation.budget import RESOURCES, Budget, Cost, Line, Remedy, read_figures
from edgecnn.evaluation.results import Metrics, Variant
from edgecnn.files import read_bytes, sha256
from edgecnn.pipeline.benchmark import benchmark
from edgecnn.pipeline.device_costs import measured_footprint
from edgecnn.pipeline.evaluate import Timing
from edgecnn.pipeline.model_file import find_model
from edgecnn.pipeline.run import Run
from edgecnn.pipeline.verify import Verified, verify_compiled
from edgecnn.pipeline.verify.compiled import require_emulator
from edgecnn.progress import Progress

INPUTS = 5  # that the C is run on
QUALITIES = tuple(name for name, resource in RESOURCES.items() if resource.points)
_UNTIMED = Timing(warmup=0, runs=1)
_SHOWN = 3  # operators of each resource
_Figures = dict[str, float]


@dataclass(frozen=True)
class Limits:
    """What a model may take.

    Attributes:
        target: the core.
        part: the device that is meant, if one was named.
        most: by resource, a key of `RESOURCES`: bytes, instructions, accuracy (0..1, the least) or points.
    """

    target: str
    part: str | None = None
    most: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Base:
    """What a model is compared with.

    Attributes:
        source: another model, or a file of budgets.
        tolerance: percent that a figure may be more than its, or points of quality.
    """

    source: Path
    tolerance: float = 0.0


def check_budget(
    model: Path, limits: Limits, progress: Progress, *, data: Path | None = None, base: Base | None = None
) -> Budget:
    """Compile a model, run it in an emulator, and hold what it takes against its limits.

    Args:
        model: an int8 .tflite, or a run, of which the one to use is meant.
        limits: the core and what it may take there.
        progress: told of each step.
        data: images, of whose test split the quality is measured; None: that which a run's steps measured.
        base: what to compare with.

    Raises:
        ModelError: the model can't be compiled, or its bytes are not those of TFLite.
        DataError: the images can't be used, or quality is asked of what has none.
        MissingToolError: a compiler or the emulator is not installed.
        EdgecnnError: the target runs in no emulator.
    """
    require_emulator(limits.target)
    path = find_model(model)
    qualities = _qualities(model, limits, data, progress)
    before = {} if base is None else _figures_of(base.source, limits, data, progress)
    progress("compiling and counting", 0, 1, limits.target)
    compiled = compile_tflite(path, name="model", target=limits.target)
    verified = verify_compiled(compiled, path, INPUTS, profile=True)
    progress("compiling and counting", 1, 1, limits.target)
    if not verified.equal:
        raise ModelError(f"{path}: its C differs from TensorFlow Lite; 'edgecnn verify' shows where")
    figures = _device(verified) | qualities
    lines = tuple(
        Line(name, figures[name], limits.most.get(name), before.get(name))
        for name in RESOURCES
        if name in figures
    )
    over = [line.resource for line in lines if line.left is not None and line.left < 0]
    return Budget(
        model=str(model),
        sha256=sha256(path),
        target=limits.target,
        part=limits.part,
        lines=lines,
        tolerance=0.0 if base is None else base.tolerance,
        costliest=_costliest(compiled, verified),
        remedies=tuple(
            remedy
            for remedy in _remedies(path, compiled, limits, over)
            if remedy.value < figures[remedy.resource]
        ),
    )


def _device(verified: Verified) -> _Figures:
    """Return what the C takes on the core."""
    parts = {
        "flash": (verified.code_bytes, verified.const_bytes),
        "ram": (verified.arena_bytes, verified.state_bytes, verified.static_bytes),
        "stack": (verified.stack_bytes,),
        "instructions": (verified.instructions,),
    }
    return {name: float(sum(part or 0 for part in each)) for name, each in parts.items()}


def _qualities(model: Path, limits: Limits, data: Path | None, progress: Progress) -> _Figures:
    """Return accuracy, or the Dice coefficient, and the loss of it, where they are known or asked for."""
    if data is None and not model.is_dir():
        if asked := [name for name in QUALITIES if name in limits.most]:
            raise DataError(f"{model} says nothing of its {' and '.join(asked)}; give --data, or a run")
        return {}
    metrics: Metrics = Run(model).metrics() if data is None else _measured([model], data, progress)
    variant = _chosen(model, metrics)
    figures = {"accuracy": variant.scores.quality}
    if metrics.reference != variant.name:
        figures["loss"] = variant.scores.loss[0]
    elif "loss" in limits.most:
        raise DataError(f"{model} has no float model to lose against; give a run with one")
    return figures


def _measured(models: list[Path], data: Path, progress: Progress) -> Metrics:
    return benchmark(models, data, _UNTIMED, progress).metrics


def _chosen(model: Path, metrics: Metrics) -> Variant:
    """Return the figures of the model that goes to the device."""
    if not model.is_dir():
        return metrics.variants[0]
    return metrics[Run(model).metrics().chosen]


def _figures_of(source: Path, limits: Limits, data: Path | None, progress: Progress) -> _Figures:
    """Return the figures of a model, or those that a file of budgets has of the target."""
    if source.suffix != ".json":
        unlimited = Limits(limits.target)
        return {
            line.resource: line.value for line in check_budget(source, unlimited, progress, data=data).lines
        }
    stored = read_figures(source)
    if limits.target not in stored:
        raise DataError(f"{source} has no figures of {limits.target}, but of {', '.join(stored)}")
    return stored[limits.target]


def _costliest(compiled: CompiledModel, verified: Verified) -> dict[str, tuple[Cost, ...]]:
    """Return the operators that take most constants, rows in RAM, and instructions."""
    steps: list[dict[str, Any]] = compiled.plan["steps"]
    titles = [step["op"] if step["op"] == "INPUT" else f"{step['index']} {step['op']}" for step in steps]
    of = {
        "flash": [step["weight_bytes"] for step in steps],
        "ram": [step["rows_kept"] * step["row_bytes"] + step["scratch_bytes"] for step in steps],
    }
    costs = {name: [Cost(*pair) for pair in zip(titles, values, strict=True)] for name, values in of.items()}
    costs["instructions"] = [
        Cost(row.op if row.index is None else f"{row.index} {row.op}", row.instructions)
        for row in verified.operators or ()
    ]
    return {name: tuple(sorted(each, key=lambda cost: -cost.value)[:_SHOWN]) for name, each in costs.items()}


def _remedies(path: Path, compiled: CompiledModel, limits: Limits, over: list[str]) -> Iterator[Remedy]:
    """Yield what changes of the compilation, and weights of four bits, make of what is over its limit."""
    if "flash" in over:
        yield from _tried(path, "--optimize size", "flash", {"target": limits.target, "optimize": "size"})
        narrow = with_int4_weights(read_bytes(path, error=ModelError), rounded=True)
        yield from _tried(narrow, "compress --weight-bits 4", "flash", {"target": limits.target})
    if "instructions" in over and "ram" in limits.most:
        arena = int(limits.most["ram"])
        if arena > compiled.plan["arena_bytes"]:
            yield from _tried(
                path, f"compile --ram {arena}", "instructions", {"target": limits.target, "ram": arena}
            )


def _tried(source: Path | bytes, change: str, resource: str, options: dict[str, Any]) -> Iterator[Remedy]:
    try:
        taken = measured_footprint(compile_tflite(source, name="model", **options))
    except EdgecnnError:
        return
    if taken is not None:
        value = taken.instructions if resource == "instructions" else taken.const_bytes + taken.code_bytes
        yield Remedy(change, resource, value)
