# SPDX-License-Identifier: Apache-2.0
"""TF_CONFIG is read as TensorFlow defines it, and what is wrong with it is said in one line."""

import json

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
