# SPDX-License-Identifier: Apache-2.0
"""Latency, of times that the tests choose."""

import pytest

from edgecnn.evaluation.measurement import Latency, measure_latency


def measure(microseconds, **options):
    return measure_latency(lambda count: microseconds[:count], **options)


def test_the_warm_up_counts_as_first_only():
    latency = measure([900, 500, 10, 30, 20, 40, 7], warmup=2, runs=4)
    assert latency == Latency(first=900, min=10, median=25, mean=25, p95=pytest.approx(38.5), max=40, runs=4)


def test_without_warm_up_the_first_run_is_both():
    assert measure([7], warmup=0, runs=1) == Latency(first=7, min=7, median=7, mean=7, p95=7, max=7, runs=1)


@pytest.mark.parametrize("options", [{"warmup": -1, "runs": 5}, {"warmup": 0, "runs": 0}])
def test_nothing_to_time_is_refused(options):
    with pytest.raises(ValueError, match="at least 0 and 1"):
        measure([], **options)
