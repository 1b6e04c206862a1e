# SPDX-License-Identifier: Apache-2.0
"""How tiny_int8.tflite and tiny_float32.tflite beside this file were made: random weights, untrained.

    python tests/assets/make_tiny.py        (needs edgecnn[train]; TensorFlow 2.21.0)

A network like cainvas, small: 12x12x1 in, CONV_2D, MAX_POOL_2D, RESHAPE, FULLY_CONNECTED, SOFTMAX, 3 out.
The bytes depend on the version of TensorFlow, so the files are committed and not made by the tests.
"""

import os
from pathlib import Path

os.environ["TF_USE_LEGACY_KERAS"] = "1"
import numpy as np
import tensorflow as tf


def make() -> None:
    """Write both files."""
    tf.keras.utils.set_random_seed(1)
    layers = tf.keras.layers
    network = tf.keras.Sequential(
        [
            layers.InputLayer((12, 12, 1), batch_size=1),
            layers.Conv2D(4, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    folder = Path(__file__).parent
    converter = tf.lite.TFLiteConverter.from_keras_model(network)
    (folder / "tiny_float32.tflite").write_bytes(converter.convert())
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    images = np.random.default_rng(1).integers(0, 256, (100, 1, 12, 12, 1)).astype(np.float32) / 255
    images[0, 0, 0, 0, 0], images[0, 0, 0, 1, 0] = 0, 1  # so that a byte minus 128 is the input
    converter.representative_dataset = lambda: ([image] for image in images)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    (folder / "tiny_int8.tflite").write_bytes(converter.convert())


if __name__ == "__main__":
    make()
