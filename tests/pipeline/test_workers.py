# SPDX-License-Identifier: Apache-2.0
"""Two worker processes train as one does; where one is killed or fails, both end, and can go on."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edgecnn.pipeline.run import Run
from edgecnn.pipeline.run.history import read_history
from edgecnn.pipeline.run.options import TrainOptions
from edgecnn.pipeline.train import train
from edgecnn.progress import silent

NETWORK = """
import tensorflow as tf

def tiny(input_shape, classes):
    layers = tf.keras.layers
    return tf.keras.Sequential([
        tf.keras.Input(input_shape), layers.Conv2D(4, 3, activation="relu"), layers.MaxPool2D(4),
        layers.Flatten(), layers.Dense(classes, activation="softmax"),
    ])
"""
EPOCHS, BATCH = 3, 8
TIMEOUT = 600  # seconds; loading TensorFlow alone takes minutes where many other programs run


def _ports(count: int) -> list[int]:
    """Return ports that nobody uses."""
    sockets = [socket.create_server(("localhost", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _start(folder: Path, data: tuple[Path, Path], *further: str) -> list[subprocess.Popen[str]]:
    """Start two workers on `data`, the chief writing folder/run0 and the other, if anything, folder/run1."""
    cluster = {"worker": [f"localhost:{port}" for port in _ports(2)]}
    workers = []
    for index in range(2):
        config = json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}})
        command = (
            f"train --data {data[index]} --model {folder}/net.py:tiny --input-size 30 --channels 1 "
            f"--epochs {EPOCHS} --batch-size {BATCH} --augment flip "
            f"--strategy multi-worker --out {folder}/run{index}"
        )
        workers.append(
            subprocess.Popen(
                [sys.executable, "-c", "from edgecnn.cli import main; main()", *command.split(), *further],
                env={**os.environ, "TF_CONFIG": config},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    return workers


def _end(worker: subprocess.Popen[str]) -> str:
    """Wait for a worker; return what it says on standard error."""
    try:
        return worker.communicate(timeout=TIMEOUT)[1].rstrip()
    finally:
        worker.kill()


def _last_line(said: str) -> str:
    return said.rpartition("\n")[2]


@pytest.mark.study
@pytest.mark.slow(seconds=50)
def test_two_workers_one_killed_midway_end_where_one_alone_does(images: Path, tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(NETWORK)
    options = TrainOptions(
        images, f"{tmp_path}/net.py:tiny", (30, 30), 1, epochs=EPOCHS, batch_size=BATCH, augment="flip"
    )
    alone = train(tmp_path / "alone", options, silent)

    chief, other = _start(tmp_path, (images, images))
    deadline = time.monotonic() + TIMEOUT
    while not Run(tmp_path / "run0").checkpoint("train").exists():
        assert chief.poll() is None, _end(chief)
        assert time.monotonic() < deadline
        time.sleep(0.02)
    other.send_signal(signal.SIGKILL)
    assert _last_line(_end(chief)).startswith("Error: worker 0 of 2 has lost another one")
    _end(other)
    assert not (tmp_path / "run0" / "metrics.json").exists()

    chief, other = _start(tmp_path, (images, images), "--resume")
    said = _end(other), _end(chief)
    assert (other.returncode, chief.returncode) == (0, 0), said
    assert _last_line(said[0]) == "This worker is done; the chief writes the run folder."
    together = read_history(Run(tmp_path / "run0"))["train"]
    assert len(together) == EPOCHS
    assert f"epoch {EPOCHS}, accuracy {together[-1]['accuracy']:.3f}\n" in said[1]
    for one, two in zip(read_history(alone)["train"], together, strict=True):
        assert two["loss"] == pytest.approx(one["loss"], abs=1e-3)
        assert two["val_loss"] == pytest.approx(one["val_loss"], abs=1e-3)
    assert not (tmp_path / "run1").exists()
    assert {path.name for path in Run(tmp_path / "run0").path.iterdir()} == {
        path.name for path in alone.path.iterdir()
    }


@pytest.mark.study
@pytest.mark.slow
def test_where_one_worker_fails_by_itself_the_other_ends_too(images: Path, tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(NETWORK)
    chief, other = _start(tmp_path, (images, tmp_path / "nowhere"))
    assert _last_line(_end(other)).startswith(f"Error: there is no {tmp_path / 'nowhere'}; ")
    begin = time.monotonic()
    assert _last_line(_end(chief)).startswith("Error: worker 0 of 2 has lost another one")
    assert time.monotonic() - begin < TIMEOUT / 4
    assert (other.returncode, chief.returncode) == (1, 1)
    assert not (tmp_path / "run0").exists()
