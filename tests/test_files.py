# SPDX-License-Identifier: Apache-2.0
"""A file is written whole or not at all, and what prevents it is one line."""

import errno
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner

from edgecnn.cli.program import edgecnn
from edgecnn.errors import EdgecnnError, ModelError
from edgecnn.files import fill, read_bytes, replacing, uninterrupted, write_text, write_texts


def test_a_file_is_as_it_was_when_writing_fails(tmp_path: Path) -> None:
    write_text(tmp_path / "deep" / "a.txt", "old")
    with suppress(KeyError), replacing(tmp_path / "deep" / "a.txt") as temporary:
        temporary.write_text("half")
        raise KeyError
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["a.txt"]
    assert (tmp_path / "deep" / "a.txt").read_text() == "old"


def test_a_full_disk_and_a_file_in_the_way_are_one_line(tmp_path: Path) -> None:
    with (
        pytest.raises(EdgecnnError, match=r"can't write .*a\.txt: No space left"),
        replacing(tmp_path / "a.txt"),
    ):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    write_text(tmp_path / "b", "")
    with pytest.raises(EdgecnnError, match=r"can't write .*b/c\.txt: .*b is a file, not a folder"):
        write_text(tmp_path / "b" / "c.txt", "")
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


def test_only_what_ends_is_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        for path, kind in (
            (tmp_path, "folder"),
            (tmp_path / "pipe", "pipe"),
            (tmp_path / "socket", "socket"),
            (Path("/dev/zero"), "device"),
        ):
            with pytest.raises(ModelError, match=rf"{path} can't be read: it is a {kind}; give a file"):
                read_bytes(path, error=ModelError)
    with pytest.raises(EdgecnnError, match="No such file"):
        read_bytes(tmp_path / "absent")
    with pytest.raises(EdgecnnError, match="null"):
        read_bytes(tmp_path / "a\0b")


def test_a_file_without_end_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(EdgecnnError, match=r"has 1,099,511,627,776 bytes; at most 2,147,483,647 are read"):
        read_bytes(tmp_path / "sparse")
    write_text(tmp_path / "short", "1234")
    assert read_bytes(tmp_path / "short", most=4) == b"1234"
    with pytest.raises(EdgecnnError, match="has 4 bytes; at most 3 are read"):
        read_bytes(tmp_path / "short", most=3)


@pytest.mark.parametrize(
    "arguments",
    [
        "inspect {pipe}.tflite",
        "compile {pipe}.tflite --out {folder}/out",
        "verify {pipe}.tflite",
        "verify {tiny} --serial {pipe}.log",
        "predict {pipe}.tflite {pipe}.png",
        "predict {tiny} {pipe}.png",
        "benchmark {pipe}.tflite --data {pipe}.csv",
        "benchmark {tiny} --data {pipe}.zip",
        "export {pipe}.tflite --out {folder}/out",
        "train --model {pipe}.keras --data {pipe}.csv --out {folder}/out",
        "data check {pipe}.csv",
        "data check {pipe}.zip",
        "data check {pipe}",
        "serve {pipe}.tflite",
    ],
)
def test_no_command_waits_for_a_pipe(tmp_path: Path, arguments: str) -> None:
    for suffix in ("", ".tflite", ".png", ".log", ".csv", ".zip", ".keras"):
        os.mkfifo(tmp_path / f"pipe{suffix}")
    tiny = Path(__file__).parent / "assets" / "tiny_int8.tflite"
    words = arguments.format(pipe=tmp_path / "pipe", folder=tmp_path, tiny=tiny).split()
    result = CliRunner().invoke(edgecnn, words)
    assert (result.exit_code, result.stdout) == (1, "")
    message = str(result.exception) if isinstance(result.exception, EdgecnnError) else result.stderr.rstrip()
    assert "\n" not in message
    assert f"{tmp_path}/pipe" in message


def test_files_that_belong_together_are_all_new_or_all_old(tmp_path: Path) -> None:
    def fails(folder: Path) -> list[Path]:
        write_text(folder / "a.h", "half")
        raise KeyError

    write = partial(write_texts, texts={"a.h": "old", "src/a.c": "old"})
    assert fill(tmp_path / "out", write) == [tmp_path / "out" / "a.h", tmp_path / "out" / "src" / "a.c"]
    for folder in ("out", "new/folder"):
        with pytest.raises(KeyError):
            fill(tmp_path / folder, fails)
    assert not (tmp_path / "new").exists()
    assert {path.name: path.read_text() for path in (tmp_path / "out").rglob("*.?")} == {
        "a.h": "old",
        "a.c": "old",
    }
    fill(tmp_path / "out", partial(write_texts, texts={"src/a.c": "new"}))
    assert (tmp_path / "out" / "src" / "a.c").read_text() == "new"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.h", "src"]
    with pytest.raises(EdgecnnError, match=r"can't write .*a\.h: .*a\.h is a file, not a folder"):
        fill(tmp_path / "out" / "a.h", write)


@contextmanager
def _counted(number: signal.Signals) -> Iterator[list[int]]:
    came: list[int] = []
    before = signal.signal(number, lambda number, _: came.append(number))
    yield came
    signal.signal(number, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_waits_for_the_end_of_what_is_not_to_be_interrupted(number: signal.Signals) -> None:
    with _counted(number) as came:
        with uninterrupted():
            signal.raise_signal(number)
            assert came == []
        assert came == [number]


def test_a_device_or_a_pipe_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/dev/null")
    (tmp_path / "open").symlink_to("/proc/self/exe")
    for name, kind in (("pipe", "is a pipe"), ("link", "is a device"), ("open", "stands for an open file")):
        before = os.lstat(tmp_path / name)
        with pytest.raises(EdgecnnError, match=f"can't write .*{name}: it {kind}; give a file"):
            write_text(tmp_path / name, "text")
        assert os.lstat(tmp_path / name) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "open", "pipe"]


def test_what_a_killed_process_was_writing_goes(tmp_path: Path) -> None:
    """The folder of a process that lives stays: it has locked it, whoever asks."""
    killed = (
        "import os, sys; from pathlib import Path; from edgecnn.files import replacing\n"
        "with replacing(Path(sys.argv[1])) as new:\n    new.write_text('half'); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", killed, tmp_path / "a" / "b.txt"], check=False)
    [left] = (tmp_path / "a").iterdir()
    assert (left / "b.txt").read_text() == "half"
    with replacing(tmp_path / "c.txt") as living:
        living.write_text("whole")
        write = "import sys; from pathlib import Path; from edgecnn.files import write_text\n"
        write += "for path in sys.argv[1:]: write_text(Path(path), 'new')"
        paths = tmp_path / "a" / "b.txt", tmp_path / "d.txt"
        subprocess.run([sys.executable, "-c", write, *paths], check=True)
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")) == [
        "a", "a/b.txt", "c.txt", "d.txt",
    ]  # fmt: skip
    assert (tmp_path / "c.txt").read_text() == "whole"
