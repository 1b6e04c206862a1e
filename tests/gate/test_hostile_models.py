# SPDX-License-Identifier: Apache-2.0
"""No loader runs what a stranger's model says; a loader of Keras or TensorFlow, left alone, would."""

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from click.testing import CliRunner
from hostile_models import SHAPE, WITH_TEETH, ZOO, honest, pickled, saved

from edgecnn.cli.program import edgecnn
from edgecnn.converters.keras_to_tflite import keras_to_float32
from edgecnn.errors import EdgecnnError, ModelError, RunError
from edgecnn.gate import harmless_keras, harmless_saved_model
from edgecnn.models.inception_transfer import load_weights
from edgecnn.tf import keras as keras2
from edgecnn.tf import quiet, tf
from edgecnn.training.checkpoint import unpack_checkpoint

# What of it the gate names.
NAMED = {
    "keras2 lambda.h5": r'lambda\.h5: layer "hook" names "Lambda"',
    "keras2 lambda.keras": r'lambda\.keras: layer "hook" names "Lambda"',
    "keras3 lambda.h5": r'lambda3\.h5: layer "hook" names "Lambda"',
    "keras3 lambda.keras": r'lambda3\.keras: layer "hook" names "Lambda"',
    "HDF5 called .keras": r'hdf5\.keras: layer "hook" names "Lambda"',
    "imports a module": r'imports\.keras: .* names "Code"',
    "lambda names a function": r'function\.keras: layer "hook" names "Lambda"',
    "compiled inside": r'compiled\.keras: layer "inner" names "strangers\.loss"',
    "writes by an operation": r'operation\.h5: layer "hook" names "tf\.io\.write_file"',
    "loads a library": r'library\.h5: layer "hook" names "tf\.load_library"',
    "pickled weights": r'npz\.keras holds "model\.weights\.npz"; allowed are config\.json',
    "leaves the folder": r'assets\.keras holds "assets/\.\./',
    "configured twice": r"twice\.keras must hold each of config\.json, .* once",
    "said twice": r"imports\.keras says something twice in its configuration",
    "both at once": "it is an HDF5 file and a zip at once",
    "loads a graph": r'tfsm\.keras: layer "hook" names "TFSMLayer"',
    "reads a vocabulary": r'vocabulary\.h5: layer "hook" names "StringLookup"',
    "folder called .keras": r"folder\.keras can't be read: it is a folder; give a file",
    "graph that writes": 'graph: function "__inference.* names "WriteFile"',
    "graph that prints to a file": 'printing: function "__inference.* names "(PrintV2|StringFormat)"',
    "graph that calls Python": 'python: function "__inference.* names "EagerPyFunc"',
    "graph that writes when loaded": 'initializer: its graph names "MutableHashTableV2"',
}


def _command(*arguments: object) -> None:
    edgecnn.main([str(argument) for argument in arguments], standalone_mode=False)


Loader = Callable[[Path, Path, Path, Callable[..., Path]], None]  # (model, pictures, out, run_with)
LOADERS: dict[str, Loader] = {
    "models": lambda model, *_: _command("models", model),
    "train": lambda model, data, out, _: _command("train", "--data", data, "--model", model, "--out", out),
    "weights": lambda model, *_: load_weights(None, str(model)),
    "export": lambda model, data, out, _: _command("export", model, "--data", data, "--out", out),
    "export of a run": lambda model, _, out, run: _command("export", run(model), "--out", out),
    "compress": lambda model, _, out, run: _command("compress", run(model), "--ptq"),
    "benchmark": lambda model, data, *_: _command("benchmark", model, "--data", data),
    "predict": lambda model, data, *_: _command("predict", model, data / "left" / "0.png"),
    "serve": lambda model, *_: _command("serve", model, "--port", 0),
    "inspect": lambda model, *_: _command("inspect", model),
    "verify": lambda model, *_: _command("verify", model),
}


@pytest.mark.parametrize("animal", ZOO)
@pytest.mark.parametrize("loader", LOADERS)
def test_no_loader_runs_it(
    loader: str, hostile: Any, pictures: Path, tmp_path: Path, run_with: Callable[..., Path]
) -> None:
    refusal: Exception | None = None
    try:
        LOADERS[loader](hostile.path, pictures, tmp_path / "out", run_with)
    except (EdgecnnError, click.UsageError) as error:
        refusal = error
    assert not hostile.marker.exists()
    # What `export` takes of a folder is its graph, and in this one's there is nothing but arithmetic.
    assert (refusal is None) == (loader.startswith("export") and hostile.path.name == "folder.keras")
    assert "\n" not in str(refusal)
    assert "safe_mode" not in str(refusal)
    assert refusal is None or not (tmp_path / "out").exists()


@pytest.mark.parametrize("animal", NAMED)
def test_the_gate_names_it(animal: str, hostile: Any) -> None:
    assert set(NAMED) == set(ZOO)
    is_graph = hostile.path.is_dir() and hostile.path.suffix == ""
    gate: Any = harmless_saved_model if is_graph else harmless_keras
    with pytest.raises((ModelError, ValueError), match=NAMED[animal]), gate(hostile.path):
        pass


@pytest.mark.parametrize("animal", WITH_TEETH)
def test_a_loader_left_alone_runs_it(hostile: Any) -> None:
    image = tf.zeros((1, *SHAPE))
    try:
        with quiet():
            if hostile.path.suffix:
                keras2.models.load_model(hostile.path, compile=False)(image)
            else:
                tf.saved_model.load(hostile.path).signatures["serving_default"](image)
    except Exception:  # after it was run, as a rule
        pass
    assert hostile.marker.exists()


def test_a_checkpoint_holds_no_pickle(tmp_path: Path) -> None:
    content, model = pickled(tmp_path / "marker", "state"), honest()
    model.compile("adam", "sparse_categorical_crossentropy")
    with pytest.raises(RunError, match=r"checkpoint x\.npz does not fit this model or is damaged"):
        unpack_checkpoint(content, Path("x.npz"), model)
    assert not (tmp_path / "marker").exists()
    np.load(BytesIO(content), allow_pickle=True)["state"]
    assert (tmp_path / "marker").exists()


def test_a_run_names_a_file_of_python(run_with: Callable[..., Path], tmp_path: Path) -> None:
    """`compress` of a run that came from elsewhere doesn't run what the run says was trained."""
    code = tmp_path / "code.py"
    code.write_text(
        "from pathlib import Path\nPath(__file__).with_name('marker').touch()\ndef net(*_): ...\n"
    )
    model = honest()
    run = run_with(saved(model, tmp_path / "honest.keras"), name=f"{code}:net")
    (run / "model_float32.tflite").write_bytes(keras_to_float32(model))
    _command("compress", run, "--ptq")
    assert not (tmp_path / "marker").exists()
    assert (run / "model_int8.tflite").exists()
    _command("compress", run, "--ptq", "--model", f"{code}:net")
    assert (tmp_path / "marker").exists()


def test_a_resumed_training_runs_no_file_that_only_the_run_names(
    run_with: Callable[..., Path], tmp_path: Path
) -> None:
    code = tmp_path / "code.py"
    code.write_text("from pathlib import Path\nPath(__file__).with_name('marker').touch()\n")
    run = run_with(saved(honest(), tmp_path / "honest.keras"))
    record = json.loads((run / "run.json").read_text())
    record["train"]["model"] = f"{code}:net"
    (run / "run.json").write_text(json.dumps(record))
    with pytest.raises(
        RunError, match=r"begun with code, --model .*code\.py:net; to go on with it, give that"
    ):
        _command("train", "--resume", "--out", run)
    assert not (tmp_path / "marker").exists()


def test_a_refused_model_leaves_the_run_as_it_was(
    run_with: Callable[..., Path], zoo: Callable[[str], Any]
) -> None:
    run = run_with(zoo("keras2 lambda.h5").path)
    (run / "metrics.json").write_text("{}")
    before = {file: file.read_bytes() for file in run.iterdir()}
    with pytest.raises(ModelError, match="Lambda"):
        _command("compress", run, "--ptq")
    assert {file: file.read_bytes() for file in run.iterdir()} == before


def test_an_honest_model_comes_through(tmp_path: Path) -> None:
    """What is loaded is a copy: the file may change meanwhile."""
    model = honest()
    for name in ("a.keras", "a.h5", "hdf5.keras", "zip.h5"):
        path = saved(model, tmp_path / name.replace("hdf5.keras", "b.h5").replace("zip.h5", "b.keras"))
        path = path.rename(tmp_path / name)
        with harmless_keras(path) as checked:
            path.unlink()
            assert checked.keras_version.startswith("2.")
            loaded = keras2.models.load_model(checked.path, compile=False)
        assert not checked.path.exists()
        np.testing.assert_array_equal(loaded.get_weights()[0], model.get_weights()[0])


@pytest.mark.parametrize("command", ["models", "train", "compress", "export"])
def test_the_help_says_what_runs(command: str) -> None:
    shown = " ".join(CliRunner().invoke(edgecnn, [command, "--help"]).output.split())
    assert "FILE.py:FUNCTION" in shown
    assert "runs as your own code" in shown or "FILE.py:FUNCTION' runs your own" in shown
