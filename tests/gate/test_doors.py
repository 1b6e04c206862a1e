# SPDX-License-Identifier: Apache-2.0
"""Loaders that run what a file says are called behind the gate, and nowhere else."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Functions by the end of their name, and who may call them: those who pass the gate first.
DOORS = {
    "models.load_model": {"edgecnn/models/__init__.py"},
    "saved_model.load": {"converters/saved_model.py"},
    "applications.InceptionV3": {"edgecnn/models/inception_transfer.py"},
    "applications.MobileNet": {"edgecnn/models/mobilenet.py"},
    "applications.MobileNetV2": {"edgecnn/models/mobilenet.py"},
    "h5py.File": {"edgecnn/gate/containers.py"},
    "np.load": {  # without pickle
        *("edgecnn/training/checkpoint.py", "edgecnn/data/numbers.py"),
        *("benchmarks/real_images.py", "benchmarks/on_device.py"),
    },
    "load_weights": {"edgecnn/pipeline/train.py"},  # of an architecture, which passes the gate
    "layers.deserialize": {"edgecnn/compression/obstacles.py"},  # what was serialized a moment before
    # Between edgecnn and the processes that it started.
    "pickle.load": {"edgecnn/runtime/isolation.py"},
    "pickle.loads": {"edgecnn/runtime/isolation.py"},
    "exec_module": {"edgecnn/models/_user.py"},  # FILE.py:FUNCTION
    # What `edgecnn compile --shared` built: here a moment before, on a device what its user names.
    "ctypes.CDLL": {"edgecnn/runtime/shared_library.py", "benchmarks/on_device.py"},
}
NOWHERE = {
    "eval",
    "exec",
    "compile",
    "__import__",
    "marshal.loads",
    "model_from_json",
    "model_from_config",
    "deserialize_keras_object",
    "TFSMLayer",
    "get_file",
    "TFLiteConverter.from_saved_model",
    "yaml.load",
    "numpy.load",
    "shelve.open",
}


def _calls() -> Iterator[tuple[str, ast.Call]]:
    for folder in ("edgecnn", "converters", "benchmarks"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            name = str(path.relative_to(ROOT)).replace("edgecnn/converters", "converters")
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call):
                    yield name, node


def _is(call: ast.Call, function: str) -> bool:
    return (
        f".{ast.unparse(call.func)}".endswith(f".{function}") if "." in function else _named(call, function)
    )


def _named(call: ast.Call, function: str) -> bool:
    """Say whether a call is of a plain name: `eval`, but not `session.eval`, or of a method of that name."""
    name = ast.unparse(call.func)
    return name == function or (function in DOORS and name.endswith(f".{function}"))


def test_what_runs_a_files_code_is_called_behind_the_gate() -> None:
    calls = list(_calls())
    assert len(calls) > 1000
    for function, allowed in DOORS.items():
        assert {path for path, call in calls if _is(call, function)} == allowed, function
    for function in NOWHERE:
        assert {path for path, call in calls if _is(call, function)} == set(), function


def test_nobody_asks_for_less_safety() -> None:
    for path, call in _calls():
        for keyword in call.keywords:
            if keyword.arg == "allow_pickle":
                assert ast.unparse(keyword.value) == "False", path
            if keyword.arg == "safe_mode":
                assert ast.unparse(keyword.value) == "True", path
