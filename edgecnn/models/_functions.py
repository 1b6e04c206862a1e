# SPDX-License-Identifier: Apache-2.0
"""Functions on tensors in a Keras model, such as x / 255 or tf.nn.relu(x), as layers of Keras 2."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from edgecnn.errors import ModelError
from edgecnn.models._rebuild import is_keras3
from edgecnn.tf import keras

L = keras.layers
_MERGING = {"add": L.Add, "subtract": L.Subtract, "multiply": L.Multiply}
_MERGING |= {"maximum": L.Maximum, "minimum": L.Minimum}
_ACTIVATIONS = ("relu", "sigmoid", "softmax", "tanh", "swish", "gelu", "elu", "selu", "softplus")
# Each function by the last word of its name in TensorFlow, or of its class in Keras 3, in lower case.
_SAME = {
    "addv2": "add", "sub": "subtract", "mul": "multiply", "truediv": "divide", "truedivide": "divide",
    "silu": "swish", "concat": "concatenate",
}  # fmt: skip


def function_twins(operation: Any, name: str) -> Sequence[Callable[..., Any]]:
    """Return what takes the arguments of a function and answers by layers of Keras 2.

    A function for which there is no layer stays as it is, Keras 3's as those of TensorFlow that it calls.

    Raises:
        ModelError: it is Keras 3's, and not to be had in Keras 2.
    """
    word = _word(operation)

    def call(*args: Any, **kwargs: Any) -> Any:
        layer, tensors = _layer(word, args, name)
        if layer is not None:
            return layer(tensors)
        if is_keras3(operation):
            return _called(operation, args, kwargs)
        return type(operation).from_config({**operation.get_config(), "name": name})(*args, **kwargs)

    return [call]


def _called(operation: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Return what a function of Keras 3 makes of tensors of Keras 2, which record what TensorFlow does."""
    try:
        return operation.call(*args, **kwargs)
    except Exception as error:  # whatever Keras 3 does with tensors that are not its own
        raise ModelError(
            f'function "{operation.name}" ({type(operation).__name__} of keras.ops) is Keras 3\'s alone; '
            "what prunes and quantizes takes Keras 2: use a layer"
        ) from error


def _word(operation: Any) -> str:
    name = type(operation).__name__ if is_keras3(operation) else operation.get_config().get("function", "")
    word = name.rpartition(".")[2].lower()
    return _SAME.get(word, word)


def _layer(word: str, args: Sequence[Any], name: str) -> tuple[Any, Any]:
    """Return a layer of Keras 2 and what it takes, or None where there is none for such arguments."""
    tensors = [part for part in args if _is_tensor(part)]
    if word == "concatenate" and all(map(_is_tensor, args[0])):
        return L.Concatenate(args[1] if len(args) > 1 else -1, name=name), args[0]
    if word in _ACTIVATIONS and len(args) == 1:
        return L.ReLU(name=name) if word == "relu" else L.Activation(word, name=name), args[0]
    if word == "relu6":
        return L.ReLU(6.0, name=name), args[0]
    if word in _MERGING and len(tensors) == len(args) == 2 and args[0].shape.rank == args[1].shape.rank:
        return _MERGING[word](name=name), list(args)
    if len(tensors) == 1 and len(args) == 2:
        return _affine(word, args, name), tensors[0]
    return None, None


def _is_tensor(part: Any) -> bool:
    return hasattr(part, "_keras_history")


def _affine(word: str, args: Sequence[Any], name: str) -> Any:
    """Return the layer that scales or moves a tensor by constants: a number, or one for each channel."""
    if word not in ("add", "subtract", "multiply", "divide"):
        return None
    first = _is_tensor(args[0])
    constant = np.array(args[1] if first else args[0], np.float64)
    if constant.size not in (1, constant.shape[-1] if constant.ndim else 1) or (
        word == "divide" and not first
    ):
        return None
    scales: dict[str, tuple[Any, Any]] = {
        "add": (1.0, constant),
        "subtract": (1.0, -constant) if first else (-1.0, constant),
        "multiply": (constant, 0.0),
        "divide": (1 / constant, 0.0),
    }
    return L.Rescaling(*map(numbers, scales[word]), name=name)


def numbers(values: Any) -> float | list[float]:
    """Return a number, or one for each channel, as a layer's configuration holds them."""
    flat: list[float] = np.asarray(values, np.float64).reshape(-1).tolist()
    return flat[0] if len(flat) == 1 else flat
