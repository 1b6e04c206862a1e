# SPDX-License-Identifier: Apache-2.0
"""Groups of coupled channels are found in any graph, and go without a trace where their weights are zero."""

from typing import Any

import numpy as np
import pytest
from graphs import NETWORKS, PIECES, random_graph
from numpy.typing import NDArray

from edgecnn.compression.channels import Channels, find_channels
from edgecnn.compression.shrink import shrink
from edgecnn.models import architecture, architectures
from edgecnn.tf import keras

L = keras.layers
SIZES = {"cainvas": (24, 24, 1), "inception-transfer": (75, 75, 3), "unet": (16, 16, 3), "cbam": (32, 32, 3)}


def _randomize(model: Any, draw: np.random.Generator) -> None:
    """Give a model weights and statistics of which none is zero or one."""
    weights = [
        draw.uniform(0.5, 1.5, weight.shape)
        if "variance" in weight.name
        else draw.normal(0, 0.5, weight.shape)
        for weight in model.weights
    ]
    model.set_weights(weights)


def _choose(channels: Channels, draw: np.random.Generator) -> NDArray[np.bool_]:
    """Return which groups stay: of those that may go about half, and two of each family.

    Of one the shape doesn't tell any more whether it meets others in a product, or is broadcast.
    """
    kept = ~channels.removable | (draw.random(channels.count) < 0.5)
    for family in channels.families:
        kept[family[:2]] |= kept[family].sum() < 2
    return kept


def _silence(model: Any, channels: Channels, kept: NDArray[np.bool_]) -> None:
    """Let all weights of the groups that go be zero."""
    for layer in model.layers:
        weights = layer.get_weights()
        for weight, axes in zip(weights, channels.axes.get(layer.name, ()), strict=False):
            for axis, groups in axes.all:
                np.moveaxis(weight, axis, 0)[~kept[groups]] = 0
        layer.set_weights(weights)


def _assert_shrinks(model: Any, seed: int) -> Channels:
    draw = np.random.default_rng(seed)
    channels = find_channels(model)
    _randomize(model, draw)
    kept = _choose(channels, draw)
    _silence(model, channels, kept)
    small = shrink(model, channels, kept)
    images = draw.random((3, *model.input_shape[1:])).astype(np.float32)
    wanted = model(images, training=False).numpy()
    np.testing.assert_allclose(small(images, training=False).numpy(), wanted, atol=1e-6)
    left = find_channels(small)
    assert left.count == kept.sum()
    np.testing.assert_array_equal(left.removable, channels.removable[kept])
    return channels


@pytest.mark.parametrize("seed", range(2 * len(PIECES)))
def test_random_graphs_compute_the_same_without_silent_groups(seed: int) -> None:
    channels = _assert_shrinks(random_graph(seed), seed)
    assert channels.removable.any()


@pytest.mark.parametrize("name", architectures())
def test_networks_of_edgecnn_shrink(name: str) -> None:
    found = architecture(name)
    channels = _assert_shrinks(found.build(SIZES.get(name, (48, 48, 3)), found.classes, 0.25), 0)
    answers = {"unet": "mask"}.get(name, "probabilities")
    attention = {"place_attention": "it is one channel"} if name == "cbam" else {}
    assert channels.kept_whole == {**attention, answers: "it makes the answers"}


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_of_others_shrink(name: str) -> None:
    channels = _assert_shrinks(NETWORKS[name](), 1)
    assert list(channels.kept_whole.values()) == ["it makes the answers"]


def test_a_residual_sum_joins_channels_and_a_concatenation_does_not() -> None:
    image = keras.Input((8, 8, 1))
    first, second = (L.Conv2D(4, 1, name=name)(image) for name in ("first", "second"))
    third = L.Conv2D(3, 1, name="third")(L.Add()([first, second]))
    both = L.GlobalAveragePooling2D()(L.Concatenate(name="both")([first, third]))
    channels = find_channels(keras.Model(image, L.Dense(2, name="last")(both)))
    assert channels.count == 1 + 4 + 3 + 2
    np.testing.assert_array_equal(channels.outputs["first"], channels.outputs["second"])
    expected = [*channels.outputs["first"], *channels.outputs["third"]]
    np.testing.assert_array_equal(channels.outputs["both"], expected)


def test_flattening_repeats_channels_for_each_place() -> None:
    layers = [L.Conv2D(3, 1, name="conv"), L.Flatten(), L.Dense(2, name="last")]
    channels = find_channels(keras.Sequential([keras.Input((2, 2, 1)), *layers]))
    np.testing.assert_array_equal(channels.inputs["last"], np.tile(channels.outputs["conv"], 4))


def test_what_can_not_be_cut_is_named_with_its_reason() -> None:
    image = keras.Input((8, 8, 1))
    maps = L.LayerNormalization(name="norm")(L.Conv2D(4, 3, name="before")(image))
    maps = L.Conv2D(5, 3, name="free")(maps)
    model = keras.Model(image, L.Dense(2, name="last")(L.GlobalAveragePooling2D()(maps)))
    reason = 'layer "norm" (LayerNormalization) needs all of them'
    assert find_channels(model).kept_whole == {"before": reason, "last": "it makes the answers"}


def test_a_maximum_over_channels_that_may_be_negative_keeps_them() -> None:
    from edgecnn.models._layers import ChannelMax

    image = keras.Input((8, 8, 1))
    maps = L.Conv2D(4, 3, name="conv")(image)
    features = L.Flatten()(L.Concatenate()([ChannelMax(name="max")(maps), maps]))
    channels = find_channels(keras.Model(image, L.Dense(2, name="last")(features)))
    assert channels.kept_whole["conv"] == 'layer "max" (ChannelMax) needs all of them'
