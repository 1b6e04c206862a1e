# SPDX-License-Identifier: Apache-2.0
"""What fields of the .tflite schema mean, where the `tflite` package leaves that open or says it wrongly."""

import re
from collections.abc import Collection, Iterator
from functools import cache
from typing import Any, Protocol

import tflite
from flatbuffers.number_types import Int32Flags
from tflite.utils import BUILTIN_OPCODE2NAME

from edgecnn.compiler.ir import Stored

# The types whose values NumPy can hold.
DTYPES = {
    tflite.TensorType.FLOAT32: "float32",
    tflite.TensorType.FLOAT16: "float16",
    tflite.TensorType.INT32: "int32",
    tflite.TensorType.UINT8: "uint8",
    tflite.TensorType.INT64: "int64",
    tflite.TensorType.BOOL: "bool",
    tflite.TensorType.INT16: "int16",
    tflite.TensorType.INT8: "int8",
    tflite.TensorType.UINT32: "uint32",
    tflite.TensorType.FLOAT64: "float64",
}
_TYPE_NAMES = {
    value: name.lower() for name, value in vars(tflite.TensorType).items() if not name.startswith("_")
}
_TYPE_CODES = {name: value for value, name in (_TYPE_NAMES | DTYPES).items()}
_OPTIONS, _OPTIONS2 = (  # NONE has no class
    {value: getattr(tflite, name, None) for name, value in vars(union).items() if name[0] != "_"}
    for union in (tflite.BuiltinOptions, tflite.BuiltinOptions2)
)
# Options in a table that is not called after its op.
_TABLES = {
    "BATCH_MATMUL": "BatchMatMulOptions",
    "CONV_2D": "Conv2DOptions",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions",
    "MAX_POOL_2D": "Pool2DOptions",
    "AVERAGE_POOL_2D": "Pool2DOptions",
    "PADV2": "PadV2Options",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "UnidirectionalSequenceLSTMOptions",
    "L2_NORMALIZATION": "L2NormOptions",
    "SPACE_TO_BATCH_ND": "SpaceToBatchNDOptions",
    "BATCH_TO_SPACE_ND": "BatchToSpaceNDOptions",
    **dict.fromkeys(("MINIMUM", "MAXIMUM"), "MaximumMinimumOptions"),
    **dict.fromkeys(("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD"), "ReducerOptions"),
}
# The first version of an op that takes int8, where it isn't the second.
_VERSIONS = {
    **dict.fromkeys(("ELU", "RELU_0_TO_1", "RELU_N1_TO_1", "PRELU", "HARD_SWISH"), 1),
    **dict.fromkeys(("RESHAPE", "SQUEEZE", "EXPAND_DIMS", "SHAPE", "DEPTH_TO_SPACE"), 1),
    **dict.fromkeys(("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV"), 3),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": 1,
    **dict.fromkeys(("CALL_ONCE", "VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE"), 1),
    **dict.fromkeys(("RESIZE_NEAREST_NEIGHBOR", "RESIZE_BILINEAR"), 3),
    "FULLY_CONNECTED": 5,
}
_NUMBERS = {name: number for number, name in BUILTIN_OPCODE2NAME.items()}
# Methods of tflite::MicroMutableOpResolver whose names don't follow from the op's.
_MICRO_NAMES = {
    "BATCH_MATMUL": "BatchMatMul",
    "CUMSUM": "CumSum",
    "PADV2": "PadV2",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "UnidirectionalSequenceLSTM",
}
NAMELESS = "UNKNOWN_"  # what an op is called, before its number, that is newer than the schema
_NAMELESS_TYPE = "type_"
_BUILTIN_CODE = 10  # its place in the vtable of OperatorCode


class Length(Protocol):
    """What checks that a vector of so many entries, of so many bytes each, fits a file."""

    def __call__(self, count: int, size: int = 4) -> int:
        """Return `count`, or raise ModelError."""


def text(value: bytes | None) -> str:
    """Return a string of the schema; what is no UTF-8 in it is replaced."""
    return (value or b"").decode("utf-8", errors="replace")


def type_name(code: int) -> str:
    """Return the name of a tensor's type, as NumPy calls it where it knows it, or "type_99"."""
    return DTYPES.get(code) or _TYPE_NAMES.get(code, f"{_NAMELESS_TYPE}{code}")


def op_name(code: Any) -> str:
    """Return the op of an OperatorCode: CONV_2D, CUSTOM:its name, or UNKNOWN_ and its number."""
    number = _builtin_code(code)
    if number == tflite.BuiltinOperator.CUSTOM:
        return f"CUSTOM:{text(code.CustomCode())}"
    return str(BUILTIN_OPCODE2NAME.get(number, f"{NAMELESS}{number}"))


def _builtin_code(code: Any) -> int:
    """Return the number of an op: the larger of two fields, as TFLite takes it.

    Files from before there were more than 127 ops have the deprecated one alone, some later ones the other.
    The `tflite` package's BuiltinCode() answers with the deprecated field below 127, so this reads the bytes.
    """
    table = code._tab
    position = table.Offset(_BUILTIN_CODE)
    number = table.Get(Int32Flags, table.Pos + position) if position else 0
    return max(int(number), int(code.DeprecatedBuiltinCode()))


def op_code(op: str) -> tuple[int, str]:
    """Return the number of an op that `op_name` names, and the name of one that is somebody's own."""
    if op.startswith("CUSTOM:"):
        return int(tflite.BuiltinOperator.CUSTOM), op.removeprefix("CUSTOM:")
    number = op.removeprefix(NAMELESS)
    return int(number) if number.isdecimal() else _NUMBERS[op], ""


def type_code(name: str) -> int:
    """Return the number of a tensor's type that `type_name` names."""
    return _TYPE_CODES[name] if name in _TYPE_CODES else int(name.removeprefix(_NAMELESS_TYPE))


def version_of(op: str, dtypes: Collection[str]) -> int:
    """Return the least version of an op that takes tensors of such types."""
    return _VERSIONS.get(op, 2) if {"int8", "int16"}.intersection(dtypes) else 1


def table_of(op: str) -> str:
    """Return the name of the table that holds the options of an op; empty where the schema has none."""
    words = "".join(word.capitalize() for word in op.split("_"))
    name = _TABLES.get(op, f"{words}Options")
    return name if hasattr(tflite.BuiltinOptions, name) or hasattr(tflite.BuiltinOptions2, name) else ""


def micro_name(op: str) -> str:
    """Return what TensorFlow Lite Micro calls an op: Conv2D."""
    return _MICRO_NAMES.get(op) or "".join(word[:1] + _lower(word[1:]) for word in op.split("_"))


def _lower(rest: str) -> str:
    """Lower a word's letters but those of 2D and 3D."""
    return rest if rest == "D" else rest.lower()


def numbers_of(operator: Any) -> dict[str, int | float | bool]:
    """Return the options of an operator that are one number, by snake-case names, whichever op it is."""
    values = {
        snake: getattr(table, name)()
        for table in _tables(operator)
        for snake, name in _single_fields(table.__class__).items()
    }
    return {name: value for name, value in values.items() if isinstance(value, int | float)}  # or a string


def stored_of(operator: Any, code: Any, length: Length) -> Stored:
    """Return what a file says of an operator with an OperatorCode, but for its options that are one number.

    `length` checks those of vectors.
    """
    tables = _tables(operator)
    size = length(operator.CustomOptionsLength(), 1)
    return Stored(
        int(code.Version()),
        tables[0].__class__.__name__ if tables else "",
        lists={name: value for table in tables for name, value in _lists(table, length)},
        custom=operator.CustomOptionsAsNumpy().tobytes() if size else b"",
    )


def unkept(operator: Any) -> str:
    """Return what a file says of an operator that neither its options nor `stored_of` hold; "" if nothing."""
    types = operator.BuiltinOptionsType(), operator.BuiltinOptions2Type()
    if all(types) or types[0] not in _OPTIONS or types[1] not in _OPTIONS2:
        return "options that are newer than edgecnn's schema"
    if operator.MutatingVariableInputsLength():
        return "tensors of its own"
    return "custom options in another place" if operator.LargeCustomOptionsSize() else ""


def _tables(operator: Any) -> list[Any]:
    """Return the tables with the options of an operator, of which a sound file has one or none."""
    stored = (
        (operator.BuiltinOptions(), _OPTIONS.get(operator.BuiltinOptionsType())),
        (operator.BuiltinOptions2(), _OPTIONS2.get(operator.BuiltinOptions2Type())),
    )
    tables = []
    for union, schema in stored:
        if union is not None and schema:
            tables.append(schema())
            tables[-1].Init(union.Bytes, union.Pos)
    return tables


def _lists(table: Any, length: Length) -> Iterator[tuple[str, tuple[str, bytes]]]:
    """Yield the options in a table that are vectors or texts, as `Stored.lists` has them."""
    for snake, name in _vector_fields(table.__class__).items():
        if length(getattr(table, f"{name}Length")()):
            values = getattr(table, f"{name}AsNumpy")()
            yield snake, (values.dtype.name, values.tobytes())
    for snake, name in _single_fields(table.__class__).items():
        if isinstance(value := getattr(table, name)(), bytes):
            length(len(value), 1)
            yield snake, ("", value)


def field_names(schema: Any) -> dict[str, str]:
    """Return what the schema calls the fields of a class, by names in snake case."""
    return _single_fields(schema) | _vector_fields(schema)


@cache
def _single_fields(schema: Any) -> dict[str, str]:
    """Return the fields that hold one value; the methods that read them take nothing but self."""
    return {
        _snake(name): name
        for name, method in vars(schema).items()
        if name[0].isupper()
        and not name.endswith(("AsNumpy", "Length", "IsNone"))
        and callable(method)
        and method.__code__.co_argcount == 1
    }


@cache
def _vector_fields(schema: Any) -> dict[str, str]:
    names = (name.removesuffix("AsNumpy") for name in vars(schema) if name.endswith("AsNumpy"))
    return {_snake(name): name for name in names}


def _snake(name: str) -> str:
    """Return DilationHFactor as dilation_h_factor."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
