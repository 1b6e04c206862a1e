# SPDX-License-Identifier: Apache-2.0
"""Between the options of a .tflite file and the compiler's: names and words, for reading and writing."""

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

from edgecnn.compiler import ops
from edgecnn.compiler.ir import Graph, Operator, Options, OtherOptions
from edgecnn.compiler.reading.schema import table_of
from edgecnn.errors import ModelError

Numbers = Mapping[str, int | float | bool]

# Where the compiler has another name; all others are the schema's in snake case.
_NAMES = {
    "fused_activation_function": "activation",
    "dilation_h_factor": "dilation_h",
    "dilation_w_factor": "dilation_w",
    "filter_height": "filter_h",
    "filter_width": "filter_w",
}
_SCHEMA_NAMES = {name: stored for stored, name in _NAMES.items()}
# What the schema's numbers mean.
_WORDS = {
    "padding": ("same", "valid"),
    "activation": ("none", "relu", "relu_n1_to_1", "relu6", "tanh", "sign_bit"),
}


def decoded(op: str, table: str, numbers: Numbers) -> tuple[Options, Numbers]:
    """Return the options of an op in the compiler's words, and those that it has no use for.

    They stay as they are where the op declares none, or the file has not all of them in the table of the op.
    """
    kind = getattr(ops.find(op), "OPTIONS", None)
    if kind is None:
        return OtherOptions(numbers), {}
    given = {_NAMES.get(name, name): value for name, value in numbers.items()}
    needed = _needed(kind)
    if not needed <= given.keys() or (needed and table != table_of(op)):
        return OtherOptions(numbers), {}
    rest = {name: value for name, value in numbers.items() if _NAMES.get(name, name) not in needed}
    return kind(**{name: _word(name, given[name]) for name in needed}), rest


def encoded(graph: Graph, operator: Operator) -> Numbers:
    """Return the options of an operator as a .tflite file has them.

    Raises:
        ModelError: a pass has set one for which there is no place.
    """
    if isinstance(operator.options, OtherOptions):
        return operator.options.values
    told = operator.options.told()
    if passed := sorted(told.keys() - _needed(type(operator.options))):
        raise ModelError(
            f'{graph.describe(operator)} has option "{passed[0]}", for which a .tflite file has no place'
        )
    numbers = {_SCHEMA_NAMES.get(name, name): _number(name, value) for name, value in told.items()}
    return {**numbers, **operator.stored.numbers}


def _needed(kind: type[Options]) -> set[str]:
    """Return the fields of options that a file has to fill."""
    return {each.name for each in fields(kind) if each.default is MISSING}


def _word(name: str, number: Any) -> Any:
    words = _WORDS.get(name, ())
    return words[number] if number in range(len(words)) else str(number) if words else number


def _number(name: str, word: Any) -> Any:
    words = _WORDS.get(name, ())
    return words.index(word) if word in words else int(word) if words else word
