# SPDX-License-Identifier: Apache-2.0
"""Functions and objects in processes of their own: what comes back, and that none is left behind."""

import os
import select
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from edgecnn.errors import ModelError
from edgecnn.runtime.isolation import ProcessDiedError, Remote, call_isolated

# Each prints the number of the process that it has started, which works on and on.
ENDLESS = {
    "function": """
import os
import time
from edgecnn.runtime.isolation import call_isolated

def wait() -> None:
    print(os.getpid(), flush=True)
    time.sleep(1000)

if __name__ == "__main__":
    call_isolated(wait)
""",
    "object": """
from importlib import import_module
from edgecnn.runtime.isolation import Remote

remote = Remote(import_module, "time")
print(remote._process.pid, flush=True)
remote.call("sleep", 1000)
""",
}


class Unreadable:
    """What can be sent, but not be read there: for one, an object of the main module."""

    def __reduce__(self) -> tuple[type[int], tuple[str]]:
        return int, ("x",)


def test_what_it_returns_and_raises_comes_back() -> None:
    assert call_isolated(os.getpid) != os.getpid()
    with pytest.raises(ValueError, match="invalid literal"):
        call_isolated(int, "x")


def test_a_crash_is_one_line() -> None:
    with pytest.raises(ModelError, match="a process of its own died"):
        call_isolated(os._exit, 1)


def test_an_object_lives_on_from_call_to_call() -> None:
    values = np.arange(200_000)
    remote = Remote(list, [3, values])
    assert remote.call("pop", 0) == 3
    np.testing.assert_array_equal(remote.call("pop"), values)
    with pytest.raises(IndexError, match="pop from empty list"):
        remote.call("pop")
    remote.call("append", 7)
    assert remote.call("pop") == 7
    with pytest.raises(ValueError, match="invalid literal"):
        Remote(int, "x")
    with pytest.raises(ValueError, match="invalid literal"):
        Remote(list, [Unreadable()])


def test_what_libraries_print_there_is_no_answer(capfd: pytest.CaptureFixture[str]) -> None:
    remote = Remote(import_module, "os")
    assert remote.call("write", 1, b"to standard output") == 18
    assert remote.call("write", 2, b"to standard error") == 17
    assert remote.call("read", 0, 9) == b""
    assert remote.call("getpid") != os.getpid()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("method", "arguments", "cause"), [("abort", (), "SIGABRT"), ("_exit", (3,), "exit code 3")]
)
def test_its_death_is_an_error_that_says_of_what(method: str, arguments: tuple[int, ...], cause: str) -> None:
    remote = Remote(import_module, "os")
    for _ in range(2):  # whoever asks again hears the same
        with pytest.raises(ProcessDiedError, match=cause):
            remote.call(method, *arguments)
    with pytest.raises(ProcessDiedError, match=cause):
        Remote(getattr(os, method), *arguments)


def test_its_process_ends_when_it_is_closed_or_forgotten() -> None:
    for end in (lambda remote: remote.close(), lambda remote: None):
        remote = Remote(import_module, "os")
        number = remote.call("getpid")
        os.kill(number, 0)
        end(remote)
        if not remote.close.alive:
            with pytest.raises(ProcessDiedError, match="closed"):
                remote.call("getpid")
        del remote
        with pytest.raises(ProcessLookupError):
            os.kill(number, 0)


@pytest.mark.parametrize("kind", ENDLESS)
def test_nothing_outlives_a_program_that_is_killed(tmp_path: Path, kind: str) -> None:
    script = tmp_path / "endless.py"
    script.write_text(ENDLESS[kind])
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        process = os.pidfd_open(int(program.stdout.readline()))
        program.kill()
        ended, *_ = select.select([process], [], [], 60)
        assert ended == [process]
        os.close(process)
