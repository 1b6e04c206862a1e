# SPDX-License-Identifier: Apache-2.0
"""What of a network can't be compressed or compiled: tried before training, as weights don't matter."""

from typing import Any

import numpy as np

from edgecnn.compiler.compile import run_passes
from edgecnn.compiler.reading.tflite import parse
from edgecnn.compression.annotate import with_channelwise_norms
from edgecnn.compression.pruning import wrapped
from edgecnn.compression.qat import imitated
from edgecnn.converters.keras_to_tflite import keras_to_int8
from edgecnn.converters.layer_at_fault import at_layer, naming_layers
from edgecnn.errors import ModelError
from edgecnn.gate.config import may_be_called
from edgecnn.tf import keras, tfmot


def require_readable(model: Any) -> None:
    """Check that a network can be read again once it is saved.

    Raises:
        ModelError: a layer, which is named, can't be made from what a file would say of it.
    """
    for layer in model.layers:
        if type(layer).__name__ in ("TFOpLambda", "SlicingOpLambda"):
            _require_callable(layer)
        try:
            read = keras.layers.deserialize(keras.layers.serialize(layer))
        except Exception:  # whatever a person's class raises
            read = None
        if type(read) is not type(layer):
            raise ModelError(
                f'layer "{layer.name}" ({type(layer).__name__}) could be saved, but not read again: give its '
                "class a get_config with all that its __init__ takes, and "
                "@keras.utils.register_keras_serializable()"
            )
    try:
        keras.models.model_from_json(model.to_json())
    except Exception as error:  # whatever Keras can't write down
        raise ModelError(f"it could be saved, but not read again: {str(error).splitlines()[0]}") from error


def _require_callable(layer: Any) -> None:
    function = layer.get_config()["function"]
    if not may_be_called(function):
        raise ModelError(
            f'function "{layer.name}" (tf.{function}) could be saved, but is none of those that edgecnn '
            "reads from a file: use a layer of Keras in its place, or a class of your own"
        )


def obstacles(model: Any) -> list[str]:
    """Return a sentence for each step that can't take a network, by the layer that is at fault.

    Args:
        model: a flat Keras 2 model, which is left as it is.
    """
    image = np.random.default_rng(0).integers(0, 256, (1, *model.input_shape[1:]), np.uint8)
    sentences = []

    def imitate(part: Any) -> bytes:
        wrapped(part, tfmot.sparsity.keras.ConstantSparsity(0.5, 0))
        return keras_to_int8(imitated(with_channelwise_norms(part))[0], image)

    def quantize(part: Any) -> bytes:
        return keras_to_int8(part, image)

    try:
        tflite = imitate(model)
    except Exception as error:  # the toolkit has no type of its own
        try:  # only now: a large network costs ten seconds, and what has come out by imitation does without
            tflite = naming_layers(quantize, model)
        except ModelError as cause:
            return [f"'edgecnn compress' can't quantize it: {cause}"]
        reason = at_layer(model, (str(error).strip() or type(error).__name__).splitlines()[0], imitate)
        sentences.append(f"'edgecnn compress' takes it with --ptq only: {reason}")
    try:
        run_passes(parse(tflite))
    except ModelError as error:
        reason = at_layer(model, str(error), lambda part: run_passes(parse(quantize(part))))
        sentences.append(f"'edgecnn compile' can't make C of it, TensorFlow Lite runs it: {reason}")
    return sentences
