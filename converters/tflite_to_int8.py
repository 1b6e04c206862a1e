# SPDX-License-Identifier: Apache-2.0
"""A float .tflite file to an int8 one, as the converter's own post-training quantization does it."""

import numpy as np
import numpy.typing as npt

from edgecnn.converters.keras_to_tflite import check_integer, samples
from edgecnn.errors import ModelError
from edgecnn.tf import Calibrator, quiet, tf


def tflite_to_int8(model: bytes, representative: npt.NDArray[np.uint8]) -> bytes:
    """Return a fully integer .tflite: int8 input (scale 1/255, zero point -128), weights and output.

    Args:
        model: the bytes of a float32 .tflite with one image input in 0..1.
        representative: uint8 (n, h, w, c) images, from which the ranges of activations are taken.

    Raises:
        ModelError: TensorFlow can't quantize the model, or float operators remain.
    """
    try:
        with quiet():
            quantized = Calibrator(model).calibrate_and_quantize(
                lambda: samples(representative),
                tf.int8,
                tf.int8,
                allow_float=False,
                disable_per_channel_quantization_for_dense_layers=True,  # see keras_to_int8
            )
    except Exception as error:
        raise ModelError(f"TensorFlow can't quantize this .tflite: {str(error).splitlines()[0]}") from error
    check_integer(bytes(quantized))
    return bytes(quantized)
