# SPDX-License-Identifier: Apache-2.0
"""Mixed precision: a copy of a network that computes in float16, while what it learns stays float32.

Micikevicius et al. 2018, arXiv:1710.03740. The copy learns and hands its weights back, so that nothing that
is stored, pruned or quantized knows of it.
"""

from typing import Any

from edgecnn.errors import ModelError
from edgecnn.tf import keras


def in_mixed_precision(model: Any) -> Any:
    """Return a copy of a float32 Keras model, with its weights, whose layers compute in float16.

    The last layer with weights and what follows it stay float32: probabilities and losses need it.

    Raises:
        ModelError: a layer can't be copied, or can't compute in float16.
    """
    try:
        copy = keras.models.clone_model(model, clone_function=_copier(model))
    except (ValueError, TypeError, NotImplementedError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(
            f'model "{model.name}" can\'t be trained in mixed precision: {reason}; '
            "leave out --mixed-precision"
        ) from error
    copy.set_weights(model.get_weights())
    return copy


def _copier(model: Any) -> Any:
    """Return the function that copies each layer of `model`."""
    last = max((index for index, layer in enumerate(model.layers) if layer.weights), default=0)
    exact = {layer.name for layer in model.layers[last:]}

    def copy(layer: Any) -> Any:
        if isinstance(layer, keras.Model):
            return in_mixed_precision(layer)
        config = layer.get_config()
        if layer.name not in exact and config.get("dtype") == "float32":
            config["dtype"] = "mixed_float16"
        return type(layer).from_config(config)

    return copy


def scaling(optimizer: Any) -> Any:
    """Return an optimizer that scales losses, so that small gradients don't become 0 in float16."""
    return keras.mixed_precision.LossScaleOptimizer(optimizer)


def state_of(optimizer: Any) -> list[Any]:
    """Return all variables of a built optimizer, those that scale losses included, which Keras leaves out."""
    variables = list(optimizer.variables)
    if isinstance(optimizer, keras.mixed_precision.LossScaleOptimizer):
        scale = optimizer._loss_scale  # there is no public way to set it
        variables += [scale.current_loss_scale, scale.counter]
    return variables
