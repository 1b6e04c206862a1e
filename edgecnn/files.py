# SPDX-License-Identifier: Apache-2.0
"""Reading files that end, and writing them so that no half-written one is ever found."""

import hashlib
import json
import os
import shutil
import signal
import stat
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

from edgecnn.errors import EdgecnnError, did_you_mean

TEMPORARY = ".edgecnn-"  # how the names of folders begin that last only while something is written
_LOCKED = f"{TEMPORARY}~"  # and of those that are locked as long as the process lives that writes there
MOST_BYTES = (1 << 31) - 1  # of a file that is read as a whole; a flatbuffer can't be larger either
_MOST_NAMES = 10_000  # of a folder, among which a mistyped one is looked for
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
        said = f"{path} can't be read: {getattr(reason, 'strerror', None) or reason}"
        near = beside(path) if isinstance(reason, FileNotFoundError) else ""
        raise error(f"{said}.{near}" if near else said) from reason
    if not stat.S_ISREG(status.st_mode):
        raise error(f"{path} can't be read: it is a {_kind(status)}; give a file")
    return status.st_size


def require_there(path: Path, error: type[EdgecnnError] = EdgecnnError) -> None:
    """Check that there is a folder, or a file as for `require_file`, before what reads it is loaded."""
    if not path.is_dir():
        require_file(path, error)


def beside(path: Path) -> str:
    """Return a question, after a space, that asks for what lies near a path that isn't there."""
    try:
        with os.scandir(path.parent) as entries:
            names = [entry.name for entry in islice(entries, _MOST_NAMES)]
    except (OSError, ValueError):
        return ""
    return did_you_mean(path.name, names)


def _kind(status: os.stat_result) -> str:
    return next((name for is_kind, name in _KINDS if is_kind(status.st_mode)), "something else")


def named_path(folder: Path, name: str) -> Path:
    """Return a path that a file in `folder` names from there, in this system's form or in that of Windows."""
    path = folder / name
    return path if os.path.lexists(path) else folder / name.replace("\\", "/")


def real_path(path: Path) -> Path:
    """Return where a path leads, without links; unlike Path.resolve, of a circle of links, too."""
    return Path(os.path.realpath(path))


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


def read_text(path: Path, error: type[EdgecnnError] = EdgecnnError, most: int = MOST_BYTES) -> str:
    """Return the text of a regular file in UTF-8.

    Raises:
        EdgecnnError: as `read_bytes`, or it is no UTF-8.
    """
    try:
        return read_bytes(path, most, error).decode()
    except UnicodeDecodeError as reason:
        raise error(f"{path} is not text in UTF-8: byte {reason.start} is none of it") from reason


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`, which becomes `path` when the block ends well.

    The folder is made if need be. When the block raises, `path` is as it was.

    Raises:
        EdgecnnError: the folder can't be made or written to, or is full; `path` is a device or a pipe.
    """
    _refuse_special(path)
    # A folder of its own keeps the suffix, which Keras and Pillow choose the format by.
    with _temporary(path.parent, path) as folder:
        yield folder / path.name
        os.replace(folder / path.name, path)


def _refuse_special(path: Path) -> None:
    """Keep /dev/null and its like: what is renamed to them would take their place, for everybody."""
    try:
        status = path.stat()
    except (OSError, ValueError):  # it is new, or _temporary tells what is wrong
        return
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
        raise EdgecnnError(f"can't write {path}: it is a {_kind(status)}; give a file")
    if path.is_symlink() and os.readlink(path).startswith("/proc/"):  # /dev/stdout
        raise EdgecnnError(f"can't write {path}: it stands for an open file; give a file")


def fill(folder: Path, write: Callable[[Path], list[Path]]) -> list[Path]:
    """Let `write` put files that belong together into a temporary folder, then move all of them to `folder`.

    Returns:
        Where the files are that `write` says it wrote. When it raises, `folder` is as it was.

    Raises:
        EdgecnnError: as `replacing`.
    """
    with _temporary(folder, folder) as temporary:
        written = write(temporary)
        files = [file.relative_to(temporary) for file in temporary.rglob("*") if file.is_file()]
        with uninterrupted():
            for file in files:
                (folder / file).parent.mkdir(parents=True, exist_ok=True)
                os.replace(temporary / file, folder / file)
    return [folder / file.relative_to(temporary) for file in written]


@contextmanager
def _temporary(within: Path, path: Path) -> Iterator[Path]:
    """Yield a temporary folder `within` another, and tell of what goes wrong as of `path`."""
    missing: list[Path] = []
    try:
        missing += [folder for folder in (within, *within.parents) if not folder.exists()]
        within.mkdir(parents=True, exist_ok=True)
        _sweep(real_path(within))
        with _locked_folder(within) as folder:
            yield folder
    except FileExistsError as error:
        raise EdgecnnError(f"can't write {path}: {within} is a file, not a folder") from error
    except OSError as error:
        raise EdgecnnError(f"can't write {path}: {error.strerror or error}") from error
    finally:
        with suppress(OSError):  # nothing came into it
            for empty in missing:
                empty.rmdir()


@contextmanager
def _locked_folder(within: Path) -> Iterator[Path]:
    """Yield a new folder; it is called as those that are swept only once it is locked."""
    new = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=within))
    folder = new.with_name(_LOCKED + new.name.removeprefix(TEMPORARY))
    lock = _lock(new)
    try:
        new.rename(folder)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def _lock(folder: Path) -> int | None:
    """Return what holds a folder's lock while the process lives; None: another has it, or there is none."""
    try:
        import fcntl  # not on Windows
    except ImportError:
        return None
    opened = os.open(folder, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # a network's file system may have no locks
        os.close(opened)
        return None
    return opened


@cache
def _sweep(within: Path) -> None:
    """Remove what processes that were killed were writing in a folder, once in the life of this one."""
    if not hasattr(os, "geteuid"):  # on Windows nothing of this is locked
        return
    for left in within.glob(f"{_LOCKED}*"):
        with suppress(OSError):
            if left.lstat().st_uid == os.geteuid() and (lock := _lock(left)) is not None:
                shutil.rmtree(left, ignore_errors=True)
                os.close(lock)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold Ctrl-C and SIGTERM back until the block, which takes no time, has ended.

    They reach the main thread of Python only; in others there is nothing to hold back.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    handlers = {
        number: signal.signal(number, lambda number, _: came.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
    for late in came:
        signal.raise_signal(late)


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
