# SPDX-License-Identifier: Apache-2.0
"""What range of values a network wants its image in: told by the layers that scale the image first."""

from typing import Any

import numpy as np
import numpy.typing as npt

from edgecnn.tf import keras

# Scaled by less, 255 levels of a byte become what a network learns from, and of 0 to 1 nothing is left.
# On a scale of ratios, it is the middle between 1/255 and 1.
_WANTS_BYTES = 1 / 16
# No picture of 0 to 1 has a mean above its white.
_HIGHEST_MEAN = 1.0
# Of an image that is scaled and moved, these make the same, scaled and moved.
_COMMUTES = (keras.layers.Resizing, keras.layers.Cropping2D)
_Channels = npt.NDArray[np.float64]


def scaled_image(model: Any) -> tuple[Any, list[Any]]:
    """Return the tensor behind the layers of a flat model that only scale or cut its image, and those layers.

    Behind layers that resize or crop it, without any that scales it, there is nothing to tell: then the
    tensor is the image, and there are no layers.
    """
    layers: list[Any] = []
    tensor = model.inputs[0]
    while True:
        consumers = [node for layer in model.layers for node in layer.inbound_nodes if _takes(node, tensor)]
        if len(consumers) != 1 or not isinstance(consumers[0].layer, (keras.layers.Rescaling, *_COMMUTES)):
            break
        layers.append(consumers[0].layer)
        tensor = consumers[0].outputs
    scales = any(isinstance(layer, keras.layers.Rescaling) for layer in layers)
    return (tensor, layers) if scales else (model.inputs[0], [])


def _takes(node: Any, tensor: Any) -> bool:
    return any(tensor is given for given in node.keras_inputs)


def scaling(layers: list[Any], channels: int) -> tuple[_Channels, _Channels]:
    """Return scale and offset, for each channel, of what Rescaling layers do one after the other."""
    scale, offset = np.ones(channels), np.zeros(channels)
    for layer in layers:
        if isinstance(layer, _COMMUTES):
            continue
        scale, offset = scale * layer.scale, offset * layer.scale + layer.offset
    return scale, offset


def wants_bytes(scale: _Channels, offset: _Channels) -> bool:
    """Say whether a network whose first layers scale and move so was made for 0 to 255, and not 0 to 1."""
    mean_above_white = np.all(-offset * np.sign(scale) > _HIGHEST_MEAN * np.abs(scale))
    return bool(np.abs(scale).max() <= _WANTS_BYTES or mean_above_white)


def without_scale(layers: list[Any]) -> list[Any]:
    """Return those of an image's first layers that only resize or crop it."""
    return [layer for layer in layers if isinstance(layer, _COMMUTES)]


def first_layer(scale: _Channels, offset: _Channels) -> Any:
    """Return a layer that does the same to each channel in one operator; None where there is nothing to do.

    It is a depthwise convolution of one tap, because the toolkit quantizes that and TFLite knows it.
    """
    if np.allclose(scale, 1, atol=1e-6) and np.allclose(offset, 0, atol=1e-6):
        return None
    layer = keras.layers.DepthwiseConv2D(1, name="input_scaling", trainable=False)
    layer.build((None, None, None, len(scale)))
    layer.set_weights([scale.reshape(1, 1, -1, 1), offset])
    return layer
