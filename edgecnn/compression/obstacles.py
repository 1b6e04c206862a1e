# SPDX-License-Identifier: Apache-2.0
"""What of a network can't be compressed or compiled: tried before training, as weights don't matter."""

import re
from typing import Any

import numpy as np

from edgecnn.compiler.compile import run_passes
from edgecnn.compiler.reading.tflite import parse
from edgecnn.compression.annotate import with_channelwise_norms
from edgecnn.compression.pruning import wrapped
from edgecnn.compression.qat import imitated
from edgecnn.converters.keras_to_tflite import keras_to_int8
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
    try:
        wrapped(model, tfmot.sparsity.keras.ConstantSparsity(0.5, 0))
        tflite = keras_to_int8(imitated(with_channelwise_norms(model))[0], image)
    except Exception as error:  # the toolkit has no type of its own
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        sentences.append(f"'edgecnn compress' takes it with --ptq only: {_at(model, reason)}")
        try:  # only now: a large network costs ten seconds, and what has come out by imitation does without
            tflite = keras_to_int8(model, image)
        except ModelError as cause:
            return [f"'edgecnn compress' can't quantize it: {_at(model, str(cause))}"]
    try:
        run_passes(parse(tflite))
    except ModelError as error:
        sentences.append(
            f"'edgecnn compile' can't make C of it, TensorFlow Lite runs it: {_at(model, str(error))}"
        )
    return sentences


def _at(model: Any, reason: str) -> str:
    """Return a reason with the layer that it names, by its own name, in front; the toolkit adds to names."""
    words = set(re.findall(r"\w[\w.-]*", reason))
    names = [layer.name for layer in model.layers if {layer.name, f"quant_{layer.name}"} & words]
    return f'layer "{max(names, key=len)}": {reason}' if names else reason
