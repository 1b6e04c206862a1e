# SPDX-License-Identifier: Apache-2.0
"""A network without some of its groups of channels: a smaller Keras model, with the weights that are left."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compression.channels import Axes, Channels, Numbers
from edgecnn.models._rebuild import rebuild
from edgecnn.tf import keras

L = keras.layers


def shrink(model: Any, channels: Channels, kept: NDArray[np.bool_]) -> Any:
    """Return a smaller copy of a flat Keras 2 model; what is in groups that stay keeps its weights.

    Where the weights of all others are zero, it computes what `model` does.

    Args:
        model: what `channels` was found in.
        channels: its groups.
        kept: (groups,): which of them stay; all that are not removable, and one of each family, have to.
    """
    assert kept[~channels.removable].all()
    assert all(kept[family].any() for family in channels.families)
    return rebuild(model, lambda layer, name: [_smaller(layer, name, channels, kept)])


def _smaller(layer: Any, name: str, channels: Channels, kept: NDArray[np.bool_]) -> Any:
    """Return a built layer that makes the channels that stay from those that stay."""
    config = {**layer.get_config(), "name": name}
    left = int(kept[channels.outputs[layer.name]].sum())
    for size in ("filters", "units"):
        if size in config and layer.name in channels.axes:
            config[size] = left
    if isinstance(layer, L.Reshape):
        config["target_shape"] = (*layer.output_shape[1:-1], left)
    twin = type(layer).from_config(config)
    if layer.weights:
        given = int(kept[channels.inputs[layer.name]].sum())
        twin.build((*layer.input_shape[:-1], given))
        axes = channels.axes.get(layer.name, [Axes()] * len(layer.weights))
        twin.set_weights(
            [_cut(weight, of, channels, kept) for weight, of in zip(layer.get_weights(), axes, strict=True)]
        )
    return twin


def _cut(weight: NDArray[Any], axes: Axes, channels: Channels, kept: NDArray[np.bool_]) -> NDArray[Any]:
    for axis, groups in axes.read.items():
        shape = [1] * weight.ndim
        shape[axis] = -1
        weight = weight * _growth(groups, channels, kept).reshape(shape)
    for axis, groups in axes.all:
        weight = np.compress(kept[groups], weight, axis)
    return weight


def _growth(groups: Numbers, channels: Channels, kept: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return a factor for the weights of each channel: a mean without silent ones is larger."""
    factors = np.ones(len(groups), np.float32)
    for group, of in channels.means.items():
        factors[groups == group] = kept[of].mean()
    return factors
