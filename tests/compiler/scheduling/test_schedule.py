# SPDX-License-Identifier: Apache-2.0
"""The memory plan: lifetimes recomputed, arenas within their goals, limits kept."""

import os
from pathlib import Path

import networks
import pytest
from replay import Replay

from edgecnn.compiler import compile_tflite
from edgecnn.compiler.passes import PASSES
from edgecnn.compiler.reading.tflite import parse, read_model
from edgecnn.compiler.scheduling.search import schedule
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
