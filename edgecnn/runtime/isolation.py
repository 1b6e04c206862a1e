# SPDX-License-Identifier: Apache-2.0
"""Calling a function in a process of its own.

A latency is not to be measured beside TensorFlow's threads and memory, and a TFLite runtime that dies of
a broken model is not to take the program with it.
"""

import os
import signal
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import ParamSpec, TypeVar

from edgecnn.errors import ModelError

P = ParamSpec("P")
T = TypeVar("T")


def call_isolated(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return `function(*args, **kwargs)`, run in a new process; what it raises is raised here.

    Raises:
        ModelError: the process died, as the TFLite runtimes do on some broken models.
    """
    with ProcessPoolExecutor(1, get_context("spawn"), initializer=_end_with_parent) as pool:
        try:
            return pool.submit(function, *args, **kwargs).result()
        except BrokenProcessPool as error:
            raise ModelError(
                "the TFLite runtime crashed while running the model; is the file damaged?"
            ) from error


def _end_with_parent() -> None:
    """End this process when its parent is killed; it would wait for more work for good otherwise."""
    parent = parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)

    Thread(target=watch, daemon=True).start()
