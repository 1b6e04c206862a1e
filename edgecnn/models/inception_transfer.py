# SPDX-License-Identifier: Apache-2.0
"""`inception-transfer`: InceptionV3 up to `mixed7`, then three dense layers; made for 256x256 histology.

InceptionV3 is Keras's own (Szegedy et al. 2016, arXiv:1512.00567), and so are its ImageNet weights.
"""

from typing import Any

from edgecnn.models import Architecture, Shape
from edgecnn.models._parts import probabilities, require_input, scaled
from edgecnn.models._pretrained import Application, load_base

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


def _application(_: Any, weights: str) -> Any:
    from edgecnn.tf import keras

    return keras.applications.InceptionV3(include_top=False, weights=weights)


INCEPTION_V3 = Application(
    "InceptionV3", _application, "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5"
)


def load_weights(model: Any, source: str) -> None:
    """Put the weights of InceptionV3 into the base; arguments and errors are those of `load_base`."""
    load_base(model, BASE_END, source, INCEPTION_V3)


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
