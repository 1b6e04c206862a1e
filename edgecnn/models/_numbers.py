# SPDX-License-Identifier: Apache-2.0
"""A network of numbers that are no pictures, as what edgecnn trains, prunes and quantizes."""

from typing import Any

import numpy as np

from edgecnn.compiler.ir import Normalization, Ranges
from edgecnn.models._image_first import with_normalized_image
from edgecnn.models._maps import as_maps
from edgecnn.models._normalize import flat_twin
from edgecnn.models._rebuild import rebuild
from edgecnn.models._twins import twins
from edgecnn.tf import keras

_STEPS = 255


def network_of_numbers(model: Any, name: str) -> tuple[Any, list[str]]:
    """Return a flat Keras 2 model over maps that computes what `model` does, and a sentence for each change.

    Raises:
        ModelError: as `normalized`, or a layer has no twin.
    """
    flat, notes = flat_twin(model, name)
    return as_maps(flat), notes


def with_scaled_numbers(model: Any, name: str, ranges: Ranges) -> Any:
    """Return a model that takes the bytes of numbers, each as 0 to 1, where it took the numbers themselves.

    `ranges` are what 0 and 1 of each channel are to it.
    What the model does to each channel first (Rescaling, Normalization) goes into the same operator.
    """
    scale, offset, rest = _leading_scaling(model)
    lows, spans = np.array([low for low, _ in ranges]), np.array([high - low for low, high in ranges])
    factor, added = spans * scale, lows * scale + offset
    # A byte is (byte - mean) / deviation to it.
    deviation = _STEPS / factor
    return with_normalized_image(
        rest, name, Normalization(tuple((-added * deviation).tolist()), tuple(deviation.tolist()))
    )


def _leading_scaling(model: Any) -> tuple[Any, Any, Any]:
    """Return what a model multiplies its numbers by and adds first, and the model without that."""
    scale, offset = np.ones(model.input_shape[-1]), np.zeros(model.input_shape[-1])
    while (first := _first_rescaling(model)) is not None:
        factor = np.array(first.scale, np.float64)
        scale, offset = scale * factor, offset * factor + np.array(first.offset, np.float64)
        model = _without(model, first.name)
    return scale, offset, model


def _without(model: Any, name: str) -> Any:
    """Return the model without a layer: what came into it goes on as it is."""
    return rebuild(model, lambda layer, own: [] if layer.name == name else twins(layer, own))


def _first_rescaling(model: Any) -> Any:
    """Return the layer that alone takes the image, where it scales it by factors that aren't 0."""
    image = model.inputs[0]
    takers = [node.layer for node in image._keras_history.layer.outbound_nodes]
    if len(takers) != 1 or not isinstance(takers[0], keras.layers.Rescaling):
        return None
    return takers[0] if np.all(np.array(takers[0].scale) != 0) else None
