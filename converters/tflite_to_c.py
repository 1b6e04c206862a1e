# SPDX-License-Identifier: Apache-2.0
"""A .tflite file as standalone C: no interpreter, no library, rows through rings."""

from collections.abc import Sequence
from pathlib import Path

from edgecnn.compiler.compile import compile_tflite


def write_c(
    folder: Path, model: bytes, name: str, labels: Sequence[str] = (), *, target: str = "c99"
) -> list[Path]:
    """Write NAME.h, NAME.c, NAME_test.h and NAME_test.c, with the smallest arena, into `folder`.

    Args:
        folder: where to; made if need be.
        model: the bytes of an int8 .tflite file.
        name: what every identifier and the files start with.
        labels: names of the classes; by default the model's own.
        target: a name from `targets.TARGETS`.

    Returns:
        The files written.

    Raises:
        ModelError: `model` is no .tflite file, has an operator that is not supported, or `name` can't
            prefix a C identifier.
    """
    return compile_tflite(model, name=name, labels=labels, target=target).write(folder)
