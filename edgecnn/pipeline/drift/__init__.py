# SPDX-License-Identifier: Apache-2.0
"""Where two models part that should compute the same: float and int8, before and after, whole and wounded."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np

from edgecnn.compiler import ops, reference
from edgecnn.compiler.ir import Graph, Operator, Tensor, short_name
from edgecnn.compiler.passes.integer_edges import integer_edges
from edgecnn.compiler.quant import limits
from edgecnn.compiler.reading.tflite import read_model
from edgecnn.errors import ModelError
from edgecnn.evaluation.drift import Drift, MovedImage, OperatorDrift, Reals, snr_db
from edgecnn.pipeline.benchmark import load_as_seen
from edgecnn.pipeline.drift.causes import advice
from edgecnn.pipeline.drift.pairs import pairs
from edgecnn.pipeline.drift.trace import INTEGERS, Inputs, Trace, Values, quantized, real, trace
from edgecnn.pipeline.run import Run
from edgecnn.progress import Progress

_STEPS = 3  # of which each is counted
_MOVED = 3  # images that are named
_RANGE = 1.0  # of random inputs where no model says any


def drift(models: Mapping[str, Path], data: Path | None, count: int, progress: Progress) -> list[Drift]:
    """Compare each model with the one before it, operator by operator.

    Args:
        models: .tflite files by what they are called, two at least.
        data: whose test images are taken; None: random inputs.
        count: of inputs, of images at most.
        progress: told after each model.

    Raises:
        ModelError: a model can't be run, or takes other inputs than the first.
        DataError: the images can't be used.
        MissingToolError: no TFLite runtime is installed.
    """
    graphs = {name: read_model(path) for name, path in models.items()}
    inputs = random_inputs(graphs, count) if data is None else _pictures(models, data, count, progress)
    traces = []
    for done, (name, path) in enumerate(models.items()):
        progress("running", done, len(models), name)
        traces.append(trace(path, name, inputs))
    progress("running", len(models), len(models))
    return [compare(first, second, inputs) for first, second in pairwise(traces)]


def of_run(run: Run) -> dict[str, Path]:
    """Return the models of a run that compute the same with other numbers: the last is the int8 one.

    Raises:
        RunError: the run is not finished.
        ModelError: there is nothing to compare.
    """
    chosen = run.metrics().chosen
    variants = run.variants()
    before = "float32_pruned" if chosen == "int8_qat" and "float32_pruned" in variants else "float32"
    if chosen == before:
        raise ModelError(f"{run.path} has no int8 model yet; make one with 'edgecnn compress'")
    return {name: variants[name] for name in (before, chosen)}


def random_inputs(graphs: Mapping[str, Graph], count: int) -> Inputs:
    """Return random inputs: of what the first model that is quantized holds."""
    first = next(iter(graphs.values()))
    with_scales = [graph for graph in graphs.values() if _input_tensors(graph)[0].quantization is not None]
    rng = np.random.default_rng(0)
    reals = []
    for number, tensor in enumerate(_input_tensors(first)):
        like = _input_tensors(with_scales[0])[number] if with_scales else tensor
        low, high = (0.0, _RANGE) if like.quantization is None else _ends(like)
        reals.append(rng.uniform(low, high, (count, *tensor.shape)).astype(np.float32))
    return Inputs(tuple(map(str, range(count))), None, tuple(reals))


def _input_tensors(graph: Graph) -> list[Tensor]:
    """Return the inputs as integers, where only a QUANTIZE lies before them."""
    inner = integer_edges(graph)
    return [inner.tensors[number] for number in inner.inputs]


def _ends(tensor: Tensor) -> tuple[float, float]:
    ends = np.array(limits(tensor.dtype))
    low, high = real(ends, tensor)
    return float(low), float(high)


def _pictures(models: Mapping[str, Path], data: Path, count: int, progress: Progress) -> Inputs:
    _, test = load_as_seen(list(models.values()), models, data, progress)
    return Inputs(tuple(path.name for path in test.paths[:count]), test.images[:count])


def compare(first: Trace, second: Trace, inputs: Inputs) -> Drift:
    """Return how far the second model is from the first."""
    same = pairs(first, second)
    alone = _alone(first, second, same)
    operators = tuple(
        _operator(first, second, operator, same[operator.outputs[0]], alone)
        for operator in second.operators
        if same.get(operator.outputs[0]) in first.values
    )
    if not operators:
        raise ModelError(f"{second.name} and {first.name} have no tensor in common; nothing can be compared")
    images, changed = _moved(first, second, inputs)
    told = advice(first, second, same)
    return Drift(first.name, second.name, len(inputs.names), operators, images, changed, tuple(told))


def _operator(
    first: Trace, second: Trace, operator: Operator, partner: int, alone: Mapping[int, Reals]
) -> OperatorDrift:
    number = operator.outputs[0]
    tensor, before = second.graph.tensors[number], first.graph.tensors[partner]
    right, other = first.real(partner), second.real(number)
    by_itself = snr_db(right, alone[number]) if number in alone else None
    different, steps = _differences(first.values[partner], second.values[number], before, tensor)
    return OperatorDrift(
        index=operator.index,
        op=operator.op,
        name=short_name(tensor.name),
        shape=tensor.shape,
        snr_db=snr_db(right, other),
        own_snr_db=by_itself,
        own=number in alone,
        largest=float(np.abs(right - other).max(initial=0)),
        clamped=_clamped(second.values[number], tensor),
        different=different,
        steps=steps,
    )


def _differences(
    right: Values, other: Values, before: Tensor, tensor: Tensor
) -> tuple[float | None, tuple[int, ...]]:
    """Return which part of integers of one scale differs, and by how many steps."""
    if tensor.dtype not in INTEGERS or (tensor.dtype, tensor.quantization) != (
        before.dtype,
        before.quantization,
    ):
        return None, ()
    distance = np.abs(other.astype(np.int64) - right)
    counts = np.bincount(np.minimum(distance, _STEPS + 1).ravel(), minlength=_STEPS + 2)
    return float(np.count_nonzero(distance) / distance.size), tuple(int(count) for count in counts[1:])


def _clamped(values: Values, tensor: Tensor) -> float | None:
    """Return which part of integers is at an end of the type that doesn't stand for zero, as RELU's does."""
    if tensor.dtype not in INTEGERS or tensor.quantization is None:
        return None
    ends = (0, 255) if tensor.dtype == "uint8" else limits(tensor.dtype)
    at_ends = [values == end for end in ends if end != tensor.quantization.zero_point]
    return float(np.mean(np.logical_or.reduce(at_ends)))


def _alone(first: Trace, second: Trace, same: Mapping[int, int]) -> dict[int, Reals]:
    """Return what operators of the second model make of the first's values, by the number of their tensor.

    Known where the second is of integers: by our NumPy references, which equal TFLite's.
    """
    try:
        graph = reference.basic(integer_edges(second.graph))
        return {number: real(value, graph.tensors[number]) for number, value in _steps(graph, first, same)}
    except ModelError:
        return {}


def _steps(graph: Graph, first: Trace, same: Mapping[int, int]) -> Iterator[tuple[int, Values]]:
    """Yield what each operator makes whose inputs the first model has."""
    known = {
        number: quantized(first.real(partner), graph.tensors[number])
        for number, partner in same.items()
        if partner in first.values and graph.tensors[number].dtype in INTEGERS
    }
    for operator in graph.operators:
        read = [number for number in operator.inputs if number >= 0 and graph.tensors[number].data is None]
        if any(number not in known for number in read):
            continue
        op, number = ops.require(graph, operator), operator.outputs[0]
        rows = zip(*(known[i] for i in read), strict=True)
        values = np.stack([op.reference(graph, operator, row) for row in rows])
        yield number, values
        known.setdefault(number, values)  # of a step within one operator of the file


def _moved(first: Trace, second: Trace, inputs: Inputs) -> tuple[tuple[MovedImage, ...], int]:
    """Return the inputs whose last output moves most, and of how many another value becomes the largest."""
    ends = [trace.graph.outputs[-1] for trace in (first, second)]
    if ends[0] not in first.values or ends[1] not in second.values:
        return (), 0
    right, other = first.real(ends[0]), second.real(ends[1])
    if right.shape != other.shape:
        return (), 0
    rows = [value.reshape(len(value), -1) for value in (right, other)]
    distance = np.abs(rows[0] - rows[1]).max(axis=1)
    changed = rows[0].argmax(1) != rows[1].argmax(1)
    order = np.argsort(-distance, kind="stable")[:_MOVED]
    images = tuple(
        MovedImage(inputs.names[at], float(distance[at]), bool(changed[at]))
        for at in order
        if distance[at] > 0
    )
    return images, int(np.count_nonzero(changed))
