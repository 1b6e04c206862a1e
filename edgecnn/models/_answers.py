# SPDX-License-Identifier: Apache-2.0
"""Whether a network answers with probabilities, or with logits that a softmax or sigmoid has to follow."""

from typing import Any

from edgecnn.tf import keras

L = keras.layers
_PROBABILITIES = ("softmax", "sigmoid")
# Of probabilities these make probabilities.
_KEEPS = (
    L.Flatten, L.Reshape, L.Permute, L.Dropout, L.Cropping2D, L.UpSampling2D, L.Resizing,
    L.Average, L.Maximum, L.Minimum, L.Multiply,
    L.AveragePooling2D, L.MaxPooling2D, L.GlobalAveragePooling2D, L.GlobalMaxPooling2D,
)  # fmt: skip


def answers_with_logits(model: Any) -> bool:
    """Say whether the last layers of a flat Keras 2 model leave out what makes probabilities."""
    return not _is_probability(model.outputs[0])


def _is_probability(tensor: Any) -> bool:
    unknown, seen = [tensor], set[int]()
    while unknown:
        tensor = unknown.pop()
        layer, index = tensor._keras_history.layer, tensor._keras_history.node_index
        if id(tensor) in seen or _makes_probabilities(layer):
            continue
        if not isinstance(layer, _KEEPS):
            return False
        seen.add(id(tensor))  # what is taken twice is looked at once
        unknown += layer.inbound_nodes[index].keras_inputs
    return True


def _makes_probabilities(layer: Any) -> bool:
    if isinstance(layer, L.ReLU):
        return bool(layer.max_value == 1)
    name = _name(layer)
    return isinstance(layer, L.Softmax) or (name.endswith(_PROBABILITIES) and "log" not in name)


def _name(layer: Any) -> str:
    """Return the name of what a layer ends in: its activation's, or its own function's."""
    return getattr(getattr(layer, "activation", layer), "__name__", type(layer).__name__)


def probabilities(model: Any) -> tuple[Any, str]:
    """Return a model of logits with what makes probabilities behind it, and the name of that."""
    kind = "sigmoid" if model.output_shape[-1] == 1 else "softmax"
    layer = L.Activation(kind, name=f"{model.outputs[0]._keras_history.layer.name}_{kind}")
    return keras.Model(model.inputs, layer(model.outputs[0]), name=model.name), kind
