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
