# SPDX-License-Identifier: Apache-2.0
"""Functions in a process of their own: what they return and raise, and that none is left behind."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgecnn.errors import ModelError
from edgecnn.runtime.isolation import call_isolated

ENDLESS = """
import time
from edgecnn.runtime.isolation import call_isolated

def wait() -> None:
    print("running", flush=True)
    time.sleep(1000)

if __name__ == "__main__":
    call_isolated(wait)
"""


def test_what_it_returns_and_raises_comes_back() -> None:
    assert call_isolated(os.getpid) != os.getpid()
    with pytest.raises(ValueError, match="invalid literal"):
        call_isolated(int, "x")


def test_a_crash_is_one_line() -> None:
    with pytest.raises(ModelError, match="the TFLite runtime crashed"):
        call_isolated(os._exit, 1)


def test_nothing_outlives_a_program_that_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "endless.py"
    script.write_text(ENDLESS)
    with subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == b"running\n"
        program.kill()
        program.communicate(timeout=60)  # ends when nobody holds the pipes any more
