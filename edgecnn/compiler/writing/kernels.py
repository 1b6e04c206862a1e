# SPDX-License-Identifier: Apache-2.0
"""Takes the C files of kernels over into generated C: only what is used, under the model's name."""

import os
import re
from collections import Counter
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from edgecnn.compiler.kernel import Kernel

# What a block of a header defines: a function, a type, or a macro that only some kernels need.
_DEFINED = re.compile(
    r"\b(kernel_\w+\()|^(?:} |#define |typedef \w+ )(kernel_\w+|EDGECNN_(?!INLINE\b|\w*_H\b)\w+)",
    re.MULTILINE,
)
_FEW = 6  # operators, for which as many copies of a kernel are smaller than one, as measured on all cores
_INLINE, _ALWAYS = "EDGECNN_INLINE", "EDGECNN_INLINE_ALWAYS"
_INCLUDE = re.compile(r'#include "([\w./]+\.h)"\n')


def kernel_text(kernels: Iterable[Kernel], name: str, optimize: str) -> str:
    """Return the text of kernels, and of what they share, with names that start with `name`.

    Args:
        kernels: one for each operator.
        name: of the model.
        optimize: "speed" or "size".
    """
    uses = Counter(kernels)
    ordered = sorted(uses, key=lambda kernel: (kernel.file.name, kernel.file, kernel.key))
    few = {kernel for kernel in ordered if optimize == "size" and uses[kernel] <= _FEW}
    own = "\n\n".join(f"{kernel.struct()}\n{_code(kernel, kernel in few)}" for kernel in ordered)
    headers = dict.fromkeys(header for kernel in ordered for header in _headers_of(kernel))
    blocks = [block for header in headers for block in _read(header).split("\n\n")]
    shared: list[str] = []
    # What a helper calls comes before it in the headers, so one walk from the end finds all that is used.
    for block in reversed(blocks):
        defined = _DEFINED.search(block)
        if defined and re.search(rf"\b{re.escape(defined[1] or defined[2])}", own + "".join(shared)):
            shared.insert(0, block)
    if len(few) < len(ordered):  # where a kernel is shared, so are helpers that gain from constants
        shared = [block.replace(_ALWAYS, _INLINE) for block in shared]
    return re.sub(r"\bkernel_", f"{name}_", "\n\n".join([*shared, own])) + "\n"


def _code(kernel: Kernel, few: bool) -> str:
    """Return a kernel's functions; of one that is like another with its own name and its own primitives."""
    code = _INCLUDE.split(_read(kernel.file))[-1].strip()
    if few:
        code = code.replace(f"{_INLINE} ", f"{_ALWAYS} ")
    if not kernel.like:
        return code
    code = re.sub(rf"\bkernel_{kernel.origin.function}(?=\(|_)", f"kernel_{kernel.function}", code)
    own = re.findall(rf"\b(kernel_\w+)_{kernel.ending}\(", _read(kernel.header))
    return re.sub(rf"\b({'|'.join(own)})\(", rf"\1_{kernel.ending}(", code)


def _headers_of(kernel: Kernel) -> list[Path]:
    """Return the headers of a kernel, each behind those that it includes itself."""
    own = [*_headers(kernel.header), kernel.header] if kernel.like else []
    return [*_headers(kernel.file), *own]


def _headers(file: Path) -> list[Path]:
    """Return the headers that a file includes, each behind those that it includes itself."""
    included = [Path(os.path.normpath(file.parent / header)) for header in _INCLUDE.findall(_read(file))]
    return [header for header in included for header in (*_headers(header), header)]


@cache
def _read(file: Path) -> str:
    return file.read_text(encoding="ascii")
