# SPDX-License-Identifier: Apache-2.0
"""Calling a function, or the methods of an object, in a process of its own.

A latency is not to be measured beside TensorFlow's threads and memory, and a TFLite runtime that dies of
a model is not to take the program with it.
"""

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any, BinaryIO, ParamSpec, TypeVar
from weakref import finalize

from edgecnn.errors import ModelError

P = ParamSpec("P")
T = TypeVar("T")
# Modules are found where this process finds them; unlike with multiprocessing its main one isn't run again.
_PROGRAM = "import sys; sys.path[:] = sys.argv[1:]; from edgecnn.runtime.isolation import _serve; _serve()"


class ProcessDiedError(ModelError):
    """A process ended before it answered; `cause` says by what: "SIGABRT", "exit code 1"."""

    def __init__(self, cause: str) -> None:
        super().__init__(f"a process of its own died of {cause}; is memory short, or a file damaged?")
        self.cause = cause


class Remote:
    """An object that lives in a process of its own, until this one is closed or forgotten.

    That process imports what the object needs and nothing else, and ends with this one, however that ends.
    Threads may share it; they take turns.
    """

    def __init__(self, factory: Callable[..., Any], *args: object) -> None:
        """Make the object, `factory(*args)`; `factory` is a class or a function that can be imported.

        Raises:
            ProcessDiedError: the process died.
            Exception: what the factory raises.
        """
        self._turn = Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, *sys.path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # runtimes note their delegates there
        )
        self.close = finalize(self, _end, self._process)
        try:
            self._ask((factory, args))
        except BaseException:
            self.close()
            raise

    def call(self, method: str, *args: object) -> Any:
        """Return what the object's method returns for arguments that pickle takes.

        Raises:
            ProcessDiedError: the process died.
            Exception: what the method raises.
        """
        return self._ask((method, args))

    def kill(self) -> None:
        """End the process, whatever it does; a call that waits for it raises a ProcessDiedError."""
        self._process.kill()

    def _ask(self, request: object) -> Any:
        with self._turn:
            if not self.close.alive:
                raise ProcessDiedError("having been closed")
            try:
                answer, error = self._exchange(request)
            except (EOFError, BrokenPipeError):
                raise ProcessDiedError(_cause(self._process.wait())) from None
            except BaseException:  # of Ctrl-C, say: this answer would be taken for the next one's
                self.close()
                raise
        if error is not None:
            raise error
        return answer

    def _exchange(self, request: object) -> tuple[Any, Exception | None]:
        requests, answers = self._process.stdin, self._process.stdout
        assert requests is not None
        assert answers is not None
        pickle.dump(pickle.dumps(request), requests)
        requests.flush()
        outcome: tuple[Any, Exception | None] = pickle.load(answers)
        return outcome


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.communicate()


def _cause(returncode: int) -> str:
    return signal.Signals(-returncode).name if returncode < 0 else f"exit code {returncode}"


def _serve() -> None:
    """Make an object and call its methods, as `Remote` asks by standard input, until nobody is there."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the other process, which ends this one
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1):  # what libraries print is no answer
        os.dup2(nowhere, number)
    queue: SimpleQueue[bytes] = SimpleQueue()
    Thread(target=_listen, args=(requests, queue), daemon=True).start()
    served, error = _outcome(_make, queue.get())
    answer: object = (None, error)
    while True:
        pickle.dump(answer, answers)
        answers.flush()
        answer = _outcome(_call, served, queue.get())


def _listen(requests: BinaryIO, queue: "SimpleQueue[bytes]") -> None:
    """Take requests, and end this process when there is nobody left to ask, whatever it is doing."""
    while True:
        try:
            queue.put(pickle.load(requests))
        except EOFError:
            os.kill(os.getpid(), signal.SIGKILL)


def _make(request: bytes) -> Any:
    factory, args = pickle.loads(request)
    return factory(*args)


def _call(served: Any, request: bytes) -> Any:
    method, args = pickle.loads(request)
    return getattr(served, method)(*args)


def _outcome(function: Callable[..., Any], *args: object) -> tuple[Any, Exception | None]:
    try:
        return function(*args), None
    except Exception as error:  # whatever it is, it is raised where it was asked for
        return None, error


def call_isolated(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return `function(*args, **kwargs)`, run in a new process; what it raises is raised here.

    It may be one of the main module, which `Remote` can't import.

    Raises:
        ModelError: the process died.
    """
    with ProcessPoolExecutor(1, get_context("spawn"), initializer=_end_with_parent) as pool:
        try:
            return pool.submit(function, *args, **kwargs).result()
        except BrokenProcessPool as error:
            raise ModelError("a process of its own died; is memory short, or a file damaged?") from error


def _end_with_parent() -> None:
    """End this process when its parent is killed; it would wait for more work for good otherwise."""
    parent = parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)

    Thread(target=watch, daemon=True).start()
