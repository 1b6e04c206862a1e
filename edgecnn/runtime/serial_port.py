# SPDX-License-Identifier: Apache-2.0
"""Lines of text from a board's serial port, or from a log file of one."""

import os
import select
import stat
import termios
import time
from collections.abc import Iterator
from pathlib import Path

from edgecnn.errors import EdgecnnError


def serial_lines(path: Path, baud: int, timeout: float) -> Iterator[str]:
    """Yield lines as they come, without their ends.

    Args:
        path: a serial port, or a file with what one has sent.
        baud: bits a second, 8N1; nothing to a file, or to a port that is USB all the way.
        timeout: seconds after which a port has said all; a file has at its end.

    Raises:
        EdgecnnError: the port or file can't be read, or the port is not of this speed.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)  # a pipe would wait for a writer
        try:
            if os.isatty(handle):
                _make_raw(handle, path, baud)
            elif not stat.S_ISREG(os.fstat(handle).st_mode):
                raise EdgecnnError(f"{path} is neither a serial port nor a file")
            yield from _lines(handle, time.monotonic() + timeout)
        finally:
            os.close(handle)
    except (OSError, termios.error) as error:
        reason = error.args[1] if len(error.args) > 1 else error
        raise EdgecnnError(
            f"can't read {path}: {reason}; is the board connected, and may you read it?"
        ) from None


def _make_raw(handle: int, path: Path, baud: int) -> None:
    """Let bytes through as they are, at this speed."""
    speed = getattr(termios, f"B{baud}", None)
    if speed is None:
        raise EdgecnnError(f"{path} has no speed of {baud} baud; take a usual one, such as 115200")
    control = termios.CS8 | termios.CREAD | termios.CLOCAL
    characters = [b"\0"] * len(termios.tcgetattr(handle)[6])
    characters[termios.VMIN] = b"\1"
    termios.tcsetattr(handle, termios.TCSANOW, [0, 0, control, 0, speed, speed, characters])


def _lines(handle: int, deadline: float) -> Iterator[str]:
    pending = b""
    while (left := deadline - time.monotonic()) > 0:
        if not select.select([handle], [], [], left)[0]:
            break
        data = os.read(handle, 4096)
        if not data:
            break
        *whole, pending = (pending + data).split(b"\n")
        yield from (line.decode("ascii", "replace").rstrip("\r") for line in whole)
    if pending:
        yield pending.decode("ascii", "replace")
