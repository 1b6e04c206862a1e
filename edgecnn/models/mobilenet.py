# SPDX-License-Identifier: Apache-2.0
"""`mobilenet-v1` and `mobilenet-v2`: up to their last convolution, then a mean and one dense layer.

Both are Keras's own (Howard et al. 2017, arXiv:1704.04861; Sandler et al. 2018, arXiv:1801.04381), and so are
their ImageNet weights. The width is what the papers call alpha.
"""

from typing import Any

from edgecnn.models import Architecture, Shape
from edgecnn.models._parts import probabilities, require_input
from edgecnn.models._pretrained import Application, load_base

SMALLEST_INPUT = 32  # which Keras demands


def _v1(weights: str | None, input_shape: Shape, alpha: float) -> Any:
    from edgecnn.tf import keras

    return keras.applications.MobileNet(input_shape, alpha, include_top=False, weights=weights)


def _v2(weights: str | None, input_shape: Shape, alpha: float) -> Any:
    from edgecnn.tf import keras

    return keras.applications.MobileNetV2(input_shape, alpha, include_top=False, weights=weights)


def _v1_like(model: Any, weights: str) -> Any:
    return _v1(weights, model.input_shape[1:], model.get_layer("conv1").filters / 32)


def _v2_like(model: Any, weights: str) -> Any:
    return _v2(weights, model.input_shape[1:], model.get_layer("block_16_project").filters / 320)


V1 = Application("MobileNet", _v1_like, "mobilenet_1_0_224_tf_no_top.h5, or that of the width and size")
V2 = Application(
    "MobileNetV2",
    _v2_like,
    "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5, or that of the width and size",
)
V1_END, V2_END = "conv_pw_13_relu", "out_relu"


def build_v1(input_shape: Shape, classes: int, width: float) -> Any:
    """Return the uncompiled Keras model: float32 (n, *input_shape) in 0..1 -> softmax (n, classes).

    Raises:
        ModelError: the input is too small.
    """
    require_input("mobilenet-v1", input_shape, SMALLEST_INPUT)
    return _with_top(_v1(None, input_shape, width), classes, "mobilenet-v1")


def build_v2(input_shape: Shape, classes: int, width: float) -> Any:
    """Return the uncompiled Keras model: float32 (n, *input_shape) in 0..1 -> softmax (n, classes).

    Raises:
        ModelError: the input is too small.
    """
    require_input("mobilenet-v2", input_shape, SMALLEST_INPUT)
    return _with_top(_v2(None, input_shape, width), classes, "mobilenet-v2")


def _with_top(base: Any, classes: int, name: str) -> Any:
    from edgecnn.tf import keras

    features = keras.layers.GlobalAveragePooling2D(name="mean")(base.output)
    features = keras.layers.Dropout(0.2, name="dropout")(features)
    return keras.Model(base.input, probabilities(features, classes), name=name)


def _load_v1(model: Any, source: str) -> None:
    load_base(model, V1_END, source, V1)


def _load_v2(model: Any, source: str) -> None:
    load_base(model, V2_END, source, V2)


def _architecture(name: str, summary: str, parameters: int, **parts: Any) -> Architecture:
    return Architecture(
        name=name,
        summary=summary,
        input_shape=(96, 96, 3),
        classes=2,
        parameters=parameters,
        epochs=50,
        batch_size=32,
        optimizer="adam",
        learning_rate=1e-3,
        patience=8,
        reduce_patience=4,
        **parts,
    )


ARCHITECTURES = (
    _architecture(
        "mobilenet-v1",
        "photographs; depthwise and 1x1 convolutions",
        3_229_889,
        build=build_v1,
        base_end=V1_END,
        load_weights=_load_v1,
    ),
    _architecture(
        "mobilenet-v2",
        "photographs; inverted residuals",
        2_259_265,
        build=build_v2,
        base_end=V2_END,
        load_weights=_load_v2,
    ),
)
