# SPDX-License-Identifier: Apache-2.0
"""One process at a time works on a run."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edgecnn.errors import RunError
from edgecnn.files import TEMPORARY


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep other processes from a run folder; the lock goes with the process that has it.

    The folder is made if need be, and goes again if nothing was written into it. What a process that was
    killed was writing is cleared away.

    Raises:
        RunError: another process has it, or the folder can't be made.
    """
    import fcntl  # not on Windows, where the rest of a run is of use

    folder = _opened(path)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(folder)
        raise RunError(
            f"another edgecnn is at work in {path}; wait for its end, or use another folder"
        ) from error
    except OSError:
        pass  # a network's file system may have no locks
    for left in path.glob(f"{TEMPORARY}*"):
        shutil.rmtree(left, ignore_errors=True)
    try:
        yield
    finally:
        with suppress(OSError):  # it holds something
            path.rmdir()
        os.close(folder)


def _opened(path: Path) -> int:
    try:
        path.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDONLY)
    except FileExistsError as error:
        raise RunError(f"can't make the run folder {path}: it is a file; choose another") from error
    except OSError as error:
        raise RunError(f"can't make the run folder {path}: {error.strerror}") from error
