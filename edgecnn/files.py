# SPDX-License-Identifier: Apache-2.0
"""Reading files that end, and writing them so that no half-written one is ever found."""

import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edgecnn.errors import EdgecnnError

MOST_BYTES = (1 << 31) - 1  # of a file that is read as a whole; a flatbuffer can't be larger either
_KINDS = (
    (stat.S_ISDIR, "folder"),
    (stat.S_ISCHR, "device"),
    (stat.S_ISBLK, "device"),
    (stat.S_ISFIFO, "pipe"),
    (stat.S_ISSOCK, "socket"),
)


def require_file(path: Path, error: type[EdgecnnError] = EdgecnnError) -> int:
    """Return the bytes of a regular file, before anything opens it: reading a pipe or a device may never end.

    Raises:
        EdgecnnError: as a subclass, if `error` is one: there is no `path`, or it is no regular file.
    """
    try:
        status = path.stat()
    except (OSError, ValueError) as reason:  # a ValueError where there is a null character in the name
        raise error(f"{path} can't be read: {getattr(reason, 'strerror', None) or reason}") from reason
    if not stat.S_ISREG(status.st_mode):
        kind = next((name for is_kind, name in _KINDS if is_kind(status.st_mode)), "something else")
        raise error(f"{path} can't be read: it is a {kind}; give a file")
    return status.st_size


def read_bytes(path: Path, most: int = MOST_BYTES, error: type[EdgecnnError] = EdgecnnError) -> bytes:
    """Return what a regular file holds, `most` bytes at most.

    Raises:
        EdgecnnError: as a subclass, if `error` is one: there is no such file, it is larger, or can't be read.
    """
    size = require_file(path, error)
    if size > most:
        raise error(f"{path} can't be read: it has {size:,} bytes; at most {most:,} are read")
    try:
        with path.open("rb") as file:
            return file.read(size)
    except OSError as reason:
        raise error(f"{path} can't be read: {reason.strerror or reason}") from reason


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
    return hashlib.sha256(read_bytes(path)).hexdigest()
