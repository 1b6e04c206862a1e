# SPDX-License-Identifier: Apache-2.0
"""What a firmware engineer needs runs without what only Linux has: its modules, signals, users and /proc.

The commands are those of README, "Limits"; they run here with all of that hidden, on paths with backslashes.
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from made_runs import make_run
from PIL import Image

from edgecnn.converters.formats import package_formats
from edgecnn.data.sources import read_csv
from edgecnn.errors import RunError
from edgecnn.files import named_path
from edgecnn.pipeline.run import Run, lock

TINY = Path(__file__).parents[1] / "assets" / "tiny_int8.tflite"
AS_ON_WINDOWS = r"""
import builtins, io, json, os, signal, sys
from contextlib import redirect_stdout

import click, numpy, PIL.Image, rich.console, subprocess, tempfile  # whose own parts of Linux are not ours

MODULES = {"fcntl", "resource", "pty", "tty", "termios", "pwd", "grp", "syslog", "crypt", "spwd", "readline"}
for name in MODULES:
    sys.modules[name] = None
for name in ("geteuid", "getuid", "fork", "killpg", "O_NOFOLLOW", "O_DIRECTORY", "sysconf", "uname",
             "sched_getaffinity", "getpgid", "setsid", "mkfifo", "fchmod"):
    vars(os).pop(name, None)
for name in [name for name in vars(signal) if name.startswith("SIG")]:
    if name not in ("SIGINT", "SIGTERM", "SIGABRT", "SIGFPE", "SIGILL", "SIGSEGV", "SIG_DFL", "SIG_IGN"):
        delattr(signal, name)
opened = io.open
def open_elsewhere(file, *args, **kwargs):
    if str(file).startswith("/proc"):
        raise FileNotFoundError(file)
    return opened(file, *args, **kwargs)
builtins.open = io.open = open_elsewhere

from edgecnn.cli import main
codes = []
for call in json.loads(sys.argv[1]):
    sys.argv, printed = ["edgecnn", *call], io.StringIO()
    try:
        with redirect_stdout(printed):
            main()
        codes.append(0)
    except SystemExit as end:
        codes.append(end.code or 0)
print(json.dumps(codes))
"""


def write_pictures(folder: Path) -> None:
    """Write two classes of pictures, and a list of them as it is on Windows."""
    lines = ["path,label"]
    for label in ("bars", "dots"):
        (folder / label).mkdir(parents=True)
        for number in range(12):
            values = np.random.default_rng(number + len(lines)).integers(0, 256, (8, 8), np.uint8)
            Image.fromarray(values).save(folder / label / f"{number}.png")
            lines.append(f"{label}\\{number}.png,{label}")
    (folder / "list.csv").write_bytes("\r\n".join(lines).encode())


def test_the_core_needs_nothing_that_only_linux_has(tmp_path: Path) -> None:
    model = "models\\tiny net.tflite"  # one name here, a path there
    (tmp_path / model).write_bytes(TINY.read_bytes())
    write_pictures(tmp_path / "photos")
    make_run(tmp_path / "run\\first")
    forms = ["tflite", "c-array", "c", *package_formats()]
    calls = [
        ["inspect", model],
        ["inspect", model, "--json"],
        ["targets"],
        ["compile", model, "--out", "out\\c"],
        ["compile", model, "--out", "out\\m4", "--part", "STM32F411CE"],
        *(["export", model, "--out", f"out\\{form}", "--format", form, "--name", "tiny"] for form in forms),
        ["data", "check", "photos", "--sheet", "sheet.png"],
        ["data", "check", "photos/list.csv"],
        ["data", "phantoms", "phantoms", "--count", "33"],
        ["models"],
        ["report", "run\\first"],
        ["inspect", "nosuch\\model.tflite"],
    ]
    done = subprocess.run(
        [sys.executable, "-c", AS_ON_WINDOWS, json.dumps(calls)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [0] * (len(calls) - 1) + [1], done.stderr
    assert "Traceback" not in done.stderr
    for form in forms:
        files = [path for path in (tmp_path / f"out\\{form}").rglob("*") if path.is_file()]
        assert files
        assert all(b"\r" not in path.read_bytes() for path in files if path.suffix != ".tflite")
    assert (tmp_path / "out\\arduino" / "examples" / "demo" / "demo.ino").exists()


def test_a_list_from_windows_names_the_same_files(tmp_path: Path) -> None:
    write_pictures(tmp_path)
    _, entries = read_csv(tmp_path / "list.csv")
    assert {entry.path for entry in entries} == set(tmp_path.glob("*/*.png"))
    (tmp_path / "a\\b.png").touch()
    assert named_path(tmp_path, "a\\b.png") == tmp_path / "a\\b.png"  # where it is a name


def test_a_run_from_windows_finds_its_images(tmp_path: Path) -> None:
    run = Run(tmp_path / "runs" / "first")
    run.path.mkdir(parents=True)
    (tmp_path / "photos").mkdir()
    data = {"source": "..\\..\\photos", "fingerprint": "a", "synthetic": False}
    record = {"model": "cainvas", "input_shape": [64, 64, 1], "train": {}, "data": data}
    run.record_file.write_text(json.dumps(record))
    assert run.data() == tmp_path / "photos"
    assert run.relative(tmp_path / "photos") == "../../photos"


def test_a_file_locks_a_run_where_a_folder_can_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("filelock", reason="needs filelock: edgecnn[test]")
    monkeypatch.setitem(sys.modules, "fcntl", None)
    with lock.locked(tmp_path / "run"):
        with pytest.raises(RunError, match="another edgecnn is at work in"), lock.locked(tmp_path / "run"):
            pass
        (tmp_path / "run" / "left").touch()
    with lock.locked(tmp_path / "run"):
        assert (tmp_path / "run" / "left").exists()
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["left"]
    with lock.locked(tmp_path / "empty"):
        pass
    assert not (tmp_path / "empty").exists()
