# SPDX-License-Identifier: Apache-2.0
"""A network of a person's own computes the same once it is flat, of Keras 2, and fed with 0 to 1."""

from typing import Any

import numpy as np
import pytest
from own_networks import KERAS, NETWORKS

from edgecnn.compression.obstacles import require_readable
from edgecnn.errors import ModelError
from edgecnn.models._normalize import normalized, with_probabilities
from edgecnn.tf import keras, tf, tfmot

SHAPE = (16, 16, 1)
IMAGES = np.random.default_rng(0).random((4, *SHAPE)).astype(np.float32)
# What an image of 0 to 1 stands for, where a network was made for bytes.
BYTES = ("rescaling_bytes", "rescaling_away", "normalization", "flips", "functions")


def build(name: str, of: str) -> Any:
    """Return a network whose weights are not those that a layer begins with."""
    KERAS[of].utils.set_random_seed(0)
    model = NETWORKS[name](KERAS[of], SHAPE, 3)
    draw = np.random.default_rng(1)
    for layer in model.layers:
        layer.set_weights(
            [values + np.abs(draw.normal(0, 0.05, values.shape)) for values in layer.get_weights()]
        )
    return model


@pytest.mark.parametrize("of", KERAS)
@pytest.mark.parametrize("name", NETWORKS)
def test_what_is_normalized_answers_the_same(name: str, of: str) -> None:
    model = build(name, of)
    flat, notes = normalized(model, "mine")
    expected = np.array(model(IMAGES * (255 if name in BYTES else 1), training=False))
    assert np.ptp(expected, axis=0).max() > 1e-4  # it tells images apart
    # float16 has 10 bits behind the point
    np.testing.assert_allclose(
        flat(IMAGES, training=False), expected, atol=3e-3 if name == "float16" else 2e-6
    )
    assert not any(isinstance(layer, keras.Model) for layer in flat.layers)
    assert {layer.compute_dtype for layer in flat.layers} == {"float32"}
    assert any("bytes of 0 to 255" in note for note in notes) == (name in BYTES)


def test_a_frozen_backbone_stays_frozen() -> None:
    flat, _ = normalized(build("two_backbones", "keras2"), "mine")
    norms = [layer for layer in flat.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert [norm.trainable for norm in norms].count(False) == 1


def test_what_training_will_do_otherwise_is_told() -> None:
    _, [random, scaled] = normalized(build("flips", "keras3"), "mine")
    assert random.startswith('model "mine" changes images at random, in training alone, by RandomFlip "')
    assert random.endswith("that is left out: ask for the like by --augment")
    assert 'scales bytes of 0 to 255 by "rescaling' in scaled
    _, [half] = normalized(build("float16", "keras2"), "mine")
    assert "it is made float32" in half


@pytest.mark.parametrize(("outputs", "last"), [(3, "softmax"), (1, "sigmoid")])
@pytest.mark.parametrize("of", KERAS)
def test_logits_become_probabilities(of: str, outputs: int, last: str) -> None:
    flat, _ = normalized(NETWORKS["logits"](KERAS[of], SHAPE, outputs), "mine")
    model, [note] = with_probabilities(flat, "mine")
    assert f"a {last} is added behind it" in note
    expected = getattr(tf.nn, last)(flat(IMAGES))
    np.testing.assert_allclose(model(IMAGES), expected, atol=1e-6)
    assert with_probabilities(model, "mine") == (model, [])


@pytest.mark.parametrize("name", [name for name in NETWORKS if name not in ("logits", "mixture")])
def test_probabilities_stay_as_they_are(name: str) -> None:
    flat, _ = normalized(NETWORKS[name](keras, SHAPE, 3), "mine")
    assert with_probabilities(flat, "mine") == (flat, [])


def test_a_map_of_logits_gets_a_sigmoid() -> None:
    layers = keras.layers
    model = keras.Sequential([keras.Input(SHAPE), layers.Conv2D(1, 3, padding="same"), layers.Dropout(0.1)])
    _, [note] = with_probabilities(normalized(model, "mine")[0], "mine")
    assert "a sigmoid is added" in note


@pytest.mark.parametrize("of", KERAS)
def test_logarithms_of_probabilities_are_logits(of: str) -> None:
    layers = KERAS[of].layers
    logarithms = layers.Activation(tf.nn.log_softmax if of == "keras2" else "log_softmax")
    model = KERAS[of].Sequential([KERAS[of].Input(SHAPE), layers.Flatten(), layers.Dense(3), logarithms])
    answers, [note] = with_probabilities(normalized(model, "mine")[0], "mine")
    assert "a softmax is added" in note
    np.testing.assert_allclose(answers(IMAGES), np.exp(np.array(model(IMAGES))), atol=1e-6)


def test_the_softmax_of_tensorflow_is_that_of_keras() -> None:
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input(SHAPE), layers.Flatten(), layers.Dense(3, activation=tf.nn.softmax)]
    )
    flat, _ = normalized(model, "mine")
    assert flat.layers[-1].activation is keras.activations.softmax


@pytest.mark.parametrize("of", KERAS)
@pytest.mark.parametrize("kind", ["resized", "cropped", "narrow"])
def test_bytes_are_known_behind_a_resizing_and_by_their_mean(kind: str, of: str) -> None:
    layers = KERAS[of].layers
    first = {
        "resized": [layers.Resizing(12, 9), layers.Rescaling(1 / 127.5, offset=-1)],
        "cropped": [layers.Cropping2D(2), layers.Rescaling(1 / 255)],
        "narrow": [layers.Normalization(mean=127.0, variance=100.0)],
    }[kind]
    model = KERAS[of].Sequential([KERAS[of].Input(SHAPE), *first, layers.Flatten(), layers.Dense(3)])
    flat, [note] = normalized(model, "mine")
    assert "scales bytes of 0 to 255 by" in note
    np.testing.assert_allclose(flat(IMAGES), np.array(model(IMAGES * 255)), atol=3e-5)


def test_a_slice_of_channels_with_an_ellipsis_goes_on() -> None:
    image = keras.Input((16, 16, 3))
    model = keras.Model(image, keras.layers.Flatten()(image[..., ::-1]))
    colours = np.repeat(IMAGES, 3, axis=-1) * [1, 2, 3]
    np.testing.assert_array_equal(normalized(model, "mine")[0](colours), model(colours))


@pytest.mark.parametrize(
    "activation", ["softplus", "softsign", "elu", "selu", "mish", "exponential", "silu", "tanh"]
)
@pytest.mark.parametrize("of", KERAS)
def test_activations_are_taken_over(activation: str, of: str) -> None:
    layers = KERAS[of].layers
    model = KERAS[of].Sequential([KERAS[of].Input(SHAPE), layers.Conv2D(2, 3, activation=activation)])
    np.testing.assert_allclose(normalized(model, "mine")[0](IMAGES), np.array(model(IMAGES)), atol=1e-6)


def test_an_activation_of_ones_own_is_no_namesake_of_keras() -> None:
    def swish(values: Any) -> Any:
        return values * tf.sigmoid(3 * values)

    layers = keras.layers
    model = keras.Sequential([keras.Input(SHAPE), layers.Conv2D(2, 3, activation=swish)])
    np.testing.assert_allclose(normalized(model, "mine")[0](IMAGES), model(IMAGES), atol=1e-6)


@pytest.mark.parametrize("of", KERAS)
def test_an_activation_without_a_name_becomes_functions_that_a_file_holds(of: str) -> None:
    sigmoid = KERAS["keras3"].ops.sigmoid if of == "keras3" else tf.sigmoid
    layers = KERAS[of].layers
    model = KERAS[of].Sequential(
        [
            KERAS[of].Input(SHAPE),
            layers.Conv2D(2, 3, activation=lambda x: x * sigmoid(x)),
            layers.Activation(lambda x: 2.0 * x),
        ]
    )
    flat, _ = normalized(model, "mine")
    np.testing.assert_allclose(flat(IMAGES), np.array(model(IMAGES)), atol=1e-6)
    require_readable(flat)


def test_a_hard_swish_of_keras_3_is_taken_over() -> None:
    keras3 = KERAS["keras3"]
    model = keras3.Sequential([keras3.Input(SHAPE), keras3.layers.Conv2D(2, 3, activation="hard_silu")])
    np.testing.assert_allclose(normalized(model, "mine")[0](IMAGES), np.array(model(IMAGES)), atol=1e-6)


def _pruned(model: Any) -> Any:
    return tfmot.sparsity.keras.prune_low_magnitude(model)


def _clustered(model: Any) -> Any:
    start = tfmot.clustering.keras.CentroidInitialization.LINEAR
    return tfmot.clustering.keras.cluster_weights(model, 64, start)


@pytest.mark.parametrize("wrap", [_pruned, _clustered, tfmot.quantization.keras.quantize_model])
def test_wrappers_of_the_toolkit_go(wrap: Any) -> None:
    layers = keras.layers
    plain = keras.Sequential(
        [
            keras.Input(SHAPE),
            layers.Conv2D(2, 3, use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Conv2D(2, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(2),
        ]
    )
    wrapped = wrap(plain)
    flat, notes = normalized(wrapped, "mine")
    kinds = [type(layer).__name__ for layer in flat.layers]
    assert kinds == ["InputLayer", "Conv2D", "BatchNormalization", "ReLU", "Conv2D", "Flatten", "Dense"]
    imitates = wrap not in (_pruned, _clustered)
    expected = plain if imitates else wrapped  # without its rounding
    np.testing.assert_allclose(flat(IMAGES), expected(IMAGES, training=False), atol=1e-6)
    assert [("imitates int8 already" in note) for note in notes] == [True] * imitates


def _two_outputs(of: Any) -> Any:
    image = of.Input(SHAPE)
    return of.Model(image, [of.layers.Flatten(name=name)(image) for name in ("left", "right")])


def _of_its_own(of: Any) -> Any:
    class Own(of.Model):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__(name="own")
            self.flat = of.layers.Flatten()

        def call(self, image: Any) -> Any:
            return self.flat(image)

    return of.Sequential([of.Input(SHAPE), Own()])


def _of_graph(of: Any) -> Any:
    def odd(image: Any) -> Any:
        return image if image.graph else None  # no symbol of Keras's has a graph

    return of.Sequential([of.Input(SHAPE), of.layers.Lambda(odd, output_shape=SHAPE, name="odd")])


@pytest.mark.parametrize("of", KERAS)
@pytest.mark.parametrize(
    ("network", "message"),
    [
        (_two_outputs, r'"mine" has 1 inputs and 2 outputs \("left", "right"\), not one of each; give keras'),
        (_of_its_own, 'model "own" is a class of its own, not a graph of layers; build it as a Sequential'),
        (_of_graph, r'layer "odd" \(Lambda\) holds Python code that is no graph of layers'),
    ],
)
def test_what_is_no_graph_of_layers_is_refused(of: str, network: Any, message: str) -> None:
    model = network(KERAS[of])
    with pytest.raises(ModelError, match=message):
        normalized(model, "mine")


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (
            lambda layers: layers.RMSNormalization(name="even"),
            'layer "even" .RMSNormalization. is Keras 3\'s alone',
        ),
        (
            lambda layers: layers.Conv2D(2, 3, activation="celu", name="conv"),
            'activation celu of layer "conv" is Keras 3\'s alone; what prunes and quantizes takes Keras 2',
        ),
    ],
)
def test_what_keras_2_lacks_is_named(layer: Any, message: str) -> None:
    keras3 = KERAS["keras3"]
    with pytest.raises(ModelError, match=message):
        normalized(keras3.Sequential([keras3.Input(SHAPE), layer(keras3.layers)]), "mine")
