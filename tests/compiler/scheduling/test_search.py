# SPDX-License-Identifier: Apache-2.0
"""The search for the smallest arena: as good as trying all, the same everywhere, and ending in time."""

import math
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import networks
import pytest
from replay import Replay
from tflite_builder import RELU, SAME, Builder

from edgecnn.compiler.compile import compile_tflite, run_passes
from edgecnn.compiler.ir import Graph
from edgecnn.compiler.reading.tflite import parse
from edgecnn.compiler.scheduling.effort import Effort
from edgecnn.compiler.scheduling.measure import Choice, Measure, lazy_steps
from edgecnn.compiler.scheduling.search import schedule


def passed(model: bytes) -> Graph:
    return run_passes(parse(model))[0]


def blocks(count: int, pixels: int = 24, wide: int = 1) -> bytes:
    """Residual blocks one after the other, each with `wide` branches beside the short one."""
    builder = Builder(3)
    source = builder.input((1, pixels, pixels, 3))
    at = builder.conv(source, 8, stride=(2, 2), padding=SAME, activation=RELU)
    for _ in range(count):
        total = at
        for _ in range(wide):
            deep = builder.conv(at, 1, padding=SAME, activation=RELU, depthwise=True)
            total = builder.add(total, builder.conv(deep, 8, (1, 1)))
        at = total
    return builder.build((source,), (builder.mean(at),))


@pytest.mark.parametrize(
    "model", [networks.small(), networks.two_ends(), networks.ds_cnn(), blocks(2), networks.autoencoder()]
)
def test_no_other_cuts_and_lazy_steps_need_less(model: bytes) -> None:
    graph = passed(model)
    measure = Measure(graph, "c99", Effort())
    count = len(measure.steps)
    joined = {t for ways in measure.steps if len(ways[0].inputs) > 1 for t in ways[0].inputs}
    joined -= set(graph.inputs)
    least = math.inf
    for number in range(count):
        for cuts in combinations(range(1, count), number):
            for lazy in (frozenset[int](), *(frozenset({t}) for t in joined)):
                choice = Choice(tuple(len(ways) - 1 for ways in measure.steps), lazy)
                found = measure.rows(choice, (0, *cuts), least)
                least = least if found is None else found.arena
    assert schedule(graph).arena <= 1.03 * least


@pytest.mark.parametrize("rolling", [False, True])
def test_bounds_and_floors_tell_what_the_search_for_cuts_finds(rolling: bool) -> None:
    measure = Measure(passed(blocks(6)), "c99", Effort())
    choice = Choice((0,) * len(measure.steps))
    network = measure.network(choice)
    lazy = lazy_steps(network, choice)
    cuts, size = measure.cuts.best(network, lazy, rolling=rolling)
    assert measure.cuts.best(network, lazy, size + 1, rolling) == (cuts, size)
    assert measure.cuts.best(network, lazy, size, rolling)[1] == math.inf
    assert measure.cuts.floors(network, lazy, size + 1, rolling)[0] == 0
    assert measure.cuts.floors(network, lazy, size, rolling)[0] in ({size} if not rolling else {0, size})


def test_the_search_ends_when_its_steps_are_spent() -> None:
    graph = passed(blocks(8, 16, wide=2))
    full, short = Effort(10**9), Effort(80_000)
    least = schedule(graph, effort=full)
    found = schedule(graph, effort=short)
    Replay(found).run()
    assert full.spent > 120_000
    assert short.spent < 120_000  # it ends what it is at
    assert least.arena <= found.arena <= schedule(graph, rows=False).arena


def test_without_steps_there_is_still_a_schedule() -> None:
    graph = passed(blocks(6, wide=2))
    found = schedule(graph, effort=Effort(1))
    Replay(found).run()
    assert found.arena <= schedule(graph, rows=False).arena


def test_the_same_steps_lead_to_the_same_c_in_every_process(tmp_path: Path) -> None:
    model = tmp_path / "model.tflite"
    model.write_bytes(blocks(6, 16))
    code = (
        "import sys; from pathlib import Path; from edgecnn.compiler.compile import compile_tflite;"
        "from edgecnn.compiler.scheduling.effort import Effort;"
        "sys.stdout.write(compile_tflite(Path(sys.argv[1]), effort=Effort(10_000)).source)"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", code, str(model)],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert texts == {compile_tflite(model, effort=Effort(10_000)).source.encode()}


def test_only_a_long_search_reports_and_then_to_its_end() -> None:
    reports: list[tuple[int, int]] = []
    for limit, steps in ((10**6, 5_000), (10**6, 130_000), (110_000, 130_000)):
        reports.clear()
        effort = Effort(limit, lambda _, done, total, note="": reports.append((done, total)))
        while effort.spent < steps:
            effort.spend(1_000)
        effort.end()
        assert bool(reports) == (steps > 100_000)
        assert reports == sorted(reports)
        assert not reports or reports[-1] == (limit, limit)


def test_a_limit_buys_speed_where_no_steps_are_left() -> None:
    least, roomy = (
        compile_tflite(networks.cainvas(), name="net", ram=ram, effort=Effort(1)) for ram in (None, 20_000)
    )
    groups = [[step.group for step in one.model.schedule.network.steps] for one in (least, roomy)]
    assert sum(groups[1]) < sum(groups[0])  # fewer running maxima: fewer values scaled
    assert roomy.plan["arena_bytes"] <= 20_000
