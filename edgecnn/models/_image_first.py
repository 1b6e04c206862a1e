# SPDX-License-Identifier: Apache-2.0
"""A network of bytes made one of 0 to 1: one operator takes the place of what it does to its image first."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgecnn.compiler.ir import Normalization
from edgecnn.compiler.picture import require_channels, require_order
from edgecnn.models._input_range import Beginning, Colours, Step, Values, is_close
from edgecnn.models._rebuild import rebuild
from edgecnn.models._twins import twins
from edgecnn.tf import keras, tf

L = keras.layers
SCALING = "input_scaling"  # begins the names of the operators
_WHOLE_NUMBERS = (
    'model "{}" takes whole numbers, bytes of 0 to 255; edgecnn gives it 0 to 1, so it scales them by '
    "255 first"
)
# PyTorch networks mostly leave the scaling to the code around them.
_SILENT = (
    'model "{}" doesn\'t tell which range its image has; edgecnn gives it 0 to 1: if it learned from images '
    "less a mean and divided by a deviation, say so by --mean and --std"
)
# These choose and mix pixels, of black around them, too, and know no values.
_SPATIAL = (L.Resizing, L.Cropping2D, L.ZeroPadding2D)


def with_normalized_image(flat: Any, name: str, normalization: Normalization, order: str = "RGB") -> Any:
    """Return a flat Keras 2 model that takes 0 to 1, where it took what `normalization` says.

    `order` is that of the channels that it took, "RGB" or "BGR"; `normalization` says them as "RGB".

    Raises:
        ModelError: it has other channels than that.
    """
    channels = flat.input_shape[-1]
    require_channels(normalization, channels, f'model "{name}"')
    require_order(order, channels, f'model "{name}"')
    deviation, mean = (
        np.broadcast_to(np.array(values), channels)
        for values in (normalization.deviation, normalization.mean)
    )
    colours = Colours(np.diag(255 / deviation), -mean / deviation)
    if order == "BGR":
        colours = Colours(colours.matrix[:, ::-1], colours.offset[::-1])
    return _through(flat, [_Door(flat.inputs[0], (), colours, changed=True)], 1)


def with_unit_image(
    flat: Any, name: str, *, whole_numbers: bool = False, order: str = "RGB"
) -> tuple[Any, list[str]]:
    """Return a flat Keras 2 model that takes 0 to 1, where it took 0 to 255, and a sentence on that.

    What it does to each pixel by itself, before any weights, becomes one operator, or none.

    Args:
        flat: the model.
        name: what the sentence calls it.
        whole_numbers: its input had an integer type, so that it took bytes, whatever it does to them.
        order: of the channels that it took, "RGB" or "BGR".

    Raises:
        ModelError: it has not three channels, and `order` is "BGR".
    """
    require_order(order, flat.input_shape[-1], f'model "{name}"')
    beginning = _beginning(flat)
    if any(id(output) in beginning.values for output in flat.outputs):
        return flat, []  # it has no weights at all
    doors = _doors(flat, beginning)
    wants_bytes, notes = beginning.told(name)
    if whole_numbers:
        wants_bytes, notes = True, [_WHOLE_NUMBERS.format(name)]
    elif not notes and Path(name).suffix == ".onnx" and beginning.is_silent():
        notes = [_SILENT.format(name)]
    factor = 255 if wants_bytes else 1
    if order == "BGR":
        doors = [
            replace(door, colours=Colours(door.colours.matrix[::-1], door.colours.offset)) for door in doors
        ]
    elif factor == 1 and all(not door.changed for door in doors):
        return flat, notes
    return _through(flat, doors, factor), notes


@dataclass(frozen=True)
class _Door:
    """A tensor of the image's pixels, chosen by `spatial` layers and `changed` as `colours` says."""

    tensor: Any
    spatial: tuple[Any, ...]
    colours: Colours
    changed: bool


def _nodes(flat: Any) -> list[Any]:
    depths = sorted(flat._nodes_by_depth, reverse=True)
    return [node for depth in depths for node in flat._nodes_by_depth[depth] if not node.is_input]


def _beginning(flat: Any) -> Beginning:
    tensors = {id(flat.inputs[0]): flat.inputs[0]}
    steps = []
    for node in _nodes(flat):
        outputs = tf.nest.flatten(node.outputs)
        tensors |= zip(map(id, outputs), outputs, strict=True)
        steps.append(
            Step(
                node.layer.name,
                list(map(id, node.keras_inputs)),
                list(map(id, outputs)),
                not node.layer.weights,
                _statistics(node.layer),
            )
        )

    def run(wanted: Sequence[int], images: npt.NDArray[np.float32]) -> list[Values]:
        model = keras.Model(flat.inputs, [tensors[tensor] for tensor in wanted])
        return [np.asarray(values, np.float64) for values in tf.nest.flatten(model(images, training=False))]

    return Beginning(id(flat.inputs[0]), flat.input_shape[1:], steps, run)


def _statistics(layer: Any) -> tuple[Values, Values] | None:
    if not isinstance(layer, L.BatchNormalization) or list(layer.axis) != [3]:
        return None
    mean, variance = (np.array(values, np.float64) for values in (layer.moving_mean, layer.moving_variance))
    return mean, np.sqrt(variance + layer.epsilon)


def _doors(flat: Any, beginning: Beginning) -> list[_Door]:
    """Return the tensors behind which the model is more than a function of each pixel by itself."""
    image = beginning.image
    tensors, changed = {image: flat.inputs[0]}, {image: False}
    spatial: dict[int, tuple[Any, ...]] = {image: ()}
    for node in _nodes(flat):
        given = {spatial.get(id(tensor)) for tensor in node.keras_inputs}
        if len(given) != 1 or "training" in signature(node.layer.call).parameters:
            continue
        if (cut := given.pop()) is None:
            continue
        moves = isinstance(node.layer, _SPATIAL)
        for output in tf.nest.flatten(node.outputs):
            layers = (*cut, node.layer) if moves else cut
            if _is_of_pixels(id(output), layers, beginning):
                tensors[id(output)], spatial[id(output)] = output, layers
                changed[id(output)] = not moves or any(changed[id(tensor)] for tensor in node.keras_inputs)
    doors = [
        _Door(tensors[tensor], spatial[tensor], _of_pixel(beginning, tensor), changed[tensor])
        for tensor in beginning.behind(spatial)
    ]
    if all(door.tensor.shape.rank == 4 for door in doors):
        return doors
    return [_Door(flat.inputs[0], (), _of_pixel(beginning, image), changed=False)]


def _is_of_pixels(tensor: int, spatial: Sequence[Any], beginning: Beginning) -> bool:
    """Say whether each pixel of a tensor is an affine function of that pixel of the image, once it is cut."""
    if tensor not in beginning.colours:
        return False
    pixels, values = beginning.probes.noise, beginning.values[tensor][-2:]
    for layer in spatial:
        pixels = layer(pixels)
    if values.shape[:3] != pixels.shape[:3]:
        return False
    colours = _of_pixel(beginning, tensor)
    expected = np.asarray(pixels) @ colours.matrix + colours.offset
    values = values.reshape(expected.shape)
    return all(map(is_close, values, expected))  # of bytes, and of 0 to 1


def _of_pixel(beginning: Beginning, tensor: int) -> Colours:
    """Return what becomes of the pixel in the middle, which is of the image and not of what lies around."""
    whole, (_, height, width, *_) = beginning.colours[tensor], beginning.values[tensor].shape
    middle = (height // 2) * width + width // 2
    return Colours(
        whole.matrix.reshape(len(whole.matrix), height * width, -1)[:, middle],
        whole.offset.reshape(height * width, -1)[middle],
    )


def _through(flat: Any, doors: Sequence[_Door], factor: float) -> Any:
    """Return the model with the doors made of an image of 0 to 1 by spatial layers and one operator each."""
    copies: dict[tuple[int, ...], Any] = {}

    def begin(image: Any) -> list[Any]:
        starts: list[Any] = []
        for door in doors:
            tensor, path = image, tuple[int, ...]()
            for layer in door.spatial:
                path = (*path, id(layer))
                if path not in copies:
                    copies[path] = type(layer).from_config(layer.get_config())(tensor)
                tensor = copies[path]
            number = f"_{len(starts)}" if starts else ""
            first = _first_layer(door.colours, factor, f"{SCALING}{number}")
            starts.append(first(tensor) if first else tensor)
        return starts

    rest = keras.Model([door.tensor for door in doors], flat.outputs[0], name=flat.name)
    return rebuild(rest, twins, begin, flat.input_shape[1:])


def _first_layer(colours: Colours, factor: float, name: str) -> Any:
    """Return a layer that does the same to each pixel, `factor` times as much; None: there is nothing to do.

    It is a convolution of one tap, because the toolkit quantizes that and TFLite knows it; of each channel by
    itself where that suffices.
    """
    matrix, offset = factor * colours.matrix, colours.offset
    channels, outputs = matrix.shape
    diagonal = channels == outputs and np.array_equal(matrix, np.diag(np.diag(matrix)))
    if diagonal and np.allclose(matrix, np.eye(channels), atol=1e-6) and np.allclose(offset, 0, atol=1e-6):
        return None
    layer = (
        L.DepthwiseConv2D(1, name=name, trainable=False)
        if diagonal
        else L.Conv2D(outputs, 1, name=name, trainable=False)
    )
    layer.build((None, None, None, channels))
    weights = np.diag(matrix).reshape(1, 1, -1, 1) if diagonal else matrix[None, None]
    layer.set_weights([weights, offset])
    return layer
