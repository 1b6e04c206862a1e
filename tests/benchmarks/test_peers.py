# SPDX-License-Identifier: Apache-2.0
"""What benchmarks/peers.py has stored: the promises that hold, and the chart of the same figures."""

import json
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
STORED = json.loads((BENCHMARKS / "results" / "peers.json").read_text())
MOST = {"cainvas": 0.60, "person_detect": 0.90}  # of ai-edge-litert's time


@pytest.mark.parametrize("model", STORED["microseconds"])
def test_goals_are_kept(model: str) -> None:
    times = STORED["microseconds"][model]
    ours = min(times[name] for name in times if name.startswith("edgecnn x86-64-vnni"))
    assert ours <= MOST.get(model, 1) * times["ai-edge-litert"]
    assert ours < times["onnxruntime"]


def test_the_chart_shows_what_is_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import peers

    assert peers.chart(STORED["microseconds"]) == (BENCHMARKS / "results" / "peers.svg").read_text()
