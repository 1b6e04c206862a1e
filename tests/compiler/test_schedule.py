# SPDX-License-Identifier: Apache-2.0
"""The memory plan: lifetimes recomputed, arenas within their goals, limits kept."""

import os
from pathlib import Path

import networks
import pytest

from edgecnn.compiler import compile_tflite
from edgecnn.compiler.flatbuffer import parse, read_model
from edgecnn.compiler.passes import PASSES
from edgecnn.compiler.rolling import Rolled
from edgecnn.compiler.schedule import Schedule, schedule
from edgecnn.errors import ModelError

MODELS = Path(os.environ.get("EDGECNN_DATA", "/nonexistent")) / "edge-models"
NETWORKS = [
    networks.cainvas(),
    networks.small(),
    networks.residual(),
    networks.two_ends(),
    networks.attention(),
    networks.mobilenet_v3(),
    networks.unet(16),
]


class Replay:
    """Fires the steps of a schedule on an arena whose bytes remember what they hold: a row, or scratch."""

    def __init__(self, found: Schedule) -> None:
        self.found, self.network = found, found.network
        self.arena: list[object] = [None] * found.arena
        self.fired = [0] * len(found.network.steps)

    def run(self) -> None:
        for number in self.found.order:
            self.read(number)
            self.keep_scratch(number)
            self.use_working_memory(number)
            self.write(number)
            self.fired[number] += 1
        assert self.fired == [step.firings for step in self.network.steps]

    def row(self, tensor: int, row: int) -> slice:
        size = self.network.row_bytes[tensor]
        where = self.found.rolled.get(tensor) or Rolled(self.found.heights[tensor], 0)
        start = self.found.offsets["rows", tensor] + (where.first + row) % where.slots * size
        return slice(start, start + size)

    def read(self, number: int) -> None:
        for tensor, first, end in self.network.reads(number, self.fired[number]):
            for row in range(first, end) if tensor not in self.network.outputs else ():
                assert set(self.arena[self.row(tensor, row)]) == {(tensor, row)}

    def keep_scratch(self, number: int) -> None:
        step = self.network.steps[number]
        if step.scratch:
            start = self.found.offsets["scratch", number]
            place = slice(start, start + step.scratch)
            if self.fired[number] % step.group:
                assert set(self.arena[place]) == {number}
            self.arena[place] = [number] * step.scratch

    def use_working_memory(self, number: int) -> None:
        step = self.network.steps[number]
        if step.working:
            segment = max(cut for cut in self.found.cuts if cut <= number)
            start = self.found.offsets["working", segment]
            kept = set(range(start, start + step.working)) & self.kept(number)
            assert not kept, "what the kernel reads or keeps while it fires"
            self.arena[start : start + step.working] = [None] * step.working

    def kept(self, number: int) -> set[int]:
        """The bytes that a firing reads, writes or keeps."""
        step = self.network.steps[number]
        places = [
            self.row(tensor, row)
            for tensor, first, end in [
                *self.network.reads(number, self.fired[number]),
                (step.output, *self.made(number)),
            ]
            for row in range(first, end)
            if tensor not in self.network.outputs
        ]
        if step.scratch:
            start = self.found.offsets["scratch", number]
            places.append(slice(start, start + step.scratch))
        return {byte for place in places for byte in range(place.start, place.stop)}

    def made(self, number: int) -> tuple[int, int]:
        step = self.network.steps[number]
        first = self.fired[number] // step.group * step.rows_per_group
        return first, first + step.rows_per_group

    def write(self, number: int) -> None:
        step, firing = self.network.steps[number], self.fired[number]
        for row in range(*self.made(number)) if step.output not in self.network.outputs else ():
            place = self.row(step.output, row)
            if firing % step.group and not step.scratch:  # a running maximum
                assert set(self.arena[place]) == {(step.output, row)}
            self.arena[place] = [(step.output, row)] * self.network.row_bytes[step.output]


@pytest.mark.parametrize("model", NETWORKS)
@pytest.mark.parametrize("rows", [True, False])
@pytest.mark.parametrize("isa", ["c99", "dsp", "mve"])
def test_no_row_is_overwritten_before_it_is_read(model: bytes, rows: bool, isa: str) -> None:
    graph = parse(model)
    for make in PASSES:
        graph = make(graph)
    Replay(schedule(graph, rows=rows, isa=isa)).run()


def test_whole_tensors_share_memory_row_by_row() -> None:
    model = networks.attention()
    plan = compile_tflite(model, name="net").plan
    found = compile_tflite(model, name="net").model.schedule
    assert found.rolled
    whole = {
        tensor: found.network.height[tensor] * found.network.row_bytes[tensor] for tensor in found.rolled
    }
    assert plan["arena_bytes"] < sum(sorted(whole.values())[-2:])


def test_cainvas_within_its_goals() -> None:
    plan = compile_tflite(networks.cainvas(), name="net").plan
    assert plan["macs"] == 18_121_952
    assert plan["macs_computed"] == 15_605_984  # 58x58, 27x27 and 8x8 positions
    assert plan["arena_bytes"] <= 10_240
    assert plan["arena_bytes_whole"] <= 36_864


def test_memory_grows_with_width_and_not_with_area() -> None:
    plans = [compile_tflite(networks.cainvas(pixels), name="net").plan for pixels in (64, 128, 256)]
    arenas = [plan["arena_bytes"] for plan in plans]
    assert arenas[1] < 2.5 * arenas[0]
    assert arenas[2] < 2.5 * arenas[1]
    assert plans[2]["arena_bytes_whole"] > 3.5 * plans[1]["arena_bytes_whole"]


@pytest.mark.skipif(not MODELS.is_dir(), reason="needs EDGECNN_DATA with edge-models")
@pytest.mark.parametrize(
    ("file", "rows", "whole"),
    [
        ("mlperf-tiny/pretrainedResnet_quant.tflite", 16_384, 50_000),
        ("tflite-micro/person_detect.tflite", 14_336, 57_000),
    ],
)
@pytest.mark.parametrize("isa", ["c99", "dsp", "mve"])
def test_models_of_others_within_their_goals(file: str, rows: int, whole: int, isa: str) -> None:
    graph = read_model(MODELS / file)
    for make in PASSES:
        graph = make(graph)
    found = schedule(graph, isa=isa)
    Replay(found).run()
    assert found.arena <= rows
    assert schedule(graph, rows=False, isa=isa).arena <= whole


def test_a_limit_buys_speed_and_is_kept() -> None:
    least = compile_tflite(networks.cainvas(), name="net")
    roomy = compile_tflite(networks.cainvas(), name="net", ram=20_000)
    assert roomy.plan["arena_bytes"] <= 20_000
    groups = [[step.group for step in one.model.schedule.network.steps] for one in (least, roomy)]
    assert sum(groups[1]) < sum(groups[0])  # fewer running maxima: fewer values scaled


def test_a_limit_that_nothing_fits_is_refused() -> None:
    with pytest.raises(ModelError, match=r"needs an arena of [\d,]+ bytes, but the limit is 1,000"):
        compile_tflite(networks.cainvas(), name="net", ram=1000)
