# SPDX-License-Identifier: Apache-2.0
"""The plan that is drawn is the plan that is compiled."""

from itertools import combinations
from pathlib import Path

import networks

from edgecnn.compiler.compile import compile_tflite
from edgecnn.compiler.reading.tflite import parse
from edgecnn.evaluation.arena import ArenaPlan, plan_arena

TINY = Path(__file__).parents[1] / "assets" / "tiny_int8.tflite"


def assert_plan(plan: ArenaPlan) -> None:
    assert max(block.offset + block.size for block in plan.blocks) == plan.bytes
    assert max(block.last for block in plan.blocks) < plan.firings
    for one, other in combinations(plan.blocks, 2):
        together = one.first <= other.last and other.first <= one.last
        apart = one.offset + one.size <= other.offset or other.offset + other.size <= one.offset
        assert apart or not together, (one, other)
    alive = [block.size for block in plan.blocks if block.first <= plan.peak <= block.last]
    assert sum(alive) == plan.held <= plan.bytes


def test_blocks_fill_the_arena_and_never_overlap() -> None:
    tflite = TINY.read_bytes()
    plans, planned = plan_arena(parse(tflite)), compile_tflite(tflite, name="tiny").plan
    assert plans.rows.bytes == planned["arena_bytes"]
    assert plans.whole.bytes == planned["arena_bytes_whole"]
    assert_plan(plans.rows)
    assert_plan(plans.whole)


def test_rows_that_take_the_place_of_others_are_blocks_of_their_own() -> None:
    tflite = networks.attention()
    plan = plan_arena(parse(tflite)).rows
    assert compile_tflite(tflite, name="net").model.schedule.rolled
    assert plan.bytes == compile_tflite(tflite, name="net").plan["arena_bytes"]
    assert len(plan.blocks) > 2 * len({(block.step, block.scratch) for block in plan.blocks})
    assert_plan(plan)
