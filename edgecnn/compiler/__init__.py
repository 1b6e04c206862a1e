# SPDX-License-Identifier: Apache-2.0
"""From .tflite to C, without TensorFlow: `compile_tflite(path)` gives the texts and the plan."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgecnn.compiler.compile import CompiledModel as CompiledModel
    from edgecnn.compiler.compile import compile_tflite as compile_tflite

_LAZY = ("CompiledModel", "compile_tflite")


def supported_ops() -> list[str]:
    """Return the names of the ops that can be compiled, each of a file in ops/; none is loaded."""
    return sorted(path.stem.upper() for path in (Path(__file__).parent / "ops").glob("[a-z]*.py"))


def __getattr__(name: str) -> Any:
    """Load the compiler when it is asked for: whoever only reads a model needs none of it."""
    if name in _LAZY:
        from edgecnn.compiler import compile as module

        return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
