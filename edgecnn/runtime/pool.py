# SPDX-License-Identifier: Apache-2.0
"""Objects of one kind, each in a process of its own, that share the work of many threads."""

from collections.abc import Callable
from functools import partial
from queue import Empty, LifoQueue
from threading import BoundedSemaphore, Timer
from typing import Any

from edgecnn.errors import EdgecnnError
from edgecnn.runtime.isolation import ProcessDiedError, Remote


class FullError(EdgecnnError):
    """As many calls wait as may."""


class TooSlowError(EdgecnnError):
    """A call took longer than it may."""


class Pool:
    """Copies of an object, each called by one thread at a time; a call that takes too long is ended."""

    def __init__(
        self, factory: Callable[..., Any], *args: object, size: int, waiting: int, seconds: float
    ) -> None:
        """Make an object, `factory(*args)`, as `Remote` does, and up to `size` of them when they are needed.

        Args:
            factory: what makes an object.
            args: its arguments.
            size: how many objects.
            waiting: how many calls may wait for one of them.
            seconds: how long a call may wait, and how long it may last then.

        Raises:
            ProcessDiedError: a process died.
            Exception: what the factory raises.
        """
        self._make: Callable[[], Remote] = partial(Remote, factory, *args)
        self._room, self._seconds = BoundedSemaphore(size + waiting), seconds
        self._free: LifoQueue[Remote | None] = LifoQueue()  # None stands for one that is still to be made
        for remote in (*[None] * (size - 1), self._make()):
            self._free.put(remote)

    def call(self, method: str, *args: object) -> Any:
        """Return what a method of one of the objects returns.

        Raises:
            FullError: too many calls wait already, or it waited too long.
            TooSlowError: it took too long.
            ProcessDiedError: the process died.
            Exception: what the method raises.
        """
        if not self._room.acquire(blocking=False):
            raise FullError("too many wait; try again later")
        try:
            return self._call(method, *args)
        finally:
            self._room.release()

    def _call(self, method: str, *args: object) -> Any:
        try:
            remote = self._free.get(timeout=self._seconds)
        except Empty:
            raise FullError(f"none is free after {self._seconds:g} seconds; try again later") from None
        try:
            remote = remote or self._make()
            return self._in_time(remote, method, *args)
        except (ProcessDiedError, TooSlowError):
            remote = None
            raise
        finally:
            self._free.put(remote)

    def _in_time(self, remote: Remote, method: str, *args: object) -> Any:
        timer = Timer(self._seconds, remote.kill)
        timer.daemon = True
        timer.start()
        try:
            return remote.call(method, *args)
        except ProcessDiedError as error:
            if timer.finished.is_set():
                raise TooSlowError(f"it takes longer than {self._seconds:g} seconds") from error
            raise
        finally:
            timer.cancel()
