# SPDX-License-Identifier: Apache-2.0
"""Quantization-aware training that keeps zero weights zero.

The toolkit starts every activation's range at [-6, 6] and moves it by a thousandth a batch, so that a
short training never leaves it: accuracy starts from a pit and half of the int8 range stays unused.
The ranges are therefore measured on the float model first.
"""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgecnn.compression.annotate import annotated, with_channelwise_norms
from edgecnn.compression.four_bits import candidates, imitate_four_bits
from edgecnn.data.arrays import Arrays
from edgecnn.progress import Progress
from edgecnn.tf import keras, tf, tfmot
from edgecnn.training.fit import FitOptions, fit

CALIBRATION_IMAGES = 256
_BATCH = 8  # of large images the activations of a few fill the memory
# Where nothing ever fires, a range of zero would make the scale of the next layer's bias zero.
_LEAST_RANGE = 1e-3
Ranges = dict[str, tuple[float, float]]  # name of a quantizer's variables -> lowest and highest value seen


def quantize_aware(
    model: Any,
    teacher: Any,
    train: Arrays,
    validation: Arrays,
    options: FitOptions,
    checkpoint: Path,
    progress: Progress,
    four_bits: Collection[str] = (),
) -> tuple[Any, list[dict[str, float]], list[str]]:
    """Return `model` with fake_quant operations, fine-tuned with its zeros kept, and its history.

    The third result names the layers that were trained in float, because the toolkit refuses them: they stay
    post-training.

    Args:
        model: a float Keras model, pruned or not.
        teacher: the Keras model whose answers are learned.
        train: the images to learn from; a seeded sample of them calibrates the ranges.
        validation: the images that choose the best epoch.
        options: how to fit.
        checkpoint: file that holds the state after each finished epoch.
        progress: told after each batch.
        four_bits: names of the layers whose weights have four bits.

    Raises:
        ModelError: the toolkit can't take the model.
    """
    quantized, post_training = calibrated(model, train, options.seed)
    imitate_four_bits([layer for layer in candidates(quantized) if layer.name in four_bits])
    callbacks = (_PinInputRange(), _KeepZeros(quantized))
    history = fit(quantized, train, validation, options, checkpoint, progress, callbacks, teacher)
    _give_empty_filters_a_range(quantized)
    return quantized, history, post_training


def calibrated(model: Any, train: Arrays, seed: int) -> tuple[Any, list[str]]:
    """Return a float `model` with fake_quant operations, their ranges measured, before any training.

    The second result names the layers that stay in float.
    """
    model = with_channelwise_norms(model)
    quantized, post_training = imitated(model)
    images = train.sample(CALIBRATION_IMAGES, seed)
    _set_ranges(quantized, _activation_ranges(model, _ranged(quantized), images))
    return quantized, post_training


def imitated(model: Any) -> tuple[Any, list[str]]:
    """Return `model` with fake_quant operations, of which only the input's range is set, and names of others.

    The others are the layers that stay in float.
    """
    to_quantize, post_training = annotated(model)
    with tfmot.quantization.keras.quantize_scope():
        quantized = tfmot.quantization.keras.quantize_apply(to_quantize)
    _pin_input_range(quantized)
    return quantized, post_training


def _ranged(quantized: Any) -> set[str]:
    """Return the names of the toolkit's ranges, "quant_LAYER/KIND" with variables "..._min" and "..._max"."""
    names = (variable.name.removesuffix(":0").rpartition("_") for variable in quantized.weights)
    return {name for name, _, bound in names if bound in ("min", "max")}


def _activation_ranges(model: Any, names: set[str], images: npt.NDArray[np.uint8]) -> Ranges:
    """Run the float model on uint8 `images`; return what each range of `names` holds, zero included."""
    tensors = {}
    for layer in model.layers:
        for kind in ("post_activation", "output"):
            tensors[f"quant_{layer.name}/{kind}"] = layer.output
        if (before := f"quant_{layer.name}/pre_activation") in names:
            tensors[before] = _before_activation(layer)
    tensors = {name: tensor for name, tensor in tensors.items() if name in names}
    network = keras.Model(model.inputs, tensors)

    @tf.function  # type: ignore[untyped-decorator]
    def ends(batch: Any) -> Any:
        outputs = network(batch, training=False)
        return {name: (tf.reduce_min(value), tf.reduce_max(value)) for name, value in outputs.items()}

    seen = [ends(batch) for batch in _batches(images)]
    return {
        name: (
            min(0.0, *(float(batch[name][0]) for batch in seen)),
            max(_LEAST_RANGE, *(float(batch[name][1]) for batch in seen)),
        )
        for name in tensors
    }


def _batches(images: npt.NDArray[np.uint8]) -> Iterator[Any]:
    for start in range(0, len(images), _BATCH):
        yield tf.constant(images[start : start + _BATCH] / np.float32(255))


def _before_activation(layer: Any) -> Any:
    """Return what `layer` computes before its activation: softmax and its like are quantized there."""
    if isinstance(layer, keras.layers.Activation):
        return layer.input
    config = {**layer.get_config(), "activation": "linear", "name": f"{layer.name}_before_activation"}
    twin = type(layer).from_config(config)
    output = twin(layer.input)
    twin.set_weights(layer.get_weights())
    return output


def _set_ranges(quantized: Any, ranges: Ranges) -> None:
    """Set the toolkit's range variables to measured values."""
    for variable in quantized.weights:
        name, _, bound = variable.name.removesuffix(":0").rpartition("_")
        if name in ranges and bound in ("min", "max"):
            variable.assign(ranges[name][bound == "max"])


def _pin_input_range(quantized: Any) -> None:
    """Set the input's range to 0..1, that is scale 1/255 and zero point -128: a byte minus 128.

    Where the first layer stays in float, there is no such range: the converter takes it from images.
    """
    for layer in quantized.layers:
        if type(layer).__name__ == "QuantizeLayer":  # a class that the toolkit keeps to itself
            layer.quantizer_vars["min_var"].assign(0.0)
            layer.quantizer_vars["max_var"].assign(1.0)


def _give_empty_filters_a_range(quantized: Any) -> None:
    """Give filters whose weights are all zero the widest range of their layer.

    Pruning makes such filters. Their own range is a point: the scale would be next to zero, and the bias,
    which is stored in units of it, would not fit 32 bits.
    """
    for variable in quantized.weights:
        name, _, bound = variable.name.removesuffix(":0").rpartition("_")
        if name.endswith("kernel") and bound in ("min", "max"):
            values = variable.numpy()
            widest = np.abs(values).max() or 1.0
            variable.assign(np.where(values == 0, widest if bound == "max" else -widest, values))


class _PinInputRange(keras.callbacks.Callback):  # type: ignore[misc]
    """Undoes what a batch moved of the input's range."""

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        _pin_input_range(self.model)


class _KeepZeros(keras.callbacks.Callback):  # type: ignore[misc]
    """Undoes what a batch made of zero weights: the toolkit's own scheme does so for some layers only."""

    def __init__(self, pruned: Any) -> None:
        super().__init__()
        masks = [
            (kernel, kernel.numpy() != 0) for kernel in pruned.trainable_weights if len(kernel.shape) > 1
        ]
        self._masks = [(kernel, tf.cast(mask, kernel.dtype)) for kernel, mask in masks if not mask.all()]

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        for kernel, mask in self._masks:
            kernel.assign(kernel * mask)
