# SPDX-License-Identifier: Apache-2.0
"""Standard error, where libraries in C++ write past Python."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def dropped_stderr() -> Iterator[None]:
    """Drop what is written to standard error, by Python or past it."""
    sys.stderr.flush()
    terminal, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(terminal, 2)
        os.close(terminal)
        os.close(nowhere)
