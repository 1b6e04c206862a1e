# SPDX-License-Identifier: Apache-2.0
"""What scales a network's image goes into the weights of the convolutions behind it, where that is exact.

In training the two stay apart: weights that are 255 times as large, or as small, would learn at another pace.
"""

from typing import Any

import numpy as np

from edgecnn.models._image_first import SCALING
from edgecnn.models._rebuild import calls, rebuild
from edgecnn.models._twins import twins
from edgecnn.tf import keras, tf

L = keras.layers


def with_folded_scaling(model: Any) -> Any:
    """Return a flat Keras 2 model that computes the same with fewer operators; itself where nothing folds.

    A convolution takes a scaling into its weights. It takes an offset into its bias, unless it pads: its
    zeros would have to be another colour.
    """
    folded: dict[str, list[Any]] = {}
    for scaling in model.layers:
        if scaling.name.startswith(SCALING):
            behind = _behind(model, scaling)
            if len(set(behind)) == len(behind) > 0 and all(_takes(layer, scaling) for layer in behind):
                folded |= {scaling.name: [], **{layer.name: [_folded(layer, scaling)] for layer in behind}}
    if not folded:
        return model
    return rebuild(model, lambda layer, name: folded[name] if name in folded else twins(layer, name))


def _behind(model: Any, scaling: Any) -> list[Any]:
    """Return the layers that take what another makes, once for each call."""
    made = id(scaling.output)
    return [layer for layer, given, _ in calls(model) if made in map(id, tf.nest.flatten(given))]


def _takes(layer: Any, scaling: Any) -> bool:
    """Say whether a layer can do what one of `with_unit_image` does before it, besides its own."""
    plain = type(layer) is L.Conv2D or (type(layer) is L.DepthwiseConv2D and type(scaling) is type(layer))
    return plain and layer.groups == 1 and (layer.padding == "valid" or not scaling.get_weights()[1].any())


def _folded(layer: Any, scaling: Any) -> Any:
    """Return a convolution, built, that does what two do one after the other."""
    (taps, offset), (kernel, *bias) = scaling.get_weights(), layer.get_weights()
    carried = np.einsum("i,hwio->io", offset, kernel)
    if type(layer) is L.DepthwiseConv2D:
        weights, carried = kernel * taps.reshape(-1, 1), carried.ravel()
    else:
        matrix = np.diag(taps.ravel()) if type(scaling) is L.DepthwiseConv2D else taps[0, 0]
        weights, carried = np.einsum("ij,hwjo->hwio", matrix, kernel), carried.sum(axis=0)
    twin = type(layer).from_config({**layer.get_config(), "use_bias": True})
    twin.build((None, *scaling.input_shape[1:]))
    twin.set_weights([weights, sum(bias, carried)])
    return twin
