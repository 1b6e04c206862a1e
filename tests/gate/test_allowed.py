# SPDX-License-Identifier: Apache-2.0
"""The lists of what a model may name, against the Keras and the TensorFlow that are installed."""

import inspect
import json
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest

from edgecnn.gate import allowed
from edgecnn.gate.config import require_known_classes
from edgecnn.tf import keras as keras2
from edgecnn.tf import tf

# isort: split
# Behind edgecnn.tf, which loads what has to be loaded before TensorFlow.
import keras as keras3
from tensorflow.python.util.tf_export import get_symbol_from_name

# Parameters by which a class takes code, or the name of a file.
TAKES = {
    "function",
    "fn",
    "path",
    "filepath",
    "file",
    "vocabulary",
    "module",
    "call_fn",
    "loss_fn",
    "cls_ref",
}
NAMED_BY_STRING = {"TFOpLambda", "SlicingOpLambda"}  # `function`, which TF_FUNCTIONS lists
KERAS = (keras2, keras3)


def modules() -> Iterator[ModuleType]:
    for name in sorted(allowed.MODULES - {"builtins", "keras"}):
        for root in ("", "tf_"):
            try:
                yield import_module(f"{root}{name}" if name.startswith("keras") else name)
            except ImportError:
                continue
    for keras in KERAS:
        for part in ("layers", "initializers", "regularizers", "constraints", "models", "optimizers"):
            yield getattr(keras, part)
        yield keras.optimizers.schedules
        yield keras.losses
        yield keras.metrics


MODULES = list(modules())
CLASSES = [
    thing
    for module in MODULES
    for name, thing in vars(module).items()
    if name in allowed.CLASSES and inspect.isclass(thing)
]


@pytest.mark.parametrize("module", sorted(allowed.MODULES - {"builtins"}))
def test_a_module_is_of_keras_or_of_its_toolkit(module: str) -> None:
    assert module.partition(".")[0] in {"keras", "tf_keras", "tensorflow", "tensorflow_model_optimization"}
    assert "utils" not in module
    assert "saving" not in module


def test_no_class_takes_code_or_the_name_of_a_file() -> None:
    assert len(CLASSES) > 300
    taking = {
        (thing.__name__, parameter)
        for thing in CLASSES
        if thing.__name__ not in NAMED_BY_STRING
        for parameter in TAKES.intersection(inspect.signature(thing.__init__).parameters)
    }
    assert taking == set()


def test_every_layer_is_one_of_keras() -> None:
    known = {name for module in MODULES for name in vars(module)}
    old = {"BatchNormalizationV1", "BatchNormalizationV2"}
    assert (allowed.LAYERS | allowed.MODELS | allowed.INITIALIZERS) - known <= old | {
        "normal",
        "one",
        "uniform",
        "zero",
    }


def test_every_function_is_one_of_tensorflow() -> None:
    assert [name for name in sorted(allowed.TF_FUNCTIONS) if get_symbol_from_name(name) is None] == []


def test_every_op_is_one_of_tensorflow() -> None:
    names = sorted(allowed.OPS | allowed.SAVING_OPS)
    assert [name for name in names if not hasattr(tf.raw_ops, name)] == []
    for word in ("File", "Py", "Print", "Table", "Custom", "Xla", "Library", "Dataset", "Decode", "Remote"):
        assert [name for name in names if word in name and name != "ShardedFilename"] == []


@pytest.mark.parametrize("name", ["activations", "initializers", "regularizers", "constraints"])
def test_strings_are_those_that_keras_takes(name: str) -> None:
    listed = getattr(allowed, name.upper())
    for keras in KERAS:
        public = {n for n in dir(getattr(keras, name)) if not n.startswith("_")}
        functions = {n for n in public if inspect.isfunction(getattr(getattr(keras, name), n))}
        left = functions - listed - {"deserialize", "get", "serialize"}
        assert left <= {"stft"}  # an initializer of audio


def _config_of(model: Any, keras: Any) -> Iterator[Any]:
    yield json.loads(model.to_json())
    yield json.loads(json.dumps(keras.saving.serialize_keras_object(model)))


@pytest.mark.slow
@pytest.mark.parametrize("keras", KERAS, ids=["keras2", "keras3"])
@pytest.mark.parametrize(
    "name",
    [
        "MobileNetV2",
        "MobileNetV3Small",
        "EfficientNetV2B0",
        "ResNet50V2",
        "InceptionV3",
        "DenseNet121",
        "ConvNeXtTiny",
    ],
)
def test_applications_of_keras_pass(name: str, keras: Any) -> None:
    model = getattr(keras.applications, name)(weights=None)
    for config in _config_of(model, keras):
        require_known_classes(config, name)
    keras.backend.clear_session()
