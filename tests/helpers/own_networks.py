# SPDX-License-Identifier: Apache-2.0
"""Networks as people bring them, of Keras 2 and 3, small: (Keras, input shape, classes) -> model."""

from collections.abc import Callable
from typing import Any

from edgecnn.tf import keras as keras2
from edgecnn.tf import tf

# isort: split
# Behind edgecnn.tf, which has to be the first to import TensorFlow.
import keras as keras3

Network = Callable[[Any, tuple[int, int, int], int], Any]


def _sequential(of: Any, shape: tuple[int, int, int], *layers: Any) -> Any:
    return of.Sequential([of.Input(shape), *layers])


def _plain(*first: str, activation: Any = "relu", last: str | None = "softmax", **options: Any) -> Network:
    """Return a network whose first layers are named, with options by their names."""

    def network(of: Any, shape: tuple[int, int, int], classes: int) -> Any:
        layers = of.layers
        begin = [getattr(layers, name)(**options.get(name, {})) for name in first]
        function = activation(of) if callable(activation) else activation
        return _sequential(
            of,
            shape,
            *begin,
            layers.Conv2D(6, 3, strides=2, activation=function),
            layers.GlobalMaxPooling2D(),
            layers.Dense(classes, activation=last),
        )

    return network


def _nested(of: Any, shape: tuple[int, int, int], classes: int) -> Any:
    layers = of.layers
    inner = _sequential(of, shape, layers.Conv2D(4, 3, activation="relu"), layers.MaxPooling2D(4))
    return _sequential(of, shape, inner, layers.Flatten(), layers.Dense(classes, activation="softmax"))


def _two_backbones(of: Any, shape: tuple[int, int, int], classes: int) -> Any:
    """Return two models in one, with layers of the same names, one of them frozen; and a pre-activation."""
    layers = of.layers

    def backbone(name: str) -> Any:
        image = of.Input(shape)
        maps = layers.Conv2D(4, 3, use_bias=False, name="conv")(image)
        return of.Model(
            image, layers.ReLU(name="act")(layers.BatchNormalization(name="norm")(maps)), name=name
        )

    image, frozen = of.Input(shape), backbone("frozen")
    maps = layers.Concatenate()([frozen(image, training=False), backbone("free")(image)])
    maps = layers.Activation("relu")(layers.BatchNormalization()(maps))
    features = layers.Dropout(0.2)(layers.GlobalAveragePooling2D()(maps))
    return of.Model(image, layers.Dense(classes, activation="softmax")(features))


def _shared(of: Any, shape: tuple[int, int, int], classes: int) -> Any:
    layers, image = of.layers, of.Input(shape)
    convolution = layers.Conv2D(shape[2], 3, padding="same", activation="relu")
    features = layers.GlobalAveragePooling2D()(convolution(convolution(image)))
    return of.Model(image, layers.Dense(classes, activation="softmax")(features))


def _many_layers(of: Any, shape: tuple[int, int, int], classes: int) -> Any:
    layers, image = of.layers, of.Input(shape)
    maps = layers.SeparableConv2D(4, 3, activation="relu", name="separable")(layers.ZeroPadding2D(1)(image))
    maps = layers.LeakyReLU()(layers.BatchNormalization()(layers.DepthwiseConv2D(3, padding="same")(maps)))
    maps = layers.Add()([maps, layers.PReLU(shared_axes=[1, 2], name="prelu")(layers.Conv2D(4, 1)(maps))])
    maps = layers.GaussianNoise(0.1)(layers.BatchNormalization()(maps))
    maps = layers.UpSampling2D(2)(layers.Cropping2D(1)(layers.SpatialDropout2D(0.1)(maps)))
    features = layers.Flatten()(layers.AveragePooling2D(4)(maps))
    features = layers.BatchNormalization(name="behind_relu")(layers.Dense(6, activation="relu")(features))
    return of.Model(image, layers.Softmax()(layers.Dense(classes)(features)))


def _squeeze(of: Any, shape: tuple[int, int, int], classes: int) -> Any:
    layers, image = of.layers, of.Input(shape)
    maps = layers.Conv2D(6, 3, activation="swish")(image)
    weights = layers.Conv2D(2, 1, activation="relu")(layers.GlobalAveragePooling2D(keepdims=True)(maps))
    maps = layers.Multiply()([maps, layers.Conv2D(6, 1, activation="hard_sigmoid")(weights)])
    features = layers.GlobalAveragePooling2D()(maps)
    return of.Model(image, layers.Dense(classes, activation="softmax")(features))


def _functions(of: Any, shape: tuple[int, int, int], classes: int) -> Any:
    """Return a network that computes with tensors, too, its input being bytes."""
    layers, image = of.layers, of.Input(shape)
    scaled = image / 127.5 - 1.0
    relu = keras3.ops.relu if of is keras3 else tf.nn.relu
    maps = relu(layers.Conv2D(4, 3)(scaled)) + layers.Conv2D(4, 3, activation="relu")(scaled) * 2.0
    return of.Model(image, layers.Dense(classes, activation="softmax")(layers.GlobalAveragePooling2D()(maps)))


def _attention(of: Any, shape: tuple[int, int, int], classes: int) -> Any:
    layers, image = of.layers, of.Input(shape)
    tokens = layers.Reshape((-1, 8))(layers.Conv2D(8, 4, strides=4)(image))
    tokens = layers.MultiHeadAttention(2, 4)(tokens, tokens)
    return of.Model(
        image, layers.Dense(classes, activation="softmax")(layers.GlobalAveragePooling1D()(tokens))
    )


def _mixture(of: Any, shape: tuple[int, int, int], classes: int) -> Any:
    """Return a network with a normalization first, an activation of each kind, a model inside, and logits."""
    layers = of.layers
    kinds = ["leaky_relu", "hard_sigmoid", "gelu", "relu6", layers.LeakyReLU()]
    inside = _sequential(of, (14, 14, 4), *(layers.Conv2D(4, 3, activation=kind) for kind in kinds))
    begin = layers.RandomFlip("horizontal"), layers.BatchNormalization(), layers.Conv2D(4, 3)
    return _sequential(of, shape, *begin, inside, layers.Flatten(), layers.Dense(classes))


def _in_float16(of: Any, shape: tuple[int, int, int], classes: int) -> Any:
    set_policy = of.config.set_dtype_policy if of is keras3 else of.mixed_precision.set_global_policy
    set_policy("mixed_float16")
    try:
        return _plain()(of, shape, classes)
    finally:
        set_policy("float32")


_BYTES = {"scale": 1 / 127.5, "offset": -1}
_FLIPS: dict[str, Any] = {
    "RandomFlip": {"mode": "horizontal"},
    "RandomRotation": {"factor": 0.1},
    "RandomContrast": {"factor": 0.1},
}

NETWORKS: dict[str, Network] = {
    "mixture": _mixture,
    "logits": _plain(last=None),
    "leaky_relu": _plain(activation="leaky_relu"),
    "hard_sigmoid": _plain(activation="hard_sigmoid"),
    "gelu": _plain(activation="gelu"),
    "relu6": _plain(activation="relu6"),
    "layer_as_activation": _plain(activation=lambda of: of.layers.LeakyReLU()),
    "norm_first": _plain("BatchNormalization"),
    "rescaling": _plain("Rescaling", Rescaling={"scale": 2.0, "offset": -1}),
    "rescaling_bytes": _plain("Rescaling", Rescaling=_BYTES),
    "rescaling_away": _plain("Rescaling", Rescaling={"scale": 1 / 255}),
    "normalization": _plain("Normalization", Normalization={"mean": [100.0], "variance": [3000.0]}),
    "flips": _plain("Rescaling", *_FLIPS, Rescaling=_BYTES, **_FLIPS),
    "crop": _plain("RandomCrop", RandomCrop={"height": 12, "width": 12}),
    "resizing": _plain("Resizing", Resizing={"height": 12, "width": 12}),
    "lambda": _plain("Lambda", Lambda={"function": lambda image: image * 2.0 - 1.0}),
    "nested": _nested,
    "two_backbones": _two_backbones,
    "shared": _shared,
    "many_layers": _many_layers,
    "squeeze": _squeeze,
    "functions": _functions,
    "attention": _attention,
    "float16": _in_float16,
}
KERAS = {"keras2": keras2, "keras3": keras3}
