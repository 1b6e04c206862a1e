# SPDX-License-Identifier: Apache-2.0
"""What fields of the .tflite schema mean, where the `tflite` package leaves that open or says it wrongly."""

import re
from functools import cache
from typing import Any

import tflite
from flatbuffers.number_types import Int32Flags
from tflite.utils import BUILTIN_OPCODE2NAME

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
_OPTIONS, _OPTIONS2 = (
    {value: getattr(tflite, name, None) for name, value in vars(union).items() if name[0] != "_"}
    for union in (tflite.BuiltinOptions, tflite.BuiltinOptions2)
)
NAMELESS = "UNKNOWN_"  # what an op is called, before its number, that is newer than the schema
_BUILTIN_CODE = 10  # its place in the vtable of OperatorCode


def text(value: bytes | None) -> str:
    """Return a string of the schema; what is no UTF-8 in it is replaced."""
    return (value or b"").decode("utf-8", errors="replace")


def type_name(code: int) -> str:
    """Return the name of a tensor's type, as NumPy calls it where it knows it, or "type_99"."""
    return DTYPES.get(code) or _TYPE_NAMES.get(code, f"type_{code}")


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


def options_of(operator: Any) -> dict[str, int | float | bool]:
    """Return the options of an operator that are one number, by snake-case names, whichever op it is."""
    return {
        **_options(operator.BuiltinOptions(), _OPTIONS.get(operator.BuiltinOptionsType())),
        **_options(operator.BuiltinOptions2(), _OPTIONS2.get(operator.BuiltinOptions2Type())),
    }


def _options(table: Any, schema: Any) -> dict[str, int | float | bool]:
    if table is None or schema is None:
        return {}
    options = schema()
    options.Init(table.Bytes, table.Pos)
    values = {name: getattr(options, method)() for name, method in _fields(schema)}
    return {name: value for name, value in values.items() if isinstance(value, int | float)}  # or a string


@cache
def _fields(schema: Any) -> list[tuple[str, str]]:
    """Return the fields of a schema class that hold one value: names, and the methods that read them.

    Those methods take nothing but self.
    """
    return [
        (_snake(name), name)
        for name, method in vars(schema).items()
        if name[0].isupper()
        and not name.endswith(("AsNumpy", "Length", "IsNone"))
        and callable(method)
        and method.__code__.co_argcount == 1
    ]


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
