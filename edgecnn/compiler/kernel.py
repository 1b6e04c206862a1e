# SPDX-License-Identifier: Apache-2.0
"""What a kernel says of itself: its key, the types that it serves, and its parameters, each declared once.

Of the declaration follow the struct in C, its initialisers, what of it lies in NAME_weights.bin, and within
which limits. A kernel for an instruction set or other types takes a declaration over, and adds to it:

    CONV_2D.but(Line.plan("int16_t chunk", "groups at once"), isa="dsp", without="pool_stride_w")
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_ROOT = Path(__file__).parent
_COLUMNS = 120  # of a line of C
PORTABLE = "c99"  # the instruction set of kernels in ops/
PACKED = "s8w4"  # the types of int8 activations, and weights of four bits of which two lie in a byte

Params = Mapping[str, "int | NDArray[np.generic]"]
Limits = tuple[int, int]

ANY = ("any",)  # what a kernel serves that only moves bytes
INT8, INT16 = (-128, 127), (-32768, 32767)  # zero points, and bounds of activations
OFFSET = (-127, 128)  # zero points that are subtracted
MULTIPLIER, SHIFT = (0, (1 << 31) - 1), (-31, 30)
FLAG = (0, 1)


class Role(Enum):
    """Where the value of a parameter comes from."""

    SHAPE = "the architecture"
    TRAINED = "training: with weights apart from the code it lies in their file, and keeps within limits"
    TABLE = "the op itself"
    PLAN = "a choice of ours: with weights apart from the code the one that suits every training"


@dataclass(frozen=True)
class Line:
    """A line of a kernel's struct: fields of one type and role.

    Attributes:
        ctype: of a number, or of the numbers of a table.
        limits: of trained numbers, or what makes them of the parameters: it may know no trained one.
        holds: what has to hold of a trained table, as the name of a check in `writing/weights.py`.
        optional: whether the field may be left out, which makes it NULL in C.
    """

    role: Role
    ctype: str
    names: tuple[str, ...]
    is_table: bool
    comment: str = ""
    limits: Limits | Callable[[Params], Limits] = (0, 0)
    holds: str = ""
    optional: bool = False

    @staticmethod
    def _of(role: Role, text: str, comment: str, **more: Any) -> "Line":
        parts = re.fullmatch(r"(const )?(u?int\d+_t) ([\w*, ]+)", text)
        assert parts is not None, f"{text} is no line of a struct"
        return Line(role, parts[2], tuple(re.findall(r"\w+", parts[3])), bool(parts[1]), comment, **more)

    @staticmethod
    def shape(text: str, comment: str = "") -> "Line":
        """Declare fields that follow from the architecture: `Line.shape("int16_t in_w, in_c")`."""
        return Line._of(Role.SHAPE, text, comment)

    @staticmethod
    def trained(
        text: str,
        comment: str = "",
        limits: Limits | Callable[[Params], Limits] = (0, 0),
        holds: str = "",
    ) -> "Line":
        """Declare fields that training changes: numbers within limits, or tables."""
        return Line._of(Role.TRAINED, text, comment, limits=limits, holds=holds)

    @staticmethod
    def table(text: str, comment: str = "", *, optional: bool = False) -> "Line":
        """Declare tables that no training changes."""
        return Line._of(Role.TABLE, text, comment, optional=optional)

    @staticmethod
    def plan(text: str, comment: str = "") -> "Line":
        """Declare fields that we choose, as block sizes."""
        return Line._of(Role.PLAN, text, comment)

    @property
    def text(self) -> str:
        """The line in C, without its comment."""
        kind, star = (f"const {self.ctype}", "*") if self.is_table else (self.ctype, "")
        return f"{kind} {', '.join(star + name for name in self.names)};"

    def limits_in(self, params: Params) -> Limits:
        """Return the least and the largest value of a trained number, beside its step's other parameters."""
        return self.limits(params) if callable(self.limits) else self.limits

    def takes(self, value: object) -> bool:
        """Tell whether a value is of this line's type."""
        dtype = np.dtype(self.ctype.removesuffix("_t"))
        if self.is_table:
            return isinstance(value, np.ndarray) and value.dtype == dtype
        return type(value) is int and np.iinfo(dtype).min <= value <= np.iinfo(dtype).max


@dataclass(frozen=True)
class Sums:
    """In which fields lies what makes outputs of a kernel's sums: one bias a channel, and one scale or more.

    `stride` is how far apart biases and multipliers lie; with 2 they are pairs in one table. `general` is a
    flag of `short_scale.h`, and `wide` one that says whether sums have 64 bits.
    """

    bias: str = "bias"
    multiplier: str = "multiplier"
    shift: str = "shift"
    stride: int = 1
    general: str = ""
    wide: str = ""


@dataclass(frozen=True)
class Kernel:
    """A kernel in C.

    Attributes:
        name: what it computes.
        lines: its parameters.
        types: over which types; int8 over int8 is the unmarked case.
        isa: for which instruction set; none for portable C.
        like: the instruction set, "c99" for portable C, whose C over int8 this kernel has, where it differs
            by primitives alone: `kernel_dot_neon` of its room's header then takes the place of `kernel_dot`,
            or over weights of four bits `kernel_dot_s8w4`.
        over: the types of the activations that it serves, where `types` doesn't say.
        sums: where it keeps what scales its sums, if TensorFlow Lite's arithmetic in full does.
    """

    name: str
    lines: tuple[Line, ...] = ()
    types: str = ""
    isa: str = ""
    like: str = ""
    over: tuple[str, ...] = ()
    sums: Sums | None = None

    def __post_init__(self) -> None:
        """Order the lines so that a struct has no gaps: numbers of 32 bits, others, tables."""
        ordered = sorted(self.lines, key=lambda line: 2 if line.is_table else line.ctype != "int32_t")
        object.__setattr__(self, "lines", tuple(ordered))

    def but(self, *lines: Line, without: str = "", **changes: Any) -> "Kernel":
        """Return this kernel with other lines, `without` some fields, and with other attributes.

        A field that is declared anew takes the place of the old one.
        """
        gone = {*without.split(), *(name for line in lines for name in line.names)}
        kept = (replace(line, names=tuple(n for n in line.names if n not in gone)) for line in self.lines)
        merged = (*(line for line in kept if line.names), *lines)
        return replace(self, lines=merged, **changes)

    @property
    def key(self) -> str:
        """What tells the kernel from all others: `conv_2d`, `conv_2d.s16`, `conv_2d.dsp`."""
        return ".".join(part for part in (self.name, self.types, self.isa) if part)

    @property
    def function(self) -> str:
        """The name of the kernel in C."""
        return self.key.replace(".", "_")

    @property
    def origin(self) -> "Kernel":
        """The kernel whose C this one has: itself, or what it is like."""
        isa = "" if self.like == PORTABLE else self.like
        return replace(self, isa=isa, types="", like="") if self.like else self

    @property
    def file(self) -> Path:
        """The C file of the kernel: its key, or that of what it is like, is the file's place and name."""
        origin = self.origin
        return origin._room / f"{self.name}{f'.{origin.types}' if origin.types else ''}.c"

    @property
    def narrow(self) -> bool:
        """Whether the weights have four bits."""
        return self.types == PACKED

    @property
    def ending(self) -> str:
        """How the names of those primitives end that take the place of what the kernel is like."""
        return self.types or self.isa

    @property
    def header(self) -> Path:
        """The header that has them."""
        return self._room / f"{self.ending}.h"

    @property
    def _room(self) -> Path:
        return _ROOT / "isa" / self.isa if self.isa else _ROOT / "ops"

    @property
    def activations(self) -> tuple[str, ...]:
        """The types of activations that the kernel serves: those of `s16` are int16, of `s8w4` int8."""
        bits = re.match(r"s(\d+)", self.types or "s8")
        assert bits is not None, f"{self.key} names no type"
        return self.over or (f"int{bits[1]}",)

    def serves(self, dtype: str) -> bool:
        """Tell whether the kernel serves activations of a type."""
        return self.activations == ANY or dtype in self.activations

    def fields(self, params: Params) -> Iterator[tuple[Line, str, "int | NDArray[np.generic]"]]:
        """Yield the line, name and value of each field that is given, in the order of the struct."""
        for line in self.lines:
            yield from ((line, name, params[name]) for name in line.names if name in params)

    def take(self, params: Params, **own: "int | NDArray[np.generic]") -> Params:
        """Return what another kernel's parameters have for this one, with this one's own."""
        names = [name for line in self.lines for name in line.names]
        return {name: params[name] for name in names if name in params} | own

    def check(self, params: Params) -> None:
        """Check that parameters are those that are declared.

        Raises:
            TypeError: one lacks, is not known, or is of another type: a mistake of whoever lowers an op.
        """
        lines = {name: line for line in self.lines for name in line.names}
        lacking = [name for name, line in lines.items() if name not in params and not line.optional]
        unknown = [name for name in params if name not in lines]
        wrong = [name for name, line in lines.items() if name in params and not line.takes(params[name])]
        for names, fault in ((lacking, "lacks"), (unknown, "doesn't know"), (wrong, "takes no such")):
            if names:
                raise TypeError(f"kernel {self.key} {fault} {', '.join(names)}")

    def struct(self) -> str:
        """Return the C of the parameters' type, the comments of neighbouring lines below each other."""
        text: list[str] = []
        for number, line in enumerate(self.lines):
            declared = line.text.ljust(self._width(number))
            if not line.comment:
                text.append(line.text)
            elif len(f"    {declared} /* {line.comment} */") <= _COLUMNS:
                text.append(f"{declared} /* {line.comment} */")
            else:
                text += [f"/* {line.comment} */", line.text]
        body = "".join(f"    {line}\n" for line in text)
        return f"typedef struct {{\n{body}}} kernel_{self.function}_params;\n"

    def _width(self, number: int) -> int:
        """Return the width of the widest of the lines with comments around one."""
        first, end = number, number + 1
        while first > 0 and self.lines[first - 1].comment:
            first -= 1
        while end < len(self.lines) and self.lines[end].comment:
            end += 1
        return max(len(line.text) for line in self.lines[first:end])


def serving(dtype: str, *kernels: Kernel) -> Kernel:
    """Return which of some kernels serves activations of a type; the first where none does."""
    return next((kernel for kernel in kernels if kernel.serves(dtype)), kernels[0])
