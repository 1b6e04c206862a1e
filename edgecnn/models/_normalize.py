# SPDX-License-Identifier: Apache-2.0
"""A person's own network, of Keras 2 or 3, as what edgecnn trains, prunes and quantizes.

That is a flat Keras 2 model of float32 layers, which takes an image of 0 to 1 and answers with probabilities.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from edgecnn.compiler.ir import Normalization
from edgecnn.errors import ModelError
from edgecnn.models._answers import answers_with_logits, probabilities
from edgecnn.models._image_first import with_normalized_image, with_unit_image
from edgecnn.models._rebuild import rebuild
from edgecnn.models._twins import imitates_int8, is_augmentation, twins
from edgecnn.tf import tfmot


def normalized(
    model: Any, name: str, normalization: Normalization | None = None, order: str = "RGB"
) -> tuple[Any, list[str]]:
    """Return a model that edgecnn can train, prune and quantize, and a sentence for each change of meaning.

    Outside of training it computes what `model` does: of an image of 0 to 1, or, where the first layers scale
    an image of bytes, of 255 times that. Logits stay logits (`with_probabilities`).

    Args:
        model: a Keras model of one image input, with weights.
        name: what to call it in the sentences.
        normalization: what a picture is to `model`; None: that is found by what it does to it first.
        order: of the channels that it takes; "BGR" is turned into "RGB".

    Raises:
        ModelError: it has several inputs or outputs, other channels than `normalization`, or a layer that
            can't be taken over, which is named.
    """
    flat, notes = flat_twin(model, name)
    if normalization is not None:
        return with_normalized_image(flat, name, normalization, order), notes
    whole_numbers = "int" in str(model.inputs[0].dtype)
    flat, scaled = with_unit_image(flat, name, whole_numbers=whole_numbers, order=order)
    if whole_numbers and order == "RGB":
        _require_same(model, flat, name)
    return flat, notes + scaled


def flat_twin(model: Any, name: str) -> tuple[Any, list[str]]:
    """Return a flat Keras 2 model that computes what `model` does, and a sentence for each change of meaning.

    Raises:
        ModelError: it has several inputs or outputs, or a layer that can't be taken over, which is named.
    """
    if (len(model.inputs), len(model.outputs)) != (1, 1):
        outputs = ", ".join(map(_layer_name, model.outputs))
        raise ModelError(
            f'model "{name}" has {len(model.inputs)} inputs and {len(model.outputs)} outputs ({outputs}), '
            "not one of each; give keras.Model(image, the output that is meant)"
        )
    if any(type(layer).__name__ == "ClusterWeights" for layer in model.layers):
        model = tfmot.clustering.keras.strip_clustering(model)
    layers: list[Any] = []

    def seen(layer: Any, own: str) -> Sequence[Any]:
        layers.append(layer)
        return twins(layer, own)

    return rebuild(model, seen), _told(name, layers)


def _require_same(model: Any, flat: Any, name: str) -> None:
    """Refuse a model that does something else with whole numbers than with floats of the same values."""
    image = np.random.default_rng(0).integers(0, 256, (1, *flat.input_shape[1:])).astype(np.uint8)
    expected, answer = np.array(model(image, training=False)), np.array(flat(image / np.float32(255)))
    if not np.allclose(expected, answer, rtol=1e-3, atol=1e-3 * np.abs(expected).max()):
        raise ModelError(
            f'model "{name}" takes whole numbers ({model.inputs[0].dtype}), and answers otherwise to floats '
            'of the same values; give it keras.Input(..., dtype="float32")'
        )


def _layer_name(tensor: Any) -> str:
    history = tensor._keras_history
    return f'"{(getattr(history, "layer", None) or history.operation).name}"'


def _told(name: str, layers: Sequence[Any]) -> list[str]:
    """Return a sentence on each kind of layer that training will see otherwise than the person's own did."""
    random = [f'{type(layer).__name__} "{layer.name}"' for layer in layers if is_augmentation(layer)]
    half = [layer.name for layer in layers if getattr(layer, "compute_dtype", "") == "float16"]
    notes = []
    if any(map(imitates_int8, layers)):
        notes.append(
            f'model "{name}" imitates int8 already; that is taken off it, as edgecnn compress does it anew'
        )
    if random:
        notes.append(
            f'model "{name}" changes images at random, in training alone, by {", ".join(random)}; that is '
            "left out: ask for the like by --augment"
        )
    if half:
        notes.append(
            f'model "{name}" computes in float16, from layer "{half[0]}" on; it is made float32, which is '
            "what gets quantized (--mixed-precision trains in float16)"
        )
    return notes


def with_probabilities(model: Any, name: str) -> tuple[Any, list[str]]:
    """Return a normalized model that answers with probabilities, and a sentence if it gave logits before."""
    if not answers_with_logits(model):
        return model, []
    last = model.outputs[0]._keras_history.layer.name
    model, added = probabilities(model)
    return model, [
        f'model "{name}" ends in logits, by layer "{last}": a {added} is added behind it, as edgecnn trains '
        "and decides by probabilities"
    ]
