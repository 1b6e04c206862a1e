# SPDX-License-Identifier: Apache-2.0
"""A Keras model to a .tflite file: float32, or integers from the input to the output."""

from typing import Any

import numpy as np
import numpy.typing as npt

from edgecnn.compiler import ops
from edgecnn.compiler.ops import dequantize, quantize
from edgecnn.compiler.reading.tflite import parse
from edgecnn.converters.bias_scales import with_bias_scales
from edgecnn.converters.int4_weights import with_int4_weights
from edgecnn.errors import ModelError
from edgecnn.tf import keras, quiet, tf

INPUT_SCALE, INPUT_ZERO_POINT = 1 / 255, -128  # so that a pixel is quantized by taking 128 away


def keras_to_float32(model: Any) -> bytes:
    """Return a float32 .tflite of a Keras model with one image input (None, h, w, c) in 0..1."""
    return _convert(_converter(model, _function(model)))


def keras_to_int4(model: Any, representative: npt.NDArray[np.uint8], *, rounded: bool = False) -> bytes:
    """Return what `keras_to_int8` does, with weights of four bits where those hold them, or `rounded`.

    Dense layers have scales per channel, too.
    """
    return with_int4_weights(_to_int8(model, representative, dense_per_channel=True), rounded)


def keras_to_int8(model: Any, representative: npt.NDArray[np.uint8]) -> bytes:
    """Return a fully integer .tflite: int8 input (scale 1/255, zero point -128), weights and output.

    Args:
        model: a Keras model with one image input in 0..1, float or quantization-aware.
        representative: uint8 (n, h, w, c) images; the ranges of a float model's activations are taken
            from them, and of those operators for which quantization-aware training left none.

    Raises:
        ModelError: TensorFlow can't convert the model, or float operators remain.
    """
    return _to_int8(model, representative, dense_per_channel=False)


def _to_int8(model: Any, representative: npt.NDArray[np.uint8], dense_per_channel: bool) -> bytes:
    function = _function(model)
    if _has_loop(function):  # TensorFlow's calibrator crashes on some
        raise ModelError(
            "a loop, as LSTM, GRU and tf.while_loop are, has no int8 form here; use convolutions over time"
        )
    converter = _converter(model, function)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    converter.representative_dataset = lambda: samples(representative)
    # Newer TensorFlow quantizes dense layers per channel; the reference kernel of tflite-runtime 2.14, our
    # oracle, computes garbage for such layers on maps, without an error.
    converter._experimental_disable_per_channel_quantization_for_dense_layers = not dense_per_channel
    tflite = with_bias_scales(_convert(converter))
    check_integer(tflite)
    return tflite


def _converter(model: Any, function: Any) -> Any:
    return tf.lite.TFLiteConverter.from_concrete_functions([function], _Holder(model))


class _Holder(tf.Module):  # type: ignore[misc]
    """Holds a model for the converter, which saves what it is given.

    Of a Keras model it would save the functions of all layers, which takes three quarters of the time.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.held = list(model.variables) if isinstance(model, keras.Model) else model


def _function(model: Any) -> Any:
    """Return what a model computes of a batch of one: no operators compute a batch's shape at run time."""
    spec = tf.TensorSpec((1, *model.input_shape[1:]), tf.float32, name="image")
    return tf.function(lambda image: model(image, training=False)).get_concrete_function(spec)


def _has_loop(function: Any) -> bool:
    graph = function.graph.as_graph_def()
    nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
    return any(node.op.endswith("While") for node in nodes)


def _convert(converter: Any) -> bytes:
    try:
        with quiet():
            return bytes(converter.convert())
    except Exception as error:
        raise ModelError(
            f"TensorFlow can't convert this model to TFLite: {str(error).splitlines()[0]}"
        ) from error


def samples(images: npt.NDArray[np.uint8]) -> Any:
    """Yield batches of one, float32 (1, h, w, c) in 0..1, as TensorFlow's quantizers take them.

    A black and a white pixel in the first pin the input's range to 0..1.
    """
    pinned = images.astype(np.float32) / 255
    pinned[0, 0, 0], pinned[0, -1, -1] = 0, 1
    for image in pinned:
        yield [image[np.newaxis]]


def check_integer(tflite: bytes) -> None:
    """Refuse a .tflite that isn't integer from the input, a byte minus 128, to the output.

    Raises:
        ModelError: an operator computes floats, or the input is quantized otherwise.
    """
    graph = parse(tflite)
    for operator in graph.operators:
        floats = [i for i in operator.outputs if graph.tensors[i].dtype == "float32"]
        if floats and not ops.is_a(operator, quantize, dequantize):
            raise ModelError(f"{graph.describe(operator)} has no int8 form: replace that layer")
    image = graph.tensors[graph.inputs[0]].quantization
    if image is None or (np.float32(image.scale), image.zero_point) != (
        np.float32(INPUT_SCALE),
        INPUT_ZERO_POINT,
    ):
        raise ModelError(f"the input came out with {image}, not with scale 1/255 and zero point -128")
