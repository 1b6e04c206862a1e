# SPDX-License-Identifier: Apache-2.0
"""benchmarks/public_models.py on a folder of the tests' own: one line each, whatever a file does."""

import json
import shutil
from pathlib import Path
from types import ModuleType

import pytest
from tflite_builder import Builder

ROOT = Path(__file__).parents[2]
TINY = ROOT / "tests" / "assets" / "tiny_int8.tflite"
FLOAT = ROOT / "tests" / "assets" / "tiny_float32.tflite"


@pytest.fixture
def public_models(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import public_models

    return public_models


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "models" / "inner").mkdir(parents=True)
    shutil.copy(TINY, tmp_path / "models" / "inner" / "tiny.tflite")
    shutil.copy(FLOAT, tmp_path / "models" / "float.tflite")
    (tmp_path / "models" / "cut.tflite").write_bytes(TINY.read_bytes()[:1000])
    return tmp_path / "models"


def test_each_file_is_one_line(
    public_models: ModuleType,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("EDGECNN_DATA", str(folder.parent))
    assert public_models.main(["models", "--inputs", "2", "--json", str(folder / "result.json")]) == 0
    cut, real, tiny, summary = capsys.readouterr().out.splitlines()
    assert cut.startswith("cut.tflite  refused  the file: ")
    assert real.startswith('float.tflite  refused  CONV_2D: "')
    assert tiny.startswith("inner/tiny.tflite  ")
    assert "  0 of 6 bytes differ, 2 different outputs  " in tiny
    assert summary == "2 refused, 1 equal"
    stored = json.loads((folder / "result.json").read_text())
    assert {"commit", "machine", "gcc", "tflite-runtime", "numpy"} <= set(stored)
    assert [row["outcome"] for row in stored["files"]] == ["refused", "refused", "equal"]
    assert stored["files"][2]["arena_bytes"] > 0


def test_what_has_floats_behind_it_is_compiled_up_to_these(public_models: ModuleType, tmp_path: Path) -> None:
    builder = Builder()
    scores = builder.fully_connected(builder.input((1, 9)), 4)
    powers = builder.operator("EXP", (builder.dequantize(scores),), builder.tensor((1, 4), "float32"))
    (tmp_path / "net.tflite").write_bytes(builder.build((0,), (powers,)))
    row = public_models.tried(tmp_path / "net.tflite", 2)
    assert (row["outcome"], row["left"]) == ("equal", "DEQUANTIZE (1), EXP (1)")
    assert public_models.line({"file": "net.tflite", **row}).endswith("  before DEQUANTIZE (1), EXP (1)")


@pytest.mark.parametrize(
    ("program", "limit", "reason"),
    [
        ("import os; os.abort()", 60, "exit code -6: "),
        ("raise RuntimeError('broken')", 60, "exit code 1: RuntimeError: broken"),
        ("import time; time.sleep(1000)", 0.01, "still running after 0.01 seconds"),
    ],
)
def test_a_file_that_ends_the_process_or_stays_has_failed(
    public_models: ModuleType,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    program: str,
    limit: float,
    reason: str,
) -> None:
    script = folder / "program.py"
    script.write_text(program)
    monkeypatch.setattr(public_models, "__file__", str(script))
    assert public_models.main([str(folder / "inner"), "--limit", str(limit)]) == 1
    assert capsys.readouterr().out == f"tiny.tflite  failed  {reason}\n1 failed\n"


def test_a_folder_without_models_is_said(
    public_models: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert public_models.main([str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"Error: {tmp_path} holds no .tflite file\n"


def test_fewer_inputs_than_one_are_refused(public_models: ModuleType, folder: Path) -> None:
    with pytest.raises(SystemExit, match="2"):
        public_models.main([str(folder), "--inputs", "0"])
