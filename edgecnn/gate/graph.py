# SPDX-License-Identifier: Apache-2.0
"""A SavedModel: every op of its graph and its functions must be known.

TensorFlow runs functions of it while loading, and what else it calls while converting.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from edgecnn.errors import ModelError
from edgecnn.gate.allowed import LOOP_OPS, OPS, SAVING_OPS
from edgecnn.gate.config import refusal, shown
from edgecnn.tf import SavedModel

_RUN_BY_LOADING = ("_create_resource", "_initialize", "_destroy_resource")


def require_known_ops(content: bytes, source: Path) -> None:
    """Check a saved_model.pb.

    Args:
        content: its bytes.
        source: what messages call the SavedModel.

    Raises:
        ModelError: it is damaged, has an op that isn't allowed, or would run a loop.
    """
    try:
        model = SavedModel.FromString(content)
    except Exception as error:
        raise ModelError(f"{source} is no SavedModel: its saved_model.pb is damaged") from error
    by_objects = len(model.meta_graphs) == 1 and bool(model.meta_graphs[0].object_graph_def.nodes)
    for meta_graph in model.meta_graphs:
        _check(meta_graph, by_objects, source)


def _check(meta_graph: Any, by_objects: bool, source: Path) -> None:
    """Check one graph.

    Where TensorFlow loads it `by_objects`, it runs what those lead to; else, as TensorFlow 1 did, whatever
    the file tells it to.
    """
    functions: dict[str, list[Any]] = {}
    for function in meta_graph.graph_def.library.function:
        functions.setdefault(function.signature.name, []).extend(function.node_def)
    objects = meta_graph.object_graph_def
    run = _called(_named(objects, functions), functions) if by_objects else set(functions)
    _require(OPS, meta_graph.graph_def.node, "its graph", source)
    for name, nodes in functions.items():
        _require(OPS if name in run else OPS | SAVING_OPS, nodes, f"function {shown(name)}", source)
    executed = _called(_executed(objects), functions) if by_objects else set(functions)
    _refuse_loops([node for name in executed for node in functions[name]], source)
    if not by_objects:
        _refuse_loops(meta_graph.graph_def.node, source)


def _named(objects: Any, functions: Iterable[str]) -> Iterator[str]:
    """Yield the functions that the objects of a SavedModel name."""
    names = set(functions)
    yield from names.intersection(objects.concrete_functions)
    for node in objects.nodes:
        yield from names.intersection(node.function.concrete_functions)
        yield from names.intersection([node.bare_concrete_function.concrete_function_name])


def _executed(objects: Any) -> Iterator[str]:
    """Yield the functions that TensorFlow runs while it loads a SavedModel, and those that we call."""
    for node in objects.nodes:
        for child in node.children:
            if child.local_name in _RUN_BY_LOADING:
                yield from _functions_of(objects.nodes[child.node_id])
            if child.local_name == "signatures":
                for signature in objects.nodes[child.node_id].children:
                    yield from _functions_of(objects.nodes[signature.node_id])


def _functions_of(node: Any) -> Iterator[str]:
    yield from node.function.concrete_functions
    yield node.bare_concrete_function.concrete_function_name


def _refuse_loops(nodes: Iterable[Any], source: Path) -> None:
    for node in nodes:
        if node.op in LOOP_OPS:
            raise ModelError(
                f"{source}: {shown(node.name)} is a loop ({node.op}), as LSTM, GRU and tf.while_loop are, "
                "which may never end, and has no int8 form here; use convolutions over time"
            )


def _called(roots: Iterable[str], functions: dict[str, list[Any]]) -> set[str]:
    """Return `roots` and every function that they lead to."""
    found, waiting = set(), list(roots)
    while waiting:
        name = waiting.pop()
        if name not in found and name in functions:
            found.add(name)
            waiting += [called for node in functions[name] for called in _mentioned(node)]
    return found


def _mentioned(node: Any) -> Iterator[str]:
    """Yield the functions that an operator calls: by an attribute, or as an op of that name."""
    yield node.op
    for value in node.attr.values():
        yield value.func.name
        yield from (function.name for function in value.list.func)


def _require(allowed: frozenset[str], nodes: Iterable[Any], where: str, source: Path) -> None:
    for node in nodes:
        if node.op not in allowed:
            raise refusal(str(source), where, node.op)
