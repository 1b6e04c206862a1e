# SPDX-License-Identifier: Apache-2.0
"""Weights apart from the code: NAME_weights.bin, which can be replaced in the field, and how NAME.c reads it.

Everything that training changes goes into the file: tables, and those numbers of the parameter structs that
come from quantization. Everything else stays in the code, so that the C compiler can specialise kernels; a
hash of it, the ABI, is in both, so that code never runs on weights that were made for other code.

    bytes       little-endian, the file aligned to 16
    0           magic, "ECNN"
    4           ABI: the first 32 bits of the SHA-256 of all code and tables that are not in the file
    8           version, which the maker of an update counts up
    12          bytes of the whole file
    16          the first 32 bits of the model's SHA-256
    20, 24      0
    28          CRC-32 (zlib's) of all bytes but these four
    32          tables and numbers, each filled up to a multiple of 16 bytes

The CRC finds damage, not malice: sign updates where they come over a network. What passes the check runs
without harm, whoever made it: each value is one for which the C is defined (`kernel.py`, `sums.py`).
"""

import hashlib
import re
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler.kernel import Limits, Line
from edgecnn.compiler.steps import Step
from edgecnn.compiler.writing.arrays import CTYPES, table
from edgecnn.compiler.writing.sums import SumLimits
from edgecnn.errors import ModelError

_MAGIC = b"ECNN"
_HEADER = struct.Struct("<4s7I")
_ALIGN = 16


@dataclass
class Weights:
    """What goes into NAME_weights.bin, gathered while NAME.c is written."""

    name: str
    tables: dict[str, NDArray[np.generic]] = field(default_factory=dict)
    numbers: list[int] = field(default_factory=list)
    limits: list[Limits] = field(default_factory=list)  # of each number
    conditions: list[str] = field(default_factory=list)  # in C, of the tables
    helpers: set[str] = field(default_factory=set)  # the functions of those
    general: str = ""  # the C of the last `general_scale`
    abi: int = 0  # known once NAME.c is written

    def number(self, step: Step, line: Line, name: str, value: int) -> str:
        """Put a trained number of a step's parameters here, and return the C that reads it.

        Raises:
            ModelError: it is none for which the C is defined.
        """
        sums, (least, most) = step.kernel.sums, line.limits_in(step.params)
        general = sums is not None and name == sums.general
        if sums is not None and general:  # as every training may need it
            value = int(value or not SumLimits.of(sums, step.params).simple())
        if not least <= value <= most:
            raise ModelError(
                f"{_title(step)}: its {name} is {value}; with weights apart from the code {least} to "
                f"{most} are allowed; convert the model anew, or keep the weights inside"
            )
        self.numbers.append(value)
        self.limits.append((least, most))
        place = f"weights->numbers[{len(self.numbers) - 1}]"
        if general:
            self.general = place
        return place if line.ctype == "int32_t" else f"({line.ctype}){place}"

    def table(self, name: str, values: NDArray[np.generic]) -> str:
        """Put a table here, and return the C that makes its name stand for its place."""
        self.tables[name] = values
        return f"#define {name} (weights->{self._member(name)})\n"

    def require(self, base: str, step: Step) -> None:
        """Put down what has to hold of the tables of a step, whose names begin with `base`.

        Raises:
            ModelError: it doesn't hold of the model's own.
        """
        for line, name, value in step.kernel.fields(step.params):
            if line.holds:
                self._demand(line.holds, f"({base}_{name}, {np.size(value)})")
        sums = step.kernel.sums
        if sums is None:
            return
        limits = SumLimits.of(sums, step.params)
        if not limits.fit():
            raise ModelError(
                f"{_title(step)}: its sums can leave {48 if limits.wide else 32} bits once others take "
                "the place of its weights; keep the weights inside the code"
            )
        pair = " + 1" if sums.stride > 1 else ""
        tables = f"{base}_{sums.bias}, {base}_{sums.multiplier}{pair}, {base}_{sums.shift}"
        counts = f"{limits.bias.size}, {limits.multiplier.size}"
        if limits.wide:
            self._demand("wide_sums", f"({tables}, {counts}, {step.params[sums.wide]})")
            return
        general = self.general if sums.general else "1"
        ending = "" if limits.shift.dtype == np.int8 else "_s32"
        self._demand(f"sums{ending}", f"({tables}, {counts}, {sums.stride}, {limits.reach}u, {general})")

    def _demand(self, helper: str, arguments: str) -> None:
        self.helpers.add(helper)
        self.conditions.append(f"{self.name}_{helper}_hold{arguments}")

    def pointer(self) -> str:
        """Return the C statement that the macros of tables and numbers rely on, if there are any."""
        if not self.tables and not self.numbers:
            return ""
        return (
            f"    const {self.name}_weights_t *const weights = (const {self.name}_weights_t *)nn->weights;\n"
        )

    def definition(self) -> str:
        """Return the C of the struct that lies behind the header of the file."""
        sizes = {name: len(_filled(values)) for name, values in self._members()}
        members = "".join(
            f"    {CTYPES[values.dtype.name]} {self._member(name)}[{sizes[name] // values.itemsize}];\n"
            for name, values in self._members()
        )
        size = sum(sizes.values())
        return _STRUCT.format(name=self.name, members=members, size=size)

    def check(self, prefix: str, code: Sequence[str]) -> str:
        """Return the C that accepts or refuses the bytes of a file for this code.

        Args:
            prefix: of the model's names.
            code: all text and facts that weights have to be made for; comments in it don't count.
        """
        text = re.sub(r"/\*.*?\*/", "", "\0".join([*code, self.definition()]), flags=re.DOTALL)
        self.abi = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little")
        words = {"name": self.name, "prefix": prefix, "PREFIX": prefix.upper(), "abi": f"{self.abi:08x}"}
        return self._holds() + _CHECK.format(**words)

    def _holds(self) -> str:
        """Return the C that tells whether all values are such that the rest of the C is defined."""
        limits = self.limits or [(0, 0)]
        kinds = sorted(set(limits))
        helpers = "".join(
            text.format(name=self.name) for key, text in _HELPERS.items() if key in self.helpers
        )
        text = table(f"{self.name}_limits", np.array(kinds, np.int32))
        text += table(f"{self.name}_kinds", np.array([kinds.index(pair) for pair in limits], np.uint8))
        conditions = "".join(f" &&\n           {condition}" for condition in self.conditions)
        return helpers + text + _HOLD.format(name=self.name, conditions=conditions)

    def blob(self, version: int, sha256: str) -> bytes:
        """Return the bytes of NAME_weights.bin, once NAME.c is written.

        Args:
            version: a number that is higher for each update.
            sha256: of the model, in hexadecimal.
        """
        payload = b"".join(_filled(values) for _, values in self._members())
        size, model_id = _HEADER.size + len(payload), int(sha256[:8], 16)
        head = _HEADER.pack(_MAGIC, self.abi, version, size, model_id, 0, 0, 0)[:-4]
        return head + struct.pack("<I", zlib.crc32(head + payload)) + payload

    def _member(self, name: str) -> str:
        return name.removeprefix(f"{self.name}_")

    def _members(self) -> Iterator[tuple[str, NDArray[np.generic]]]:
        yield from self.tables.items()
        yield f"{self.name}_numbers", np.array(self.numbers or [0], np.int32)


def _title(step: Step) -> str:
    return f"{step.operator.op} (operator {step.operator.index})"


def _filled(values: NDArray[np.generic]) -> bytes:
    data = values.astype(values.dtype.newbyteorder("<")).tobytes()
    return data + bytes(-len(data) % _ALIGN)


# What NAME.c has in the places where its template names weights.
WEIGHTS_INSIDE = {f"weights_{place}": "" for place in ("kept", "back", "check", "given", "taken", "set")}


def weights_apart(prefix: str) -> dict[str, str]:
    """Return the same for weights in a file; "check" is made when all else is."""
    return {
        **WEIGHTS_INSIDE,
        "weights_kept": "    const void *const weights = nn->weights;\n",
        "weights_back": "    nn->weights = weights;\n",
        "weights_given": ", const void *weights, size_t weights_size",
        "weights_taken": f"    const int refused = {prefix}_check_weights(weights, weights_size, 0);\n"
        "    if (refused != 0) {\n        return refused;\n    }\n",
        "weights_set": "    nn->weights = (const uint8_t *)weights + 32;\n",
    }


_STRUCT = """\
/* What lies behind the header of {name}_weights.bin. */
typedef struct {{
{members}}} {name}_weights_t;

typedef char {name}_weights_have_no_gaps[sizeof({name}_weights_t) == {size} ? 1 : -1];

"""

_SUMS = """\
/* No sum leaves 32 bits, whatever is added to its bias; where no scale is general, the short way will do. */
#if defined(__GNUC__)
__attribute__((noinline))
#endif
static int {{name}}_sums{ending}_hold(const int32_t *bias, const int32_t *multiplier,
    const {shift} *shift, int sums, int scales, int stride, uint32_t reach, int general)
{{{{
    const uint32_t most = (general ? INT32_MAX : (1u << 30) - 1u) - reach;
    const int least = general ? -31 : -21, last = general ? 30 : -1;
    int hold = 1;
    for (int i = 0; i < sums; ++i, bias += stride) {{{{
        const int at = i % scales;
        hold &= (*bias < 0 ? 0u - (uint32_t)*bias : (uint32_t)*bias) <= most;
        hold &= multiplier[at * stride] >= 0 && shift[at] >= least && shift[at] <= last;
    }}}}
    return hold;
}}}}

"""

_HELPERS = {
    "exponentials": """\
/* The first is 1, so that no sum is 0, and none is negative. */
static int {name}_exponentials_hold(const int32_t *table, int count)
{{
    int hold = table[0] == INT32_MAX;
    for (int i = 0; i < count; ++i) {{
        hold &= table[i] >= 0;
    }}
    return hold;
}}

""",
    "sums": _SUMS.format(ending="", shift="int8_t"),
    "sums_s32": _SUMS.format(ending="_s32", shift="int32_t"),
    "wide_sums": """\
/* Sums of 64 bits stay within 48, times 15; where they wrap to 32 bits, any bias will do. */
static int {name}_wide_sums_hold(const int64_t *bias, const int32_t *multiplier, const int8_t *shift,
    int sums, int scales, int wide)
{{
    int hold = 1;
    for (int i = 0; i < sums; ++i) {{
        const int at = i % scales;
        hold &= bias[i] > -((int64_t)1 << 47) && bias[i] < (int64_t)1 << 47;
        hold &= multiplier[at] >= 0 && multiplier[at] <= (wide ? 32767 : INT32_MAX);
        hold &= shift[at] >= -31 && shift[at] <= (wide ? 14 : 30);
    }}
    return hold;
}}

""",
}

_HOLD = """\

/* Tells whether each value is one for which the code is defined. */
static int {name}_values_hold(const {name}_weights_t *weights)
{{
    for (size_t i = 0; i < sizeof {name}_kinds; ++i) {{
        const int32_t *const limits = {name}_limits + 2 * {name}_kinds[i];
        if (weights->numbers[i] < limits[0] || weights->numbers[i] > limits[1]) {{
            return 0;
        }}
    }}
    return 1{conditions};
}}

"""

_CHECK = """\
enum {{ {name}_HEADER_SIZE = 32, {name}_CRC_AT = 28 }};

static uint32_t {name}_weights_word(const uint8_t *at)
{{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}}

/* Goes on with a CRC-32 that began with 0xffffffff, four bits at a time. */
static uint32_t {name}_weights_crc(uint32_t crc, const uint8_t *bytes, size_t count)
{{
    static const uint32_t table[16] = {{
        0x00000000u, 0x1db71064u, 0x3b6e20c8u, 0x26d930acu, 0x76dc4190u, 0x6b6b51f4u, 0x4db26158u,
        0x5005713cu, 0xedb88320u, 0xf00f9344u, 0xd6d6a3e8u, 0xcb61b38cu, 0x9b64c2b0u, 0x86d3d2d4u,
        0xa00ae278u, 0xbdbdf21cu}};
    for (size_t i = 0; i < count; ++i) {{
        crc ^= bytes[i];
        crc = crc >> 4 ^ table[crc & 15u];
        crc = crc >> 4 ^ table[crc & 15u];
    }}
    return crc;
}}

int {prefix}_check_weights(const void *weights, size_t size, uint32_t oldest)
{{
    const uint8_t *const bytes = (const uint8_t *)weights;
    uint32_t crc, stated;
    if (weights == NULL || (uintptr_t)weights % 16u != 0u) {{
        return {PREFIX}_WEIGHTS_ABSENT;
    }}
#ifdef {PREFIX}_VERIFY
    {{
        const size_t verified = {PREFIX}_VERIFY(weights, size);
        if (verified == 0 || verified > size) {{
            return {PREFIX}_WEIGHTS_UNVERIFIED;
        }}
        size = verified; /* what is behind them counts as not there */
    }}
#endif
    if (size < {name}_HEADER_SIZE || memcmp(bytes, "ECNN", 4) != 0) {{
        return {PREFIX}_WEIGHTS_ABSENT;
    }}
    stated = {name}_weights_word(bytes + 12);
    if (stated > size) {{
        return {PREFIX}_WEIGHTS_TRUNCATED;
    }}
    if (stated < {name}_HEADER_SIZE) {{
        return {PREFIX}_WEIGHTS_DAMAGED;
    }}
    crc = {name}_weights_crc(0xffffffffu, bytes, {name}_CRC_AT);
    crc = ~{name}_weights_crc(crc, bytes + {name}_HEADER_SIZE, stated - {name}_HEADER_SIZE);
    if (crc != {name}_weights_word(bytes + {name}_CRC_AT)) {{
        return {PREFIX}_WEIGHTS_DAMAGED;
    }}
    if ({name}_weights_word(bytes + 4) != 0x{abi}u /* the ABI of this code */ ||
        stated != {name}_HEADER_SIZE + sizeof({name}_weights_t)) {{
        return {PREFIX}_WEIGHTS_FOREIGN;
    }}
    if (!{name}_values_hold((const {name}_weights_t *)(const void *)(bytes + {name}_HEADER_SIZE))) {{
        return {PREFIX}_WEIGHTS_OUT_OF_RANGE;
    }}
    return {name}_weights_word(bytes + 8) < oldest ? {PREFIX}_WEIGHTS_OLDER : 0;
}}

uint32_t {prefix}_weights_version(const void *weights)
{{
    return {name}_weights_word((const uint8_t *)weights + 8);
}}

"""

DECLARATIONS = """\
/* Why weights are refused. */
enum {{
    {PREFIX}_WEIGHTS_ABSENT = -2,    /* no such file there, or not aligned to 16 */
    {PREFIX}_WEIGHTS_TRUNCATED = -3, /* shorter than it says */
    {PREFIX}_WEIGHTS_DAMAGED = -4,   /* the CRC is wrong */
    {PREFIX}_WEIGHTS_FOREIGN = -5,   /* made for other code than this */
    {PREFIX}_WEIGHTS_OLDER = -6,     /* than the oldest version allowed */
    {PREFIX}_WEIGHTS_OUT_OF_RANGE = -7, /* with numbers that no training makes */
    {PREFIX}_WEIGHTS_UNVERIFIED = -8 /* by the function below */
}};

/* For a signature: compile all files with -D{PREFIX}_VERIFY=my_function, which is then called before a byte
 * of a file is read, by `init` as well. It returns how many bytes are genuine, from the first on: the others
 * (the signature itself) are not read; 0 for none.
 */
#ifdef {PREFIX}_VERIFY
size_t {PREFIX}_VERIFY(const void *weights, size_t size);
#endif

/* Returns 0 if the bytes of {name}_weights.bin are whole, made for this code, and not older than version
 * `oldest`; else one of the numbers above. Weights that pass do no harm, whoever made them, as long as their
 * bytes stay as they are; that they are yours, only a signature tells: the CRC finds damage, not malice.
 */
int {prefix}_check_weights(const void *weights, size_t size, uint32_t oldest);

/* Returns the version of weights that were checked. */
uint32_t {prefix}_weights_version(const void *weights);

/* Returns 0, -1 when the arena is NULL, too small or misaligned, or what `check_weights` says with oldest 0.
 * The weights are read where they lie, in flash or RAM, as long as the model runs.
 */
int {prefix}_init({prefix}_t *nn, void *arena, size_t arena_size, const void *weights,
    size_t weights_size);"""
