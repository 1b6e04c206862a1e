# SPDX-License-Identifier: Apache-2.0
"""Layers that Keras lacks; each becomes one int8 operator. Import it before loading a model that has one."""

from collections.abc import Sequence
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


@keras.utils.register_keras_serializable("edgecnn")
class Clip(keras.layers.Layer):  # type: ignore[misc]
    """Values between limits, as they are, and those beyond as the limit; None: there is none."""

    def __init__(self, low: float | None, high: float | None, **options: Any) -> None:
        super().__init__(**options)
        self.low, self.high = low, high

    def call(self, inputs: Any) -> Any:
        """Return the values, as Keras asks of a layer."""
        raised = inputs if self.low is None else tf.maximum(inputs, self.low)
        return raised if self.high is None else tf.minimum(raised, self.high)

    def get_config(self) -> dict[str, Any]:
        """Return what the layer is made from, as Keras asks of a layer."""
        return {**super().get_config(), "low": self.low, "high": self.high}


@keras.utils.register_keras_serializable("edgecnn")
class Slice(keras.layers.Layer):  # type: ignore[misc]
    """Some of each axis but the batch, by [begin, end, step] each; None: all of it."""

    def __init__(self, cuts: Sequence[Sequence[int] | None], **options: Any) -> None:
        super().__init__(**options)
        self.cuts = [None if cut is None else [int(number) for number in cut] for cut in cuts]

    def call(self, inputs: Any) -> Any:
        """Return the part, as Keras asks of a layer."""
        cuts = [slice(*cut) if cut else slice(None) for cut in [None, *self.cuts]]
        return inputs[tuple(cuts)]

    def get_config(self) -> dict[str, Any]:
        """Return what the layer is made from, as Keras asks of a layer."""
        return {**super().get_config(), "cuts": self.cuts}


@keras.utils.register_keras_serializable("edgecnn")
class Resize(keras.layers.Layer):  # type: ignore[misc]
    """An image in another size by a rule of TFLite's that Keras has no layer for."""

    def __init__(self, height: int, width: int, **options: Any) -> None:
        self.rule = {name: options.pop(name) for name in ("bilinear", "align_corners", "half_pixels")}
        super().__init__(**options)
        self.size = (height, width)

    def call(self, inputs: Any) -> Any:
        """Return the image, as Keras asks of a layer."""
        image, rule = tf.compat.v1.image, self.rule
        resize = image.resize_bilinear if rule["bilinear"] else image.resize_nearest_neighbor
        corners, half = rule["align_corners"], rule["half_pixels"]
        return resize(inputs, self.size, align_corners=corners, half_pixel_centers=half)

    def get_config(self) -> dict[str, Any]:
        """Return what the layer is made from, as Keras asks of a layer."""
        return {**super().get_config(), **self.rule, "height": self.size[0], "width": self.size[1]}
