# SPDX-License-Identifier: Apache-2.0
"""Quantization-aware training that keeps zero weights zero.

The toolkit starts every activation's range at [-6, 6] and moves it by a thousandth a batch, so that a
short training never leaves it: accuracy starts from a pit and half of the int8 range stays unused.
The ranges are therefore measured on the float model first.
"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgecnn.data.arrays import Arrays
from edgecnn.progress import Progress
from edgecnn.tf import keras, tfmot
from edgecnn.training.fit import FitOptions, fit

CALIBRATION_IMAGES = 256
Ranges = dict[str, tuple[float, float]]  # name of a quantizer's variables -> lowest and highest value seen


def quantize_aware(
    model: Any,
    teacher: Any,
    train: Arrays,
    validation: Arrays,
    options: FitOptions,
    checkpoint: Path,
    progress: Progress,
) -> tuple[Any, list[dict[str, float]]]:
    """Return `model` with fake_quant operations, fine-tuned with its zeros kept, and its history.

    Args:
        model: a float Keras model, pruned or not.
        teacher: the Keras model whose answers are learned.
        train: the images to learn from; a seeded sample of them calibrates the ranges.
        validation: the images that choose the best epoch.
        options: how to fit.
        checkpoint: file that holds the state after each finished epoch.
        progress: told after each batch.
    """
    ranges = _activation_ranges(model, train.sample(CALIBRATION_IMAGES, options.seed))
    quantize = tfmot.quantization.keras
    with quantize.quantize_scope():
        annotated = quantize.quantize_annotate_model(model)
        scheme = tfmot.experimental.combine.Default8BitPrunePreserveQuantizeScheme()
        quantized = quantize.quantize_apply(annotated, scheme)
    _set_ranges(quantized, ranges)
    history = fit(quantized, train, validation, options, checkpoint, progress, (_PinInputRange(),), teacher)
    return quantized, history


def _activation_ranges(model: Any, images: npt.NDArray[np.uint8]) -> Ranges:
    """Run the float model on uint8 `images`; return the range of each layer's output, zero included."""
    tensors = {}
    for layer in model.layers:
        tensors[f"quant_{layer.name}/post_activation"] = tensors[f"quant_{layer.name}/output"] = layer.output
        if getattr(layer, "activation", None) is not None:
            tensors[f"quant_{layer.name}/pre_activation"] = _before_activation(layer)
    outputs = keras.Model(model.inputs, tensors).predict(images / np.float32(255), batch_size=32, verbose=0)
    return {name: (min(float(v.min()), 0.0), max(float(v.max()), 0.0)) for name, v in outputs.items()}


def _before_activation(layer: Any) -> Any:
    """Return what `layer` computes before its activation: softmax and its like are quantized there."""
    config = {**layer.get_config(), "activation": "linear", "name": f"{layer.name}_before_activation"}
    twin = type(layer).from_config(config)
    output = twin(layer.input)
    twin.set_weights(layer.get_weights())
    return output


def _set_ranges(quantized: Any, ranges: Ranges) -> None:
    """Set the toolkit's range variables, "quant_LAYER/KIND_min" and "..._max", to measured values."""
    for variable in quantized.weights:
        name, _, bound = variable.name.removesuffix(":0").rpartition("_")
        if name in ranges and bound in ("min", "max"):
            variable.assign(ranges[name][bound == "max"])
    _pin_input_range(quantized)


def _pin_input_range(quantized: Any) -> None:
    """Set the input's range to 0..1, that is scale 1/255 and zero point -128: a byte minus 128."""
    first = next(layer for layer in quantized.layers if layer.weights)
    first.quantizer_vars["min_var"].assign(0.0)
    first.quantizer_vars["max_var"].assign(1.0)


class _PinInputRange(keras.callbacks.Callback):  # type: ignore[misc]
    """Undoes what a batch moved of the input's range."""

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        _pin_input_range(self.model)
