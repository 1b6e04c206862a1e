# SPDX-License-Identifier: Apache-2.0
"""Model files that do something when a loader of Keras or TensorFlow reads them: each makes a marker file.

`ZOO` holds a function for each, (folder, marker) -> the file; those of `WITH_TEETH` are proven by the tests
to make the marker where nothing guards the loader. They are made when a test runs, and none is stored.
"""

import json
import shutil
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from edgecnn.tf import keras as keras2
from edgecnn.tf import quiet, tf

# isort: split
# Behind edgecnn.tf, which loads what has to be loaded before TensorFlow.
import keras as keras3

SHAPE = (8, 8, 1)
# Proven to make the marker where nothing guards the loader.
WITH_TEETH = (
    "keras2 lambda.h5", "HDF5 called .keras", "imports a module", "lambda names a function",
    "writes by an operation", "configured twice", "said twice", "both at once", "folder called .keras",
    "graph that writes", "graph that prints to a file", "graph that calls Python",
    "graph that writes when loaded",
)  # fmt: skip
Recipe = Callable[[Path, Path], Path]
Config = dict[str, Any]


def honest(keras: Any = keras2) -> Any:
    """A network that computes, and nothing else."""
    layers = keras.layers
    return keras.Sequential(
        [keras.Input(SHAPE), layers.Flatten(), layers.Dense(2, activation="softmax", name="probabilities")]
    )


def saved(model: Any, path: Path) -> Path:
    with quiet():
        model.save(path)
    return path


def with_config(path: Path, change: Callable[[Config], Any]) -> Path:
    """Change the configuration in a .keras or .h5 file that is there."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        config = json.loads(members["config.json"])
        members["config.json"] = json.dumps(change(config) or config).encode()
        return zipped(path, list(members.items()))
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        file.attrs["model_config"] = json.dumps(change(config) or config)
    return path


def zipped(path: Path, members: list[tuple[str, bytes]]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def members_of(path: Path) -> list[tuple[str, bytes]]:
    with zipfile.ZipFile(path) as archive:
        return [(name, archive.read(name)) for name in archive.namelist()]


def _with_lambda(keras: Any, marker: Path) -> Any:
    code = keras.layers.Lambda(
        lambda x, path=str(marker): (open(path, "w").close(), x)[1],  # type: ignore[func-returns-value]
        name="hook",
    )
    return keras.Sequential([keras.Input(SHAPE), code, keras.layers.Flatten()])


def _lambda(keras: Any, name: str) -> Recipe:
    def make(folder: Path, marker: Path) -> Path:
        path = saved(_with_lambda(keras, marker), folder / name)
        marker.unlink(missing_ok=True)
        return path

    return make


def hdf5_called_keras(folder: Path, marker: Path) -> Path:
    """Keras 2 looks into a file that is no zip, whatever it is called."""
    return _lambda(keras2, "lambda.h5")(folder, marker).rename(folder / "hdf5.keras")


def _layer(config: Config) -> Config:
    """The last layer of `honest`, as a configuration has it."""
    return config["config"]["layers"][-1]  # type: ignore[no-any-return]


def imports_a_module(folder: Path, marker: Path) -> Path:
    """A .keras file of Keras 2 names a class of any module, which is imported to find it."""
    (folder / "strangers.py").write_text(f"open({str(marker)!r}, 'w').close()\n")
    named = {"module": "strangers", "class_name": "Code", "registered_name": "Code"}
    return with_config(saved(honest(), folder / "imports.keras"), lambda config: config.update(named))


def _with_layer(path: Path, layer: Config) -> Path:
    return with_config(path, lambda config: config["config"]["layers"].insert(1, layer))


def lambda_names_a_function(folder: Path, marker: Path) -> Path:
    """No code in it, but the name of a function, which Keras 2 calls."""
    code = f"def act(x):\n    open({str(marker)!r}, 'w').close()\n    return x\n"
    (folder / "strangers.py").write_text(code)
    function = {"module": "strangers", "class_name": "function", "config": "act", "registered_name": "act"}
    config: Config = {
        "name": "hook",
        "function": function,
        "function_type": "function",
        "module": "strangers",
    }
    config |= {"output_shape": None, "output_shape_type": "raw", "output_shape_module": None, "arguments": {}}
    layer = {"module": "keras.layers", "class_name": "Lambda", "registered_name": None, "config": config}
    return _with_layer(saved(honest(), folder / "function.keras"), layer)


def compiled_inside(folder: Path, marker: Path) -> Path:
    """A model inside the model was compiled with a loss of the stranger's."""
    (folder / "strangers.py").write_text(f"open({str(marker)!r}, 'w').close()\ndef loss(*_): ...\n")
    inner = keras2.Sequential([keras2.Input(SHAPE), keras2.layers.Flatten()], name="inner")
    inner.compile("adam", "mse")
    loss = {"module": "strangers", "class_name": "function", "config": "loss", "registered_name": "loss"}

    def change(config: Config) -> None:
        _layer(config)["compile_config"]["loss"] = loss

    model = keras2.Sequential([keras2.Input(SHAPE), inner])
    return with_config(saved(model, folder / "compiled.keras"), change)


def _calls(function: str, **arguments: Any) -> Callable[[Path], Path]:
    """A functional model of Keras 2 that calls a function of TensorFlow on constants while it is built."""
    first = arguments.pop("first")
    layer = {
        "class_name": "TFOpLambda",
        "config": {"name": "hook", "trainable": True, "dtype": "float32", "function": function},
        "name": "hook",
        "inbound_nodes": [["_CONSTANT_VALUE", -1, first, arguments]],
    }

    def make(path: Path) -> Path:
        image = keras2.Input(SHAPE)
        model = keras2.Model(image, keras2.layers.Flatten()(image))
        return with_config(saved(model, path), lambda config: config["config"]["layers"].append(layer))

    return make


def writes_by_an_operation(folder: Path, marker: Path) -> Path:
    """x + 1 is a TFOpLambda that names math.add; io.write_file can be named as well."""
    return _calls("io.write_file", first=str(marker), contents="x")(folder / "operation.h5")


def loads_a_library(folder: Path, marker: Path) -> Path:
    return _calls("load_library", first=str(folder / "x.so"))(folder / "library.h5")


class _Touch:
    def __init__(self, marker: Path) -> None:
        self._marker = marker

    def __reduce__(self) -> Any:
        return open, (str(self._marker), "w")


def pickled(marker: Path, name: str) -> bytes:
    """A .npz file: pickle runs what it is told to."""
    content = BytesIO()
    np.savez(content, **{name: np.array([_Touch(marker)], dtype=object)})
    return content.getvalue()


def pickled_weights(folder: Path, marker: Path) -> Path:
    """Keras also takes weights as .npz."""
    members = [
        pair for pair in members_of(saved(honest(keras3), folder / "npz.keras")) if "h5" not in pair[0]
    ]
    return zipped(folder / "npz.keras", [*members, ("model.weights.npz", pickled(marker, "evil"))])


def leaves_the_folder(folder: Path, marker: Path) -> Path:
    """Keras unpacks all of a .keras file where there are assets in it."""
    members = members_of(saved(honest(), folder / "assets.keras"))
    return zipped(folder / "assets.keras", [*members, (f"assets/{'../' * 12}{marker}", b"")])


def configured_twice(folder: Path, marker: Path) -> Path:
    """Whoever looks at the first configuration in the zip sees an honest one."""
    good = members_of(saved(honest(), folder / "good.keras"))
    evil = dict(members_of(imports_a_module(folder, marker)))
    return zipped(folder / "twice.keras", [*good, ("config.json", evil["config.json"])])


def said_twice(folder: Path, marker: Path) -> Path:
    """One key twice in the configuration: readers of JSON differ in which counts."""
    path = imports_a_module(folder, marker)
    members = dict(members_of(path))
    text, evil = members["config.json"].decode(), '"class_name": "Code"'
    assert evil in text
    members["config.json"] = text.replace(evil, f'"class_name": "Dense", {evil}').encode()
    return zipped(path, list(members.items()))


def both_at_once(folder: Path, marker: Path) -> Path:
    """An HDF5 file for those who begin at its start, with a zip for those who begin at its end."""
    path, evil = saved(honest(), folder / "both.h5"), imports_a_module(folder, marker)
    both = folder / "both.keras"
    both.write_bytes(path.read_bytes() + evil.read_bytes())
    return both


def keras3_loads_a_graph(folder: Path, marker: Path) -> Path:
    """A layer of Keras 3 is a SavedModel that lies elsewhere."""
    graph = writing_graph(folder, marker)
    layer = {
        "module": "keras.layers",
        "class_name": "TFSMLayer",
        "registered_name": None,
        "config": {"name": "hook", "filepath": str(graph), "call_endpoint": "serving_default"},
    }
    return _with_layer(saved(honest(keras3), folder / "tfsm.keras"), layer)


def reads_a_vocabulary(folder: Path, marker: Path) -> Path:
    """A preprocessing layer reads any file of this machine into the model."""
    secret = folder / "secret.txt"
    secret.write_text("secret\n")
    layer = {"class_name": "StringLookup", "config": {"name": "hook", "vocabulary": str(secret)}}
    return with_config(
        saved(honest(), folder / "vocabulary.h5"), lambda config: config["config"]["layers"].insert(1, layer)
    )


def folder_called_keras(folder: Path, marker: Path) -> Path:
    """Keras 2 takes a folder for a SavedModel of its own, and runs the Lambda that its metadata hold."""
    path = folder / "folder.keras"
    with quiet():
        _with_lambda(keras2, marker).save(folder / "model", save_format="tf")
    marker.unlink(missing_ok=True)
    return Path(shutil.move(folder / "model", path))


class _Writes(tf.Module):  # type: ignore[misc]
    """An image classifier that does something else, too."""

    def __init__(self, does: Callable[[], Any]) -> None:
        super().__init__()
        self._does = does

    @tf.function(input_signature=[tf.TensorSpec((None, *SHAPE))])  # type: ignore[untyped-decorator]
    def __call__(self, image: Any) -> Any:
        with tf.control_dependencies([self._does()]):
            return tf.reduce_mean(image, axis=(1, 2))


def _graph(name: str, does: Callable[[Path], Any]) -> Recipe:
    def make(folder: Path, marker: Path) -> Path:
        with quiet():
            tf.saved_model.save(_Writes(lambda: does(marker)), folder / name)
        return folder / name

    return make


writing_graph = _graph("graph", lambda marker: tf.io.write_file(str(marker), "x"))


def writes_when_loaded(folder: Path, marker: Path) -> Path:
    """TensorFlow calls the initializer of a resource while it loads a SavedModel."""

    class Table(tf.saved_model.experimental.TrackableResource):  # type: ignore[misc]
        def _create_resource(self) -> Any:
            return tf.raw_ops.MutableHashTableV2(key_dtype=tf.string, value_dtype=tf.int64)

        def _initialize(self) -> None:
            tf.io.write_file(str(marker), "x")

    module = _Writes(tf.no_op)
    with quiet():
        module.table = Table()
        tf.saved_model.save(module, folder / "initializer")
    marker.unlink(missing_ok=True)
    return folder / "initializer"


ZOO: dict[str, Recipe] = {
    "keras2 lambda.h5": _lambda(keras2, "lambda.h5"),
    "keras2 lambda.keras": _lambda(keras2, "lambda.keras"),
    "keras3 lambda.h5": _lambda(keras3, "lambda3.h5"),
    "keras3 lambda.keras": _lambda(keras3, "lambda3.keras"),
    "HDF5 called .keras": hdf5_called_keras,
    "imports a module": imports_a_module,
    "lambda names a function": lambda_names_a_function,
    "compiled inside": compiled_inside,
    "writes by an operation": writes_by_an_operation,
    "loads a library": loads_a_library,
    "pickled weights": pickled_weights,
    "leaves the folder": leaves_the_folder,
    "configured twice": configured_twice,
    "said twice": said_twice,
    "both at once": both_at_once,
    "loads a graph": keras3_loads_a_graph,
    "reads a vocabulary": reads_a_vocabulary,
    "folder called .keras": folder_called_keras,
    "graph that writes": writing_graph,
    "graph that prints to a file": _graph(
        "printing", lambda marker: tf.print("x", output_stream=f"file://{marker}")
    ),
    "graph that calls Python": _graph("python", lambda marker: tf.py_function(marker.touch, [], [])),
    "graph that writes when loaded": writes_when_loaded,
}
