# SPDX-License-Identifier: Apache-2.0
"""From a .tflite file to the text of C files and the plan behind them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edgecnn import __version__
from edgecnn.compiler import ops
from edgecnn.compiler.ir import ABSENT, Graph, Operator, Tensor, short_name
from edgecnn.compiler.ops import max_pool_2d
from edgecnn.compiler.ops.conv_2d import Conv2DOptions
from edgecnn.compiler.passes import BY_WEIGHTS, PASSES
from edgecnn.compiler.passes.batch_of_one import batch_of_one
from edgecnn.compiler.passes.stop_before_float import stop_before_float as before_float
from edgecnn.compiler.passes.upright import upright
from edgecnn.compiler.passes.variables_as_edges import variables_as_edges
from edgecnn.compiler.passes.widen_weights import has_narrow_weights
from edgecnn.compiler.reading import read_network
from edgecnn.compiler.reading.schema import DTYPES
from edgecnn.compiler.reading.tflite import parse
from edgecnn.compiler.reading.variables import states_of
from edgecnn.compiler.scheduling.effort import Effort
from edgecnn.compiler.scheduling.measure import Schedule
from edgecnn.compiler.scheduling.search import schedule
from edgecnn.compiler.steps import Step
from edgecnn.compiler.targets import find_target
from edgecnn.compiler.writing.header import header_text
from edgecnn.compiler.writing.model import CModel, Edge, edges
from edgecnn.compiler.writing.selftest import test_header_text, test_text
from edgecnn.compiler.writing.source import source_text
from edgecnn.compiler.writing.text import check_name
from edgecnn.compiler.writing.weights import Weights
from edgecnn.errors import ModelError
from edgecnn.files import write_bytes, write_texts

# Kernels read and write 32-bit sums; nothing in an arena is wider.
_MOST_STEPS, _MOST_ROWS = 255, 65534
_MOST_OPERATORS = 2048  # before passes, of which some compare each with each


@dataclass(frozen=True, eq=False)
class CompiledModel:
    """Generated C, and what was planned for it.

    Attributes:
        model: the scheduled model that the texts are written from.
        header: text of NAME.h.
        source: text of NAME.c.
        test_header: text of NAME_test.h.
        test: text of NAME_test.c, golden vectors and their check.
        weights: bytes of NAME_weights.bin, where weights lie apart from the code.
        plan: figures and one entry for each operator; every value fits JSON.
        dumps: the text form of the graph as read and after each pass, by the pass's name.
    """

    model: CModel
    header: str
    source: str
    test_header: str
    test: str
    weights: bytes | None
    plan: dict[str, Any]
    dumps: dict[str, str]

    @property
    def texts(self) -> dict[str, str]:
        """The text of each file by its name."""
        name = self.model.name
        return {
            f"{name}.h": self.header,
            f"{name}.c": self.source,
            f"{name}_test.h": self.test_header,
            f"{name}_test.c": self.test,
        }

    def write(self, folder: Path) -> list[Path]:
        """Write NAME.h, NAME.c, NAME_test.h, NAME_test.c and any NAME_weights.bin, and return their paths."""
        written = write_texts(folder, self.texts)
        if self.weights is not None:
            written.append(folder / f"{self.model.name}_weights.bin")
            write_bytes(written[-1], self.weights)
        return written


def compile_tflite(  # noqa: PLR0913 - one parameter for each option
    source: Path | bytes,
    *,
    name: str = "",
    labels: Sequence[str] = (),
    target: str = "c99",
    rows: bool = True,
    ram: int | None = None,
    optimize: str = "speed",
    weights_version: int | None = None,
    effort: Effort | None = None,
    stop_before_float: bool = False,
) -> CompiledModel:
    """Compile a .tflite file, or an .onnx file of a quantized network, to C.

    Args:
        source: the file, or the bytes of a .tflite file.
        name: what the C files and identifiers are called; by default after the file.
        labels: names of the classes; by default the model's own.
        target: a name from `targets.TARGETS`.
        rows: run row by row through rings; otherwise tensor by tensor.
        ram: bytes the arena may have; within them speed counts. Without a limit the smallest arena is taken.
        optimize: "speed" or "size" of the code.
        weights_version: put weights apart from the code, into a file of this version, which another of the
            same architecture can replace; None: into the code.
        effort: what the search for the smallest arena may take; the same leads to the same C.
        stop_before_float: compile up to the integers of which floats are computed, and no further.

    Raises:
        ModelError: the file can't be read, an operator is not supported, or no plan fits `ram`.
    """
    original = (read_network(source) if isinstance(source, Path) else parse(source)).in_signature_order()
    original = batch_of_one(original)
    original, left = before_float(original) if stop_before_float else (original, ())
    if left or weights_version is not None:
        what = "stop before floats" if left else "have its weights apart"
        original.refuse_variables(f"its C can't {what}: leave that option out")
    if labels:
        original = replace(original, labels=tuple(labels))
    apart = weights_version is not None
    try:
        ways = _ways(replace(original, weights_apart=apart), rows, ram)
    except ModelError as error:
        if not stop_before_float and (ends := _integers_before_floats(original)):
            raise ModelError(f"{error}; --stop-before-float compiles up to {ends}") from error
        raise
    isa = find_target(target).isa
    graph, dumps, scheduled = _scheduled(ways, rows, ram, isa, effort)
    inputs, outputs = edges(original, graph)
    model = CModel(
        check_name(name or default_name(original.name)),
        __version__,
        original,
        graph,
        scheduled,
        find_target(target).name,
        optimize,
        inputs,
        outputs,
        apart,
        left,
    )
    weights = Weights(model.name) if apart else None
    code = source_text(model, weights)
    return CompiledModel(
        model,
        header_text(model),
        code,
        test_header_text(model),
        test_text(model),
        weights.blob(weights_version, original.sha256) if weights and weights_version is not None else None,
        describe_plan(model),
        dumps,
    )


def _ways(original: Graph, rows: bool, ram: int | None) -> list[tuple[Graph, dict[str, str]]]:
    """Return what passes make of a graph, and dumps: the fastest way first, last that of the smallest arena.

    Kernels take several columns of a row at once; of a map of one row that is all, where the arena allows it.
    """
    best = run_passes(original)
    if rows and ram is None:
        return [best]
    lying = run_passes(original, without=(upright,))
    return [lying] if not rows else [lying, best]


def _scheduled(
    ways: Sequence[tuple[Graph, dict[str, str]]], rows: bool, ram: int | None, isa: str, effort: Effort | None
) -> tuple[Graph, dict[str, str], Schedule]:
    """Return the first of some graphs for which there is a schedule, with its dumps."""
    for number, (graph, dumps) in enumerate(ways):
        _check_limits(graph, len(graph.operators) // 2)  # at best two are one step; before a search
        try:
            scheduled = schedule(graph, rows, ram, isa, effort)
        except ModelError:
            if number + 1 == len(ways):
                raise
            continue
        _check_limits(graph, len(scheduled.network.steps))
        return graph, dumps, scheduled
    raise AssertionError("the last way returns or raises")


def default_name(title: str) -> str:
    """Return a name for C after a title: letters and digits of it, runs of others as one underscore."""
    words = "".join(c if c.isascii() and c.isalnum() else " " for c in title).split()
    name = "_".join(words).lower()
    return name if name[:1].isalpha() else f"model_{name}".rstrip("_")


def run_passes(
    original: Graph, without: Collection[Callable[[Graph], Graph]] = ()
) -> tuple[Graph, dict[str, str]]:
    """Return the graph after all passes but some, and its text form as read and after each.

    Where weights lie apart from the code, what changes shapes because of their values is left out.

    Raises:
        ModelError: an operator is not supported.
    """
    _check_readable(variables_as_edges(original))
    graph, dumps = original, {"read": str(original)}
    for pass_ in PASSES:
        if pass_ in without or (original.weights_apart and pass_ in BY_WEIGHTS):
            continue
        graph = pass_(graph)
        graph.verify()
        dumps[pass_.__name__] = str(graph)
    _check_outputs(graph)
    return graph, dumps


def _integers_before_floats(original: Graph) -> str:
    """Return up to what a model can be compiled that has floats behind it; empty where it can't be."""
    if original.variables:
        return ""
    try:
        part, left = before_float(original)
        if not left:
            return ""
        run_passes(part)
    except ModelError:
        return ""
    names = [f'"{short_name(part.tensors[i].name)}"' for i in part.outputs]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{', '.join(names[:3])}{more}, and leaves {', '.join(dict.fromkeys(left))} to you"


def _check_outputs(graph: Graph) -> None:
    """Check that each operator makes what its kernel writes: an output, and what it keeps.

    Raises:
        ModelError: one of them makes more.
    """
    for operator in graph.operators:
        if len(operator.outputs) > 1 + len(states_of(operator)):
            raise ModelError(f"{graph.describe(operator)} has {len(operator.outputs)} outputs; it makes one")


def _check_readable(graph: Graph) -> None:
    """Check what passes take for granted: known ops, constants of plain numbers, and inputs of fixed size.

    Raises:
        ModelError: naming the operator, or the input.
    """
    count = len(graph.operators)
    if count > _MOST_OPERATORS:
        raise ModelError(f"the model has {count} operators; at most {_MOST_OPERATORS} are supported")
    for operator in graph.operators:
        ops.require(graph, operator)
        if not (operator.inputs and operator.outputs):
            raise ModelError(f"{graph.describe(operator)} lacks inputs or outputs; it needs one of each")
    for operator in graph.operators:
        narrow = has_narrow_weights(graph, operator)
        for position, index in enumerate(operator.inputs):
            if index != ABSENT and not (narrow and position == 1):
                _check_constant(graph.describe(operator), graph.tensors[index])
        if ops.layout(operator) is not None:
            _check_weights(graph, operator)
    for index in graph.inputs:
        _check_size(graph.tensors[index])


def _check_constant(what: str, tensor: Tensor) -> None:
    if tensor.data is not None and (tensor.sparse or tensor.dtype not in DTYPES.values()):
        kind = "sparse" if tensor.sparse else tensor.dtype
        raise ModelError(
            f'{what} takes the {kind} constant "{short_name(tensor.name)}"; '
            "convert the model with weights of int8, stored in full"
        )


def _check_weights(graph: Graph, operator: Operator) -> None:
    """Check that weights are of 8 bits, and of int8 where others may take their place."""
    weights = graph.optional_input(operator, 1)
    if weights is None or weights.data is None:
        return
    if weights.dtype == "int16":
        raise ModelError(f"{graph.describe(operator)} has weights of int16; int8 is supported")
    if weights.dtype == "uint8" and graph.weights_apart:
        raise ModelError(
            f"{graph.describe(operator)} has weights of uint8, which can't lie apart from the code: what it "
            "is follows from their values; keep them inside, or convert the model to int8"
        )


def _check_size(tensor: Tensor) -> None:
    # TensorFlow's converter writes 1 for a size that is left open; that of the batch may be.
    if (1, -1) in list(zip(tensor.shape, tensor.shape_signature, strict=False))[1:]:
        raise ModelError(
            f'input "{short_name(tensor.name)}" has no size of its own, shape_signature '
            f"{list(tensor.shape_signature)}; convert the model with a fixed one"
        )


def _check_limits(graph: Graph, steps: int) -> None:
    """Check what the small counters of the generated C can hold."""
    if steps > _MOST_STEPS:
        raise ModelError(f"the model has {steps} inputs and operators; at most {_MOST_STEPS} are supported")
    for operator in graph.operators:
        shape = graph.output(operator).shape
        if shape[1] > _MOST_ROWS:
            raise ModelError(
                f"{graph.describe(operator)} makes {shape}; at most {_MOST_ROWS} rows are supported"
            )


def describe_plan(model: CModel) -> dict[str, Any]:
    """Return figures of a plan and one entry for each step; every value fits JSON."""
    network, heights = model.schedule.network, model.schedule.heights
    isa = find_target(model.target).isa
    whole = schedule(model.graph, rows=False, isa=isa).arena
    given = _macs(model.original)
    return {
        "name": model.name,
        "target": model.target,
        "sha256": model.original.sha256,
        "arena_bytes": model.schedule.arena,
        "arena_bytes_whole": whole,
        "variables_bytes": model.variables.size,
        "tensor_bytes": sum(
            model.original.tensors[i].size * (2 if model.original.tensors[i].dtype == "int16" else 1)
            for op in model.original.operators
            for i in op.outputs
            if model.original.tensors[i].dtype in DTYPES.values()
        ),
        "weight_bytes": sum(step.constant_bytes for step in network.steps),
        "inputs": [_describe_edge(edge) for edge in model.inputs],
        "outputs": [_describe_edge(edge) for edge in model.outputs],
        "left_to_caller": model.left_to_caller,
        "estimate": model.needs.as_json(),
        "macs": sum(given.values()),
        "macs_computed": sum(step.macs for step in network.steps),
        "segments": len(model.schedule.cuts),
        "steps": [
            {
                "index": step.operator.index,
                "op": _op(step),
                "kernel": step.kernel.key,
                "shape": list(model.graph.tensors[step.output].shape[1:]),
                "macs": _macs_given(given, step),
                "macs_computed": step.macs,
                "rows_kept": heights[step.output],
                "rows": network.height[step.output],
                "row_bytes": network.row_bytes[step.output],
                "scratch_bytes": step.scratch + step.working,
                "weight_bytes": step.constant_bytes,
                "begins_segment": number in model.schedule.cuts,
            }
            for number, step in enumerate(network.steps)
        ],
    }


def _describe_edge(edge: Edge) -> dict[str, Any]:
    """Return what the C has of an input or output: its parameter's name, type, shape and quantization."""
    return {
        "name": edge.name,
        "signature_name": edge.title,
        "dtype": edge.dtype,
        "shape": list(edge.shape),
        "scale": edge.scaling and edge.scaling.scale,
        "zero_point": edge.scaling and edge.scaling.zero_point,
    }


def _op(step: Step) -> str:
    """Return the op of a step, with what is fused into it."""
    before = f"{step.before.operator.op} + " if step.before is not None else ""
    told = step.operator.options
    after = f" + {ops.name(max_pool_2d)}" if isinstance(told, Conv2DOptions) and told.pool else ""
    return before + step.operator.op + after


def _macs_given(given: Mapping[int, int], step: Step) -> int:
    """Return the multiplications of a step's operators in the file, where `given` has all operators'.

    Of several steps that one operator has become, those that multiply nothing have none.
    """
    if not step.macs:
        return 0
    before = _macs_given(given, step.before) if step.before is not None else 0
    return before + given[step.operator.index]


def _macs(graph: Graph) -> dict[int, int]:
    return {
        operator.index: ops.require(graph, operator).macs(graph, operator) for operator in graph.operators
    }
