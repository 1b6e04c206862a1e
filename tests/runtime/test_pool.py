# SPDX-License-Identifier: Apache-2.0
"""Objects in processes of their own that many threads share: bounds on how many wait, and on how long."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from edgecnn.runtime.isolation import ProcessDiedError
from edgecnn.runtime.pool import FullError, Pool, TooSlowError


def test_a_call_that_takes_too_long_is_ended_and_the_next_one_is_answered() -> None:
    pool = Pool(Event, size=1, waiting=0, seconds=2)
    with pytest.raises(TooSlowError, match="longer than 2 seconds"):
        pool.call("wait", 600)
    assert pool.call("is_set") is False


def test_whoever_finds_no_room_is_told_at_once() -> None:
    pool = Pool(Event, size=1, waiting=1, seconds=120)
    with pool._room, pool._room, pytest.raises(FullError, match="too many wait"):  # as two calls do
        pool.call("is_set")
    assert pool.call("is_set") is False


def test_whoever_waited_too_long_is_told() -> None:
    pool = Pool(Event, size=1, waiting=1, seconds=0.1)
    remote = pool._free.get()  # as a call does
    with pytest.raises(FullError, match=r"none is free after 0\.1 seconds"):
        pool.call("is_set")
    pool._free.put(remote)


def test_all_who_may_wait_are_answered() -> None:
    pool = Pool(Event, size=2, waiting=48, seconds=120)
    with ThreadPoolExecutor(50) as threads:
        assert list(threads.map(lambda _: pool.call("wait", 0.01), range(50))) == [False] * 50


def test_what_is_raised_is_raised_and_a_death_is_mended() -> None:
    pool = Pool(Event, size=1, waiting=0, seconds=120)
    with pytest.raises(AttributeError):
        pool.call("absent")
    remote = pool._free.get()
    assert remote is not None
    remote.kill()
    pool._free.put(remote)
    with pytest.raises(ProcessDiedError, match="SIGKILL"):
        pool.call("is_set")
    assert pool.call("is_set") is False
