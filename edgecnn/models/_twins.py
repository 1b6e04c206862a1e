# SPDX-License-Identifier: Apache-2.0
"""Which layers of Keras 2, that can be pruned and quantized, do what a layer of a person's model does."""

from collections.abc import Sequence
from inspect import Parameter, signature
from typing import Any

import numpy as np

from edgecnn.errors import ModelError
from edgecnn.models._functions import function_twins, numbers
from edgecnn.models._layers import HardSwish
from edgecnn.models._rebuild import is_keras3
from edgecnn.tf import keras

L = keras.layers
# What the toolkit imitates inside of a layer; any other activation becomes a layer behind it.
_INSIDE = {
    **{name: name for name in ("linear", "relu", "softmax", "sigmoid", "tanh", "swish", "gelu")},
    "silu": "swish",
}
_IMITATING = ("QuantizeWrapper", "QuantizeWrapperV2")
_TOOLKIT = ("PruneLowMagnitude", "QuantizeAnnotate", *_IMITATING)
# Those beside Random...: layers that change images in training alone.
_AUGMENTATION = ("AugMix", "CutMix", "MixUp", "RandAugment")


def twins(layer: Any, name: str) -> Sequence[Any]:
    """Return float32 Keras 2 layers that compute, outside of training, what a layer of Keras 2 or 3 does.

    Raises:
        ModelError: there are none.
    """
    called = type(layer).__name__
    if called in _TOOLKIT:
        return twins(layer.layer, name)
    if called == "QuantizeLayer" or is_augmentation(layer):
        return _augmentation(layer, name)
    if called == "Normalization":
        return [_normalization(layer, name)]
    if called in ("TFOpLambda", "SlicingOpLambda") or not hasattr(layer, "get_weights"):
        return function_twins(layer, name)
    if called == "Activation":
        inside, behind = _split(layer.activation, name)
        return behind or [L.Activation(inside, name=name)]
    config, behind = _config(layer, name), []
    if callable(getattr(layer, "activation", None)):
        config["activation"], behind = _split(layer.activation, f"{name}_activation")
    kind = _class_of(layer, name)
    # Of what it has seen, Keras 2 wants the shapes in the configuration, which Keras 3 doesn't tell.
    plain = kind is L.MultiHeadAttention and is_keras3(layer)
    return [kind(**config) if plain else kind.from_config(config), *behind]


def imitates_int8(layer: Any) -> bool:
    """Say whether the toolkit's quantization-aware training has wrapped a layer."""
    return type(layer).__name__ in _IMITATING


def is_augmentation(layer: Any) -> bool:
    """Say whether a layer of Keras changes images at random, and in training alone."""
    kind = type(layer)
    return kind.__module__.split(".")[0] in ("keras", "tf_keras") and (
        kind.__name__.startswith("Random") or kind.__name__ in _AUGMENTATION
    )


def _augmentation(layer: Any, name: str) -> Sequence[Any]:
    """Return what is left of it outside of training: nothing, but for Keras 2's RandomCrop."""
    if type(layer).__name__ != "RandomCrop" or is_keras3(layer):
        return []
    return [L.Resizing(layer.height, layer.width, crop_to_aspect_ratio=True, name=name)]


def _normalization(layer: Any, name: str) -> Any:
    mean, variance = (np.array(values, np.float64).reshape(-1) for values in (layer.mean, layer.variance))
    if layer.axis not in ((), (-1,), (len(layer.mean.shape) - 1,)):
        raise ModelError(f'layer "{layer.name}" (Normalization) has axis {layer.axis}; use -1 or None')
    deviation = np.maximum(np.sqrt(variance), keras.backend.epsilon())
    scale, offset = (deviation, mean) if layer.invert else (1 / deviation, -mean / deviation)
    twin = L.Rescaling(numbers(scale), numbers(offset), name=name)
    twin.build(None)  # its numbers are no weights
    return twin


def _split(activation: Any, name: str) -> tuple[str, list[Any]]:
    """Return the activation that may stay inside of a layer, and the layers behind it that do the rest."""
    if type(activation).__name__ == "QuantizeAwareActivation":
        activation = activation.activation
    if type(activation).__name__ == "NoOpActivation":
        activation = keras.activations.linear
    if hasattr(activation, "get_config"):  # a layer in the place of a function
        return "linear", list(twins(activation, name))
    function = getattr(activation, "__name__", type(activation).__name__)
    function = function.removesuffix("_v2")  # as tf.nn.softmax calls itself
    if activation.__module__.split(".")[0] not in ("keras", "tf_keras", "tensorflow"):
        return "linear", [L.Lambda(activation, name=name)]  # a person's own, whatever its name
    if function in _INSIDE:
        return _INSIDE[function], []
    if function in ("hard_silu", "hard_swish"):
        return "linear", [HardSwish(name=name)]
    if function == "hard_sigmoid":
        slope = 1 / 6 if activation.__module__.startswith("keras.") else 0.2  # Keras 3's, or Keras 2's
        return "linear", [L.Rescaling(slope, 0.5, name=f"{name}_scaled"), L.ReLU(1.0, name=name)]
    known = {"relu6": lambda: L.ReLU(6.0, name=name), "leaky_relu": lambda: L.LeakyReLU(0.2, name=name)}
    return "linear", [known.get(function, lambda: _activation(activation, function, name))()]


def _activation(activation: Any, function: str, name: str) -> Any:
    try:
        return L.Activation(function, name=name)
    except ValueError as error:
        raise ModelError(
            f'activation {function} of layer "{name.removesuffix("_activation")}" is Keras 3\'s alone; what '
            "prunes and quantizes takes Keras 2: use another activation"
        ) from error


def _class_of(layer: Any, name: str) -> Any:
    if not is_keras3(layer):
        return type(layer)
    kind = getattr(L, type(layer).__name__, None)
    if kind is None or type(layer).__module__.split(".")[0] != "keras":
        raise ModelError(
            f'layer "{layer.name}" ({type(layer).__name__}) is Keras 3\'s alone; what prunes and quantizes '
            "takes Keras 2: use another layer"
        )
    return kind


def _config(layer: Any, name: str) -> dict[str, Any]:
    """Return what a layer's twin is made from: what computes in float16 computes in float32 again."""
    config = {**layer.get_config(), "name": name, "dtype": "float32"}
    if not is_keras3(layer):
        return config
    if type(layer).__name__ == "LeakyReLU":
        config["alpha"] = config.pop("negative_slope")
    known = {"name", "trainable", "dtype", "activity_regularizer", *_options(_class_of(layer, name))}
    defaults = _options(type(layer))
    for key in set(config) - known:
        value = config.pop(key)
        default = defaults[key].default if key in defaults else None
        # What starts weights is of no use: they are copied. A seed is of none outside of training.
        if value not in (None, False, "channels_last", default) and not key.endswith(("initializer", "seed")):
            raise ModelError(
                f'layer "{layer.name}" ({type(layer).__name__}) has {key} {value}, which Keras 2 lacks'
            )
    return {key: value for key, value in config.items() if not key.endswith("_initializer")}


def _options(kind: Any) -> dict[str, Parameter]:
    """Return the parameters of a layer's class by name."""
    return dict(signature(kind.__init__).parameters)
