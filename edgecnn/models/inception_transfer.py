# SPDX-License-Identifier: Apache-2.0
"""`inception-transfer`: InceptionV3 up to `mixed7`, then three dense layers; made for 256x256 histology.

InceptionV3 is Keras's own (Szegedy et al. 2016, arXiv:1512.00567), and so are its ImageNet weights.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from edgecnn.errors import ModelError
from edgecnn.models import Architecture, Shape
from edgecnn.models._parts import probabilities, require_input, scaled

BASE_END = "mixed7"  # 14x14x768 for an input of 256x256
SMALLEST_INPUT = 75  # which Keras demands


def build(input_shape: Shape, classes: int, width: float) -> Any:
    """Return the uncompiled Keras model: float32 (n, *input_shape) in 0..1 -> softmax (n, classes).

    The layers of InceptionV3 are the model's own, because the toolkit quantizes no model inside a model.

    Raises:
        ModelError: the input is too small.
    """
    require_input("inception-transfer", input_shape, SMALLEST_INPUT)
    from edgecnn.tf import keras

    layers = keras.layers
    base = _base(input_shape, width)
    features = layers.Flatten(name="flatten")(base.output)
    features = layers.Dense(scaled(256, width), activation="relu", name="dense1")(features)
    features = layers.BatchNormalization(name="norm1")(features)
    features = layers.Dense(scaled(128, width), activation="relu", name="dense2")(features)
    features = layers.Dropout(0.3, name="dropout")(features)
    features = layers.BatchNormalization(name="norm2")(features)
    return keras.Model(base.input, probabilities(features, classes), name="inception-transfer")


def _base(input_shape: Shape, width: float) -> Any:
    """Return InceptionV3 up to `BASE_END`; another width scales every convolution."""
    from edgecnn.tf import keras

    whole = keras.applications.InceptionV3(include_top=False, weights=None, input_shape=input_shape)
    base = keras.Model(whole.input, whole.get_layer(BASE_END).output)

    def resized(layer: Any) -> Any:
        config = layer.get_config()
        if "filters" in config:
            config["filters"] = scaled(config["filters"], width)
        return type(layer).from_config(config)

    return base if width == 1 else keras.models.clone_model(base, clone_function=resized)


def load_weights(model: Any, source: str) -> None:
    """Put the weights of InceptionV3, "imagenet" or a file of Keras's (without top), into the base.

    They are made for pixels of -1..1: the first convolution takes the factor and the normalization behind it
    the offset, which is exact as that convolution has no padding.

    Raises:
        ModelError: there is no network or no such file, or the weights don't fit.
    """
    from edgecnn.tf import keras, quiet

    try:
        # On standard error Keras tells of a download.
        with _checked(source) as checked, quiet(), redirect_stdout(sys.stderr):
            whole = keras.applications.InceptionV3(include_top=False, weights=checked)
    except ModelError:
        raise
    except Exception as error:
        raise ModelError(_explain(source, error)) from error
    weights = keras.Model(whole.input, whole.get_layer(BASE_END).output).get_weights()
    targets = keras.Model(model.input, model.get_layer(BASE_END).output).weights
    _take_bytes(weights)
    shapes = [array.shape for array in weights], [tuple(variable.shape) for variable in targets]
    if shapes[0] != shapes[1]:
        raise ModelError(
            f'weights "{source}" do not fit model "inception-transfer" of this size; '
            "they need three channels and width 1"
        )
    for variable, array in zip(targets, weights, strict=True):
        variable.assign(array)


@contextmanager
def _checked(source: str) -> Iterator[str]:
    """Yield "imagenet", or the copy of a file of weights that passed the gate."""
    if source == "imagenet":
        yield source
        return
    from edgecnn.gate import harmless_keras

    with harmless_keras(Path(source), weights_only=True) as file:
        yield str(file.path)


def _take_bytes(weights: list[Any]) -> None:
    """Let the first convolution take pixels of 0..1 where its weights were made for -1..1: 2 * x - 1."""
    kernel, _, mean = weights[:3]  # in Keras's order the weights of the normalization follow: offset, mean
    weights[0], weights[2] = 2 * kernel, mean + kernel.sum(axis=(0, 1, 2))


def _explain(source: str, error: Exception) -> str:
    if source == "imagenet":
        return (
            "the ImageNet weights are not here and can't be downloaded; bring "
            "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5 and give it as --weights FILE"
        )
    return f"{source} holds no weights of Keras's InceptionV3: {' '.join(str(error).split())[:200]}"


ARCHITECTURES = (
    Architecture(
        name="inception-transfer",
        summary="lung histology; InceptionV3 up to mixed7, then three dense layers",
        input_shape=(256, 256, 3),
        classes=3,
        parameters=47_545_507,
        build=build,
        epochs=20,
        batch_size=32,
        optimizer="adam",
        learning_rate=1e-3,
        monitor="accuracy",
        patience=3,
        reduce_patience=2,
        target_accuracy=0.9,
        weights="imagenet",
        base_end=BASE_END,
        load_weights=load_weights,
    ),
)
