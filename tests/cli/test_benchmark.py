# SPDX-License-Identifier: Apache-2.0
"""`edgecnn benchmark`: --json is a flag as everywhere, and what it was until now is understood."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from edgecnn.cli.benchmark import command

FIGURES = {"variants": {"a": {"accuracy": 0.5}}}


class Metrics:
    """What `benchmark` returns, as far as the command reads it."""

    metrics: "Metrics"

    def as_json(self) -> dict[str, object]:
        return FIGURES


@pytest.fixture(autouse=True)
def measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[Path, ...]]:
    """Measure nothing; return the models that are asked for. There is a folder `run`, in which one stands."""
    asked: list[tuple[Path, ...]] = []
    found = Metrics()
    found.metrics = found

    def benchmark(models: tuple[Path, ...], *_: object, **__: object) -> Metrics:
        asked.append(models)
        return found

    monkeypatch.setattr("edgecnn.pipeline.benchmark.benchmark", benchmark)
    monkeypatch.setattr("edgecnn.cli.benchmark.print_metrics", lambda _: None)
    monkeypatch.setattr("edgecnn.cli.benchmark._require", lambda _: None)
    monkeypatch.chdir(tmp_path)
    Path("run").mkdir()
    return asked


def call(arguments: str) -> Result:
    return CliRunner().invoke(command, arguments.split(), catch_exceptions=False)


@pytest.mark.parametrize(
    "arguments", ["run --json --data x", "--data x --json run", "--json a.tflite --data x"]
)
def test_json_prints_the_figures_and_writes_none(arguments: str, measured: list[tuple[Path, ...]]) -> None:
    result = call(arguments)
    assert json.loads(result.stdout) == FIGURES
    assert len(measured[0]) == 1
    assert [path.name for path in Path().iterdir()] == ["run"]
    assert result.stderr == ""


def test_save_writes_them_and_prints_the_table() -> None:
    result = call("run --data x --save out/figures.json")
    assert json.loads(Path("out/figures.json").read_text()) == FIGURES
    assert (result.stdout, result.stderr) == ("", "")
    assert json.loads(call("run --data x --json --save both.json").stdout) == FIGURES
    assert Path("both.json").exists()


@pytest.mark.parametrize("option", ["--json figures.json", "--json=figures.json", "--json figures"])
def test_the_old_form_is_understood_and_the_new_one_named(option: str) -> None:
    result = call(f"run --data x {option}")
    assert json.loads(Path(option[7:]).read_text()) == FIGURES
    assert result.stdout == ""
    assert result.stderr == "Note: --json FILE is --save FILE now; this version understands both.\n"
