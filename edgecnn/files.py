# SPDX-License-Identifier: Apache-2.0
"""Writing and hashing files, so that no half-written one is ever found."""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edgecnn.errors import EdgecnnError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`, which becomes `path` when the block ends well.

    The folder is made if need be. When the block raises, `path` is as it was.

    Raises:
        EdgecnnError: the folder can't be made or written to, or is full.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # A folder of its own keeps the suffix, which Keras and Pillow choose the format by.
        with tempfile.TemporaryDirectory(
            prefix=".edgecnn-", dir=path.parent, ignore_cleanup_errors=True
        ) as folder:
            temporary = Path(folder) / path.name
            yield temporary
            os.replace(temporary, path)
    except FileExistsError as error:
        raise EdgecnnError(f"can't write {path}: {path.parent} is a file, not a folder") from error
    except OSError as error:
        raise EdgecnnError(f"can't write {path}: {error.strerror or error}") from error


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path`, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` as UTF-8, whole or not at all."""
    write_bytes(path, text.encode())


def write_texts(folder: Path, texts: Mapping[str, str]) -> list[Path]:
    """Write the text of each file in `folder`, given by its path there, and return their paths."""
    for file, text in texts.items():
        write_text(folder / file, text)
    return [folder / file for file in texts]


def write_json(path: Path, value: Any) -> None:
    """Write `value` to `path` as indented JSON, whole or not at all. NaN is refused: it isn't JSON."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
