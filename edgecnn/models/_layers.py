# SPDX-License-Identifier: Apache-2.0
"""Layers that Keras lacks; each becomes one int8 operator. Import it before loading a model that has one."""

from typing import Any

from edgecnn.tf import keras, tf


@keras.utils.register_keras_serializable("edgecnn")
class ChannelMean(keras.layers.Layer):  # type: ignore[misc]
    """The mean over channels: (n, h, w, c) -> (n, h, w, 1)."""

    def call(self, inputs: Any) -> Any:
        """Return the mean, as Keras asks of a layer."""
        return tf.reduce_mean(inputs, axis=-1, keepdims=True)


@keras.utils.register_keras_serializable("edgecnn")
class ChannelMax(keras.layers.Layer):  # type: ignore[misc]
    """The maximum over channels: (n, h, w, c) -> (n, h, w, 1)."""

    def call(self, inputs: Any) -> Any:
        """Return the maximum, as Keras asks of a layer."""
        return tf.reduce_max(inputs, axis=-1, keepdims=True)


@keras.utils.register_keras_serializable("edgecnn")
class HardSwish(keras.layers.Layer):  # type: ignore[misc]
    """x * clamp(x + 3, 0, 6) / 6, of any shape: Keras 3's hard_silu, which Keras 2 lacks."""

    def call(self, inputs: Any) -> Any:
        """Return the product, as Keras asks of a layer."""
        return inputs * tf.nn.relu6(inputs + 3) * (1 / 6)
