# SPDX-License-Identifier: Apache-2.0
"""Which layers are trained with int8 imitated, and how: also those that the toolkit doesn't know."""

from typing import Any

import numpy as np

from edgecnn.errors import ModelError
from edgecnn.models._layers import ChannelMax
from edgecnn.models._rebuild import rebuild
from edgecnn.tf import keras, tfmot

# Activations that the toolkit quantizes where they are a layer of their own.
_ACTIVATIONS = ("relu", "relu6", "swish", "gelu", "linear", "softmax", "sigmoid", "tanh")
_noise = keras.layers.GaussianNoise, keras.layers.GaussianDropout, keras.layers.AlphaDropout
_KEEP_RANGE = (ChannelMax, *_noise)


def annotated(model: Any) -> tuple[Any, list[str]]:
    """Return a copy of `model` for the toolkit's quantize_apply, and the names of layers left in float.

    The toolkit says how to quantize the layers that it knows. Of others, one without weights of its own
    (a product, an attention's mean) gets its output quantized. Batch normalization that no convolution or
    dense layer takes in, and any other layer with weights, is left to post-training quantization.

    Raises:
        ModelError: a model lies inside the model, which the toolkit can't quantize.
    """
    toolkit = tfmot.quantization.keras
    registry = toolkit.default_8bit.Default8BitQuantizeScheme().get_quantize_registry()
    left: list[str] = []

    def annotate(layer: Any) -> Any:
        if isinstance(layer, keras.Model):
            raise ModelError(
                f'model "{model.name}" holds the model "{layer.name}" as a layer, which can\'t be quantized; '
                "call its layers one by one"
            )
        if (registry.supports(layer) and _has_known_activation(layer)) or _is_folded(layer):
            return toolkit.quantize_annotate_layer(layer)
        if layer.weights:
            left.append(layer.name)
            return layer
        config = KeepsRange() if isinstance(layer, _KEEP_RANGE) else QuantizesOutput()
        return toolkit.quantize_annotate_layer(layer, config)

    copy = keras.models.clone_model(model, clone_function=annotate)
    copy.set_weights(model.get_weights())
    return copy, left


def with_channelwise_norms(model: Any) -> Any:
    """Return a flat model in which batch normalization of maps that no layer takes in can be quantized, too.

    Outside of training it scales and moves each channel, as a depthwise convolution of one tap does: one int8
    operator in place of two, which the toolkit knows. What has no such layer is returned as it is.
    """
    if not any(map(_is_channelwise, model.layers)):
        return model
    return rebuild(
        model, lambda layer, name: [_as_depthwise(layer, name) if _is_channelwise(layer) else _copy(layer)]
    )


def _is_channelwise(layer: Any) -> bool:
    kind = keras.layers.BatchNormalization
    return (
        isinstance(layer, kind)
        and not _is_folded(layer)
        and (len(layer.input_shape), list(layer.axis)) == (4, [3])
    )


def _as_depthwise(norm: Any, name: str) -> Any:
    """Return a built layer that does what batch normalization does outside of training."""
    mean, variance = (np.array(values) for values in (norm.moving_mean, norm.moving_variance))
    scale = 1 / np.sqrt(variance + norm.epsilon)
    if norm.scale:
        scale = scale * np.array(norm.gamma)
    offset = -mean * scale + (np.array(norm.beta) if norm.center else 0)
    layer = keras.layers.DepthwiseConv2D(1, name=name, trainable=norm.trainable)
    layer.build(norm.input_shape)
    layer.set_weights([scale.reshape(1, 1, -1, 1), offset])
    return layer


def _copy(layer: Any) -> Any:
    return type(layer).from_config(layer.get_config())


def _has_known_activation(layer: Any) -> bool:
    kind = keras.layers.Activation
    return not isinstance(layer, kind) or getattr(layer.activation, "__name__", "") in _ACTIVATIONS


def _is_folded(layer: Any) -> bool:
    """Say whether a batch normalization becomes part of the layer before it, which has no activation."""
    if not isinstance(layer, keras.layers.BatchNormalization):
        return False
    before = layer.inbound_nodes[0].inbound_layers
    takes_in = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D, keras.layers.Dense)
    return isinstance(before, takes_in) and before.activation is keras.activations.linear


@keras.utils.register_keras_serializable("edgecnn")
class KeepsRange(tfmot.quantization.keras.QuantizeConfig):  # type: ignore[misc]
    """Quantizes nothing: the output's values are among those of the input."""

    def get_weights_and_quantizers(self, layer: Any) -> list[Any]:
        """Return none."""
        return []

    def get_activations_and_quantizers(self, layer: Any) -> list[Any]:
        """Return none."""
        return []

    def set_quantize_weights(self, layer: Any, quantize_weights: list[Any]) -> None:
        """Set none."""

    def set_quantize_activations(self, layer: Any, quantize_activations: list[Any]) -> None:
        """Set none."""

    def get_output_quantizers(self, layer: Any) -> list[Any]:
        """Return none."""
        return []

    def get_config(self) -> dict[str, Any]:
        """Return nothing: there is nothing to choose."""
        return {}


@keras.utils.register_keras_serializable("edgecnn")
class QuantizesOutput(KeepsRange):
    """Quantizes the output, with a range that follows what it sees."""

    def get_output_quantizers(self, layer: Any) -> list[Any]:
        """Return the one that the toolkit uses for activations, too."""
        quantizer = tfmot.quantization.keras.quantizers.MovingAverageQuantizer
        return [quantizer(num_bits=8, per_axis=False, symmetric=False, narrow_range=False)]
