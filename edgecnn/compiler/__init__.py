# SPDX-License-Identifier: Apache-2.0
"""From .tflite to C, without TensorFlow."""
