# SPDX-License-Identifier: Apache-2.0
"""How long one inference takes: a distribution after a warm-up, as TFLite's benchmark_model reports it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Latency:
    """Times of single inferences in microseconds.

    Attributes:
        first: The very first call, which may set up caches and threads.
        min: The least of the timed runs, after the warm-up; so are the next four.
        median: Half of the runs took at most this long.
        mean: The sum divided by the runs.
        p95: 95% of the runs took at most this long, between two runs by linear interpolation.
        max: The longest.
        runs: How many were timed.
    """

    first: float
    min: float
    median: float
    mean: float
    p95: float
    max: float
    runs: int


def measure_latency(time: Callable[[int], Sequence[float]], *, warmup: int, runs: int) -> Latency:
    """Time inferences: `warmup` that only the figure `first` sees, then `runs`.

    Args:
        time: makes so many inferences and returns how many microseconds each took.
        warmup: how many are made before.
        runs: how many count.

    Raises:
        ValueError: `warmup` is negative or `runs` is not positive.
    """
    if warmup < 0 or runs < 1:
        raise ValueError(f"warmup {warmup} and runs {runs}: at least 0 and 1")
    times = np.array(time(warmup + runs))
    timed = times[warmup:]
    return Latency(
        first=float(times[0]),
        min=float(timed.min()),
        median=float(np.median(timed)),
        mean=float(timed.mean()),
        p95=float(np.percentile(timed, 95)),
        max=float(timed.max()),
        runs=runs,
    )
