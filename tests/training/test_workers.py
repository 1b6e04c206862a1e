# SPDX-License-Identifier: Apache-2.0
"""TF_CONFIG is read as TensorFlow defines it, and what is wrong with it is said in one line."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from edgecnn.errors import EdgecnnError
from edgecnn.training.workers import ALONE, read_cluster

HOSTS = ["a:1", "b:2", "c:3"]


@pytest.mark.parametrize(
    ("cluster", "task", "place"),
    [
        ({"worker": HOSTS}, {"type": "worker", "index": 2}, (3, 2)),
        ({"worker": HOSTS, "chief": ["d:4"]}, {"type": "worker", "index": 0}, (4, 1)),
        ({"worker": HOSTS, "chief": ["d:4"]}, {"type": "chief", "index": 0}, (4, 0)),
    ],
)
def test_the_chief_is_the_first(cluster: object, task: object, place: tuple[int, int]) -> None:
    assert read_cluster(json.dumps({"cluster": cluster, "task": task})) == place


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (None, "needs TF_CONFIG, which is not set"),
        ("{", "Expecting property name"),
        ("[]", "can't be used"),
        ('{"cluster": {"worker": ["a:1"]}}', "it lacks 'task'"),
        ('{"cluster": {"ps": ["a:1"]}, "task": {"type": "ps", "index": 0}}', "its cluster has ps"),
        (
            '{"cluster": {"worker": ["a"]}, "task": {"type": "worker", "index": 0}}',
            "address a is not HOST:PORT",
        ),
        (
            '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}',
            "worker 1 is not in its",
        ),
        (
            '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": "0"}}',
            "worker 0 is not in its",
        ),
    ],
)
def test_a_broken_tf_config_is_told_in_one_line(config: str | None, reason: str) -> None:
    with pytest.raises(EdgecnnError, match=reason) as caught:
        read_cluster(config)
    assert "\n" not in str(caught.value)
    assert '"task": {"type": "worker", "index": 0}}' in str(caught.value)


def test_alone_nothing_is_exchanged() -> None:
    assert ALONE.from_chief(b"abc") == b"abc"
    assert ALONE.unlike_chief(b"abc") == []
    assert ALONE.chief


MIRRORED = """
import json, sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from edgecnn.data.arrays import Arrays
from edgecnn.progress import silent
from edgecnn.tf import keras, make_repeatable, tf
from edgecnn.training.fit import FitOptions, fit
from edgecnn.training.workers import ALONE, Workers

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
labels = np.arange(32) % 2
images = np.random.default_rng(0).integers(0, 128, (32, 12, 12, 1)) + 100 * labels[:, None, None, None]
arrays = Arrays(images.astype(np.uint8), labels, ("",) * 32, (Path(),) * 32)
options = FitOptions("train", 2, 8, "adam", 1e-2, seed=3)
for mixed in (False, True):
    for workers in (ALONE, Workers(tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]))):
        make_repeatable(3, 2)
        with workers.strategy.scope():
            layers = [keras.layers.Flatten(), keras.layers.Dense(4), keras.layers.Dense(2, "softmax")]
            model = keras.Sequential([keras.Input((12, 12, 1)), *layers])
        file = Path(sys.argv[1]) / f"{mixed}{workers is ALONE}.npz"
        with_these = replace(options, workers=workers, mixed_precision=mixed)
        print(json.dumps(fit(model, arrays, arrays, with_these, file, silent)))
"""


@pytest.mark.slow
def test_two_devices_of_a_machine_learn_what_one_does(tmp_path: Path) -> None:
    command = [sys.executable, "-c", MIRRORED, str(tmp_path)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=600)
    alone, mirrored, mixed_alone, mixed_mirrored = map(json.loads, done.stdout.splitlines())
    for one, two in ((alone, mirrored), (mixed_alone, mixed_mirrored)):
        for expected, row in zip(one, two, strict=True):
            assert row == pytest.approx(expected, abs=1e-3)
