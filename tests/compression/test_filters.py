# SPDX-License-Identifier: Apache-2.0
"""Filters go by what they matter and cost, until limits hold; a run that was killed makes the same rounds."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgecnn.compiler.compile import CompiledModel
from edgecnn.compiler.inspect import contents
from edgecnn.compiler.instructions import estimate
from edgecnn.compiler.reading.tflite import parse_file
from edgecnn.compression.channels import find_channels
from edgecnn.compression.costs import FLASH, INSTRUCTIONS, MACS, RAM, Costs, layer_works
from edgecnn.compression.filters import Goal, Material, Round, remove_filters, scores, taught
from edgecnn.compression.footprint import Footprint, footprint
from edgecnn.compression.importance import BATCH, importance
from edgecnn.compression.selection import choose
from edgecnn.compression.settling import shrink_and_quantize, told
from edgecnn.compression.shrink import shrink
from edgecnn.converters.keras_to_tflite import keras_to_int8
from edgecnn.data.arrays import Arrays
from edgecnn.errors import ModelError
from edgecnn.models import architecture
from edgecnn.progress import silent
from edgecnn.tf import keras, make_repeatable, tf
from edgecnn.training.fit import FitOptions
from edgecnn.training.objective import loss_of

L = keras.layers
OPTIONS = FitOptions("filters", 1, 8, "adam", 1e-3, 0, keep_best=False)
SETTLING = FitOptions("settle", 1, 8, "adam", 1e-3, 0)
QAT = FitOptions("qat", 1, 8, "adam", 1e-4, 0)


def _network() -> Any:
    make_repeatable(0)
    image = keras.Input((12, 12, 1))
    maps = L.Conv2D(8, 3, activation="relu", name="conv1")(image)
    deep = L.Conv2D(12, 3, padding="same", activation="relu", name="conv2")(maps)
    maps = L.Add()([deep, L.Conv2D(12, 1, name="shortcut")(maps)])
    features = L.Flatten()(L.MaxPooling2D(5)(maps))
    features = L.Dense(16, activation="relu", name="dense")(features)
    return keras.Model(image, L.Dense(2, activation="softmax", name="last")(features))


def _arrays(count: int = 32) -> Arrays:
    draw = np.random.default_rng(0)
    labels = np.arange(count) % 2
    images = draw.integers(0, 100, (count, 12, 12, 1)).astype(np.uint8)
    images[labels == 1, 4:8, 4:8] += 100
    names = tuple(map(str, range(count)))
    return Arrays(images, labels, names, tuple(map(Path, names)))


def _material(model: Any, folder: Path, progress: Any = silent) -> Material:
    arrays = _arrays()
    folder.mkdir(exist_ok=True)
    return Material(taught(arrays, model, OPTIONS), arrays, lambda stage: folder / f"{stage}.npz", progress)


def _costs(model: Any) -> Costs:
    channels = find_channels(model)
    return Costs(list(layer_works(model, channels)), channels, "cortex-m4")


def test_importance_is_the_square_of_what_the_loss_changes_by() -> None:
    model, arrays = _network(), _arrays(BATCH)
    channels = find_channels(model)
    found = importance(model, channels, arrays, "crossentropy")
    kernel = model.get_layer("conv1").weights[0]
    criterion, images = loss_of(model, "crossentropy"), tf.constant(arrays.images / np.float32(255))
    before = kernel.numpy()
    for channel, group in enumerate(channels.outputs["conv1"]):
        losses = []
        for factor in (0.99, 1.01):  # as its bias is zero, so does its output grow
            kernel.assign(np.where(np.arange(8) == channel, factor, 1) * before)
            losses.append(float(criterion(tf.one_hot(arrays.labels, 2), model(images, training=False))))
        kernel.assign(before)
        change = (losses[1] - losses[0]) / 0.02
        np.testing.assert_allclose(found[group], change**2, rtol=0.15, atol=1e-7)


@pytest.mark.parametrize("name", ["cainvas", "unet"])
def test_costs_of_fewer_channels_are_those_of_the_smaller_network(name: str) -> None:
    found = architecture(name)
    model = found.build((32, 32, 1), found.classes, 0.25)
    channels, costs = find_channels(model), _costs(model)
    left = costs.all - costs.all // 3
    kept = np.ones(channels.count, bool)
    for groups, count in zip(costs.classes, left.tolist(), strict=True):
        kept[groups[count:]] = False
    smaller = _costs(shrink(model, channels, kept))
    np.testing.assert_allclose(smaller.of(smaller.all), costs.of(left))
    file = parse_file(keras_to_int8(model, np.zeros((1, 32, 32, 1), np.uint8)))
    assert costs.of(costs.all)[MACS] == contents(file)["macs"]


def test_what_matters_least_for_what_it_costs_goes_first_and_one_of_each_family_stays() -> None:
    model = _network()
    channels, costs = find_channels(model), _costs(model)
    matters = np.ones(channels.count)
    matters[channels.outputs["dense"]] = 1000
    macs = np.array([1.0, 0, 0, 0])
    goal = costs.of(costs.all)[MACS] / 2
    kept = choose(channels, matters, costs, lambda left: macs if left[MACS] > goal else None)
    assert kept[channels.outputs["dense"]].all()
    assert costs.of(np.array([kept[groups].sum() for groups in costs.classes]))[MACS] <= goal
    kept = choose(channels, matters, costs, lambda left: macs)
    assert [int(kept[family].sum()) for family in channels.families] == [1, 1, 1, 1, 1, 2]


def _widths(rounds: list[Round]) -> list[list[int]]:
    return [[layer.output_shape[-1] for layer in one.model.layers if layer.weights] for one in rounds]


def test_limits_are_met_and_not_by_much_more_than_they_ask_for(tmp_path: Path) -> None:
    model = _network()
    material = _material(model, tmp_path)
    whole = footprint(keras_to_int8(model, material.train.images), "cortex-m4", required=True)[0].vector
    limits = {FLASH: whole[FLASH] - 1200, INSTRUCTIONS: 0.6 * whole[INSTRUCTIONS], RAM: 0.7 * whole[RAM]}
    goal = Goal("cortex-m4", limits, rounds=2)
    rounds = remove_filters(model, goal, material, OPTIONS)
    assert rounds[0].footprint.vector.tolist() == whole.tolist()
    used = rounds[-1].footprint.vector / goal.most(rounds[0].footprint)
    assert 0.8 < used.max() <= 1
    assert min(_widths(rounds)[-1]) >= 1


def _measuring(model: Any, folder: Path, factors: Iterable[float]) -> Material:
    """Return material with tools that count so many times the estimated instructions, one after the other."""
    each = chain(factors, repeat(1.0))

    def measure(compiled: CompiledModel) -> Footprint:
        plan, told = compiled.plan, estimate(compiled.model.graph, compiled.model.schedule, "cortex-m4")
        const = plan["weight_bytes"] + told.const_bytes
        count = round(next(each) * told.instructions)
        return Footprint(plan["macs"], const, told.code_bytes, plan["arena_bytes"], count, None)

    return replace(_material(model, folder), measure=measure)


def test_more_goes_where_a_measurement_is_above_the_limit_and_the_estimate_below(tmp_path: Path) -> None:
    model = _network()
    whole = footprint(keras_to_int8(model, _arrays().images), "cortex-m4", required=True)[0].vector
    goal = Goal("cortex-m4", {INSTRUCTIONS: 0.6 * whole[INSTRUCTIONS]}, rounds=1)
    estimated = remove_filters(model, goal, _material(model, tmp_path / "estimated"), OPTIONS)
    rounds = remove_filters(model, goal, _measuring(model, tmp_path / "measured", repeat(1.4)), OPTIONS)
    assert rounds[-1].footprint.error is None
    assert rounds[-1].within(goal.most(rounds[0].footprint))
    assert rounds[-1].footprint.macs < estimated[-1].footprint.macs


def test_more_goes_where_the_quantized_network_is_above_the_limit(tmp_path: Path) -> None:
    model = _network()
    whole = footprint(keras_to_int8(model, _arrays().images), "cortex-m4", required=True)[0].vector
    goal = Goal("cortex-m4", {INSTRUCTIONS: 0.6 * whole[INSTRUCTIONS]}, rounds=1)
    fitting = shrink_and_quantize(
        model, goal, _measuring(model, tmp_path / "fits", []), OPTIONS, SETTLING, QAT
    )
    material = _measuring(model, tmp_path / "exceeds", [1.0, 1.4])  # the first round, then quantized
    found = shrink_and_quantize(model, goal, material, OPTIONS, SETTLING, QAT)
    assert found.number == len(found.rounds) - 1 == fitting.number + 1
    assert found.reached.within(goal.most(found.rounds[0].footprint))
    assert found.reached.footprint.macs < fitting.reached.footprint.macs
    assert "instructions and flash are measured" in " ".join(told(found))


def test_rounds_that_were_interrupted_come_out_the_same(tmp_path: Path) -> None:
    class KilledError(Exception):
        pass

    def kill(step: str, done: int, total: int, note: str = "") -> None:
        if step == "filters2" and done == 2:
            raise KilledError

    model, goal = _network(), Goal("cortex-m4", {}, removed=0.8, rounds=2)
    whole = remove_filters(model, goal, _material(model, tmp_path / "whole"), OPTIONS)
    with pytest.raises(KilledError):
        remove_filters(model, goal, _material(model, tmp_path / "killed", kill), OPTIONS)
    told = []
    resumed = _material(model, tmp_path / "killed", lambda step, done, total, note="": told.append(step))
    again = remove_filters(model, goal, resumed, OPTIONS)
    assert "filters1" not in told
    assert "filters2" in told
    for one, other in zip(whole[-1].model.get_weights(), again[-1].model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_network_that_can_not_shrink_says_so(tmp_path: Path) -> None:
    make_repeatable(0)
    layers = [L.Flatten(), L.Dense(2, activation="softmax", name="last")]
    model = keras.Sequential([keras.Input((12, 12, 1)), *layers], name="flat")
    with pytest.raises(ModelError, match='"flat" can\'t shrink further: layer "last" keeps its channels, as'):
        remove_filters(model, Goal("cortex-m4", {}, loss=1.0, rounds=1), _material(model, tmp_path), OPTIONS)


def test_where_a_limit_costs_too_much_the_nearest_is_taken_and_said(tmp_path: Path) -> None:
    model = _network()
    material = _material(model, tmp_path)
    goal = Goal("cortex-m4", {INSTRUCTIONS: 20_000}, loss=-1.0, rounds=1)  # nothing is good enough
    found = shrink_and_quantize(model, goal, material, OPTIONS, SETTLING, QAT)
    assert found.number == 0
    sentences = " ".join(told(found))
    assert "the limit of 20,000 instructions can't be met within a loss of -100 points" in sentences
    assert 'layers that keep all of their channels: "last" (it makes the answers)' in sentences


def test_masks_are_scored_by_their_overlap() -> None:
    masks = np.zeros((2, 2, 2, 1), np.uint8)
    masks[0, 0] = 1
    images = np.zeros((2, 2, 2, 1), np.uint8)
    images[0, 0, 0] = 255
    arrays = Arrays(images, np.zeros(2, np.int64), ("a", "b"), (Path("a"), Path("b")), masks)
    image = keras.Input((2, 2, 1))
    model = keras.Model(image, L.Rescaling(1.0)(image))
    np.testing.assert_allclose(scores(model, arrays), [2 / 3, 1])
