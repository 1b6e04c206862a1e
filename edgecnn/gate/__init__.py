# SPDX-License-Identifier: Apache-2.0
"""The gate before every load of a model that may be a stranger's: it may compute, and nothing else.

Keras and TensorFlow do what such a file says: run the Python in a Lambda, import any module that a
configuration names, execute ops that write files. Nothing of theirs sees a file before these have:

    config.py      Keras: a class or function that `allowed` doesn't list is refused by its name
    containers.py  .keras and .h5: known members only, no links or data outside, bounded sizes
    graph.py       SavedModel: an op that `allowed` doesn't list is refused, in functions, too

What a file is, its content says and not its name. What was checked is what is loaded: a copy in a folder
that nobody else can write to, without what a loader would look for beside it (assets, saved_model.cpb).

Other inputs need no gate: checkpoints are read without pickle, images by a named list of decoders, .tflite
files by our own reader, ONNX files by protobuf, and their operators become layers one by one
(converters/onnx_to_keras.py), and the rest of a run is JSON, CSV and text. FILE.py:FUNCTION is the person's
own code, and runs as such where it is given on the command line; that a run names it does not count.
"""

import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edgecnn.errors import ModelError
from edgecnn.files import require_file

MOST_BYTES = 2 * 2**30 + 2**26  # of a file: the weights that containers.py allows, and what describes them
_FORMS = {b"\x89HDF\r\n\x1a\n": ".h5", b"PK\x03\x04": ".keras"}  # first bytes -> suffix
_GRAPH = "saved_model.pb"
_LIBRARIES = ("edgecnn", "keras", "tensorflow", "tensorflow_model_optimization", "tf_keras")


@dataclass(frozen=True)
class Harmless:
    """A Keras model that passed the gate."""

    path: Path  # of the copy to load; its suffix says what it is
    keras_version: str  # of the Keras that wrote it, or "" where it doesn't say
    has_network: bool  # and not weights alone


@contextmanager
def harmless_keras(path: Path, *, weights_only: bool = False) -> Iterator[Harmless]:
    """Yield a checked copy of a .keras or .h5 file, whatever it is called.

    Args:
        path: the file.
        weights_only: an HDF5 file need not hold a network.

    Raises:
        ModelError: it may run code, refers to other files, is too large or holds no network.
        Exception: there is no such file, or it is damaged; as its readers say it.
    """
    from edgecnn.gate.config import require_known_classes
    from edgecnn.gate.containers import read_hdf5, read_zip

    with tempfile.TemporaryDirectory(prefix="edgecnn-") as folder:
        copy = _copied(path, Path(folder) / "file")
        suffix = _suffix(copy)
        copy = copy.rename(copy.with_name(path.stem + suffix))
        config, version = read_hdf5(copy, path) if suffix == ".h5" else read_zip(copy, path, Path(folder))
        if config is not None:
            require_known_classes(config, str(path), _registered())
        elif not weights_only:
            raise ModelError(f"{path} holds weights, but no network; save the whole model")
        yield Harmless(copy, version, config is not None)


@contextmanager
def harmless_saved_model(path: Path) -> Iterator[Path]:
    """Yield a checked copy of a SavedModel's folder, its graph and variables alone.

    Raises:
        ModelError: it has an op that isn't allowed, or is damaged or too large.
        OSError: a file can't be read.
    """
    from edgecnn.gate.graph import require_known_ops

    with tempfile.TemporaryDirectory(prefix="edgecnn-") as folder:
        graph = _copied(path / _GRAPH, Path(folder) / _GRAPH)
        require_known_ops(graph.read_bytes(), path)
        variables = Path(folder) / "variables"
        variables.mkdir()
        files = sorted((path / "variables").glob("variables.*"))
        _check_size(path, sum(require_file(file, ModelError) for file in files))
        for file in files:
            _copied(file, variables / file.name)
        yield Path(folder)


def _copied(path: Path, to: Path) -> Path:
    _check_size(path, require_file(path, ModelError))
    shutil.copyfile(path, to)
    return to


def _check_size(path: Path, size: int) -> None:
    if size > MOST_BYTES:
        raise ModelError(f"{path} has {size:,} bytes; allowed are {MOST_BYTES:,}")


def _suffix(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(8)
    forms = [suffix for magic, suffix in _FORMS.items() if start.startswith(magic)]
    if not forms:
        raise ValueError("it is neither a zip, as .keras files are, nor an HDF5 file")
    if forms == [".h5"] and zipfile.is_zipfile(path):
        raise ValueError("it is an HDF5 file and a zip at once")
    return forms[0]


def _registered() -> frozenset[str]:
    """Return the names of what code of the person's own has registered with Keras, "package>Name".

    Only a FILE.py:FUNCTION of the command line can have done so. Called as a layer of Keras is that isn't
    allowed, a class is left out: an .h5 file could mean that one by it.
    """
    from edgecnn.gate.allowed import CLASSES
    from edgecnn.tf import keras

    own = (
        name
        for name, thing in keras.saving.get_custom_objects().items()
        if getattr(thing, "__module__", "keras").partition(".")[0] not in _LIBRARIES
    )
    return frozenset(
        name
        for name in own
        if (bare := name.rpartition(">")[2]) in CLASSES or not hasattr(keras.layers, bare)
    )
