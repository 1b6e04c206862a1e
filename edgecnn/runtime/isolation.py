# SPDX-License-Identifier: Apache-2.0
"""Calling a function in a process of its own.

tflite-runtime fails where TensorFlow has been used in the same process ("vector::reserve": both bring
their own copies of the same C++ symbols), and a latency is not to be measured beside TensorFlow's
threads and memory.
"""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import ParamSpec, TypeVar

from edgecnn.errors import ModelError

P = ParamSpec("P")
T = TypeVar("T")


def call_isolated(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return `function(*args, **kwargs)`, run in a new process; what it raises is raised here.

    Raises:
        ModelError: the process died, as the TFLite runtimes do on some broken models.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        try:
            return pool.submit(function, *args, **kwargs).result()
        except BrokenProcessPool as error:
            raise ModelError(
                "the TFLite runtime crashed while running the model; is the file damaged?"
            ) from error
