# SPDX-License-Identifier: Apache-2.0
"""One process at a time works on a run."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edgecnn.errors import RunError
from edgecnn.files import TEMPORARY

_FILE = f"{TEMPORARY}lock"  # what is locked where a folder can't be


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep other processes from a run folder; the lock goes with the process that has it.

    The folder is made if need be, and goes again if nothing was written into it. What a process that was
    killed was writing is cleared away.

    Raises:
        RunError: another process has it, or the folder can't be made.
    """
    try:
        import fcntl  # noqa: F401 - not on Windows
    except ImportError:
        held = _file_held
    else:
        held = _folder_held
    with held(path):
        for left in path.glob(f"{TEMPORARY}*"):
            shutil.rmtree(left, ignore_errors=True)  # a file, which the lock may be, stays
        yield


@contextmanager
def _folder_held(path: Path) -> Iterator[None]:
    import fcntl

    _make(path)
    folder = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(folder)
        raise _busy(path) from error
    except OSError:
        pass  # a network's file system may have no locks
    try:
        yield
    finally:
        with suppress(OSError):  # it holds something
            path.rmdir()
        os.close(folder)


@contextmanager
def _file_held(path: Path) -> Iterator[None]:
    """Hold a file in the folder, as folders can't be locked there."""
    from filelock import FileLock, Timeout

    _make(path)
    lock = FileLock(path / _FILE)
    try:
        lock.acquire(blocking=False)
    except Timeout as error:
        raise _busy(path) from error
    try:
        yield
    finally:
        lock.release()
        with suppress(OSError):  # it holds something
            (path / _FILE).unlink(missing_ok=True)
            path.rmdir()


def _make(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise RunError(f"can't make the run folder {path}: it is a file; choose another") from error
    except OSError as error:
        raise RunError(f"can't make the run folder {path}: {error.strerror}") from error


def _busy(path: Path) -> RunError:
    return RunError(f"another edgecnn is at work in {path}; wait for its end, or use another folder")
