# SPDX-License-Identifier: Apache-2.0
"""`edgecnn models` lists what trains, and measures one at any size."""

import json
import re
import sys

import pytest

from edgecnn.cli.program import edgecnn
from edgecnn.errors import ModelError
from edgecnn.models import architectures


def _run(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    edgecnn(["models", *arguments], standalone_mode=False)
    return capsys.readouterr().out


def test_the_list_names_every_network(capsys: pytest.CaptureFixture[str]) -> None:
    text = _run(capsys)
    for name, found in architectures().items():
        assert re.search(rf"^{name} +{re.escape(found.summary)} ", text, re.MULTILINE)
    assert [row["name"] for row in json.loads(_run(capsys, "--json"))] == list(architectures())


def test_an_unknown_name_is_refused_without_tensorflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "edgecnn.pipeline.size", None)
    with pytest.raises(ModelError, match='model "nonsense" does not exist; choose one of: cainvas, '):
        edgecnn(["models", "nonsense"], standalone_mode=False)


def test_a_network_is_measured_at_the_size_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(_run(capsys, "cainvas", "--input-size", "30x24", "--width", "0.5", "--json"))
    assert found["input_shape"] == [30, 24, 1]
    # (9 * 16 + 16) + (144 * 32 + 32) + (288 * 16 + 16), then dense: 2 * 1 * 16 -> 16 -> 32 -> 16 -> 3
    assert found["parameters"] == 160 + 4640 + 4624 + 528 + 544 + 528 + 51
    assert 0 < found["ram_bytes_rows"] < found["ram_bytes_whole"]
    assert found["int8_bytes"] > found["parameters"]
    assert found["device"]["part"] == "STM32F103C8"
    assert found["training"]["optimizer"] == "adam"


def test_a_person_reads_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    text = _run(capsys, "cainvas", "--input-size", "24")
    assert "smallest device" in text
    assert "such as STM32F" in text
    assert "epochs 50, batch-size 32, optimizer adam" in text
