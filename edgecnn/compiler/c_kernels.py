# SPDX-License-Identifier: Apache-2.0
"""Takes the kernels of ops/*.c over into generated C: only what is used, under the model's name."""

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent / "ops"
_DEFINED = re.compile(r"(kernel_\w+)\(")


def kernel_text(kernels: Iterable[str], name: str) -> str:
    """Return the text of the kernels called so, and of what they share, with names that start with `name`."""
    own = "\n\n".join(_body(kernel) for kernel in sorted(set(kernels)) if kernel != "input")
    shared: list[str] = []
    # What a helper calls comes before it in kernel.h, so one walk from the end finds all that is used.
    for block in reversed(_helpers()):
        defined = _DEFINED.search(block)
        if defined and re.search(rf"\b{defined[1]}\b", own + "".join(shared)):
            shared.insert(0, block)
    return re.sub(r"\bkernel_", f"{name}_", "\n\n".join([*shared, own])) + "\n"


@cache
def _body(kernel: str) -> str:
    text = (_FOLDER / f"{kernel}.c").read_text(encoding="ascii")
    return text.split('#include "kernel.h"\n', maxsplit=1)[1].strip()


@cache
def _helpers() -> list[str]:
    return (_FOLDER / "kernel.h").read_text(encoding="ascii").split("\n\n")
