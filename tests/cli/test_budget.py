# SPDX-License-Identifier: Apache-2.0
"""`edgecnn budget` on the tiny stored model: exit codes, files, and what is refused."""

import json
import re
from pathlib import Path
from shutil import copy

import pytest
from click.testing import CliRunner, Result

from edgecnn.cli.budget import command
from edgecnn.cli.verify import command as verify
from edgecnn.errors import EdgecnnError

TINY = Path(__file__).parents[1] / "assets" / "tiny_int8.tflite"


def budget(*arguments: object) -> Result:
    result = CliRunner().invoke(command, [str(argument) for argument in arguments])
    if isinstance(result.exception, EdgecnnError):
        raise result.exception
    return result


def figures(*arguments: object) -> dict[str, dict]:
    result = budget(*arguments, "--json")
    [told] = json.loads(result.stdout)["budgets"]
    return {line["resource"]: line for line in told["lines"]}


@pytest.mark.parametrize("target", ["cortex-m4"])
def test_figures_are_those_of_verify(target: str) -> None:
    told = CliRunner().invoke(verify, [str(TINY), "--target", target, "--json"])
    measured = json.loads(told.stdout)
    lines = figures(TINY, "--target", target)
    parts = {
        "flash": ("code_bytes", "const_bytes"),
        "ram": ("arena_bytes", "state_bytes", "static_bytes"),
        "stack": ("stack_bytes",),
        "instructions": ("instructions",),
    }
    assert {name: line["value"] for name, line in lines.items()} == {
        name: sum(measured[part] for part in each) for name, each in parts.items()
    }


@pytest.mark.parametrize("target", ["cortex-m3"])
def test_what_is_over_ends_with_1_and_files_for_ci(target: str, tmp_path: Path) -> None:
    files = {name: tmp_path / f"{name}.txt" for name in ("markdown", "junit", "save")}
    options = [part for name, file in files.items() for part in (f"--{name}", file)]
    result = budget(TINY, "--target", target, "--flash", "1K", "--ram", "64K", *options)
    assert result.exit_code == 1
    assert "over: flash, bytes: " in result.stdout
    assert "would help: --optimize size: flash, bytes " in result.stdout
    assert "would help: compress --weight-bits 4: flash, bytes " in result.stdout
    assert "is over the limit, 1,024" in files["markdown"].read_text()
    assert files["junit"].read_text().count("<failure") == 1
    [stored] = json.loads(files["save"].read_text())["budgets"]
    assert len(stored["faults"]) == 1
    assert "FULLY_CONNECTED" in stored["costliest"]["flash"][0]["operator"]


@pytest.mark.parametrize("core", ["cortex-m3"])
def test_nothing_may_be_worse_than_what_was_saved(core: str, tmp_path: Path) -> None:
    file = tmp_path / "main.json"
    assert budget(TINY, "--target", core, "--save", file).exit_code == 0
    assert budget(TINY, "--target", core, "--against", file).exit_code == 0
    stored = json.loads(file.read_text())
    for line in stored["budgets"][0]["lines"]:
        line["value"] *= 0.99
    file.write_text(json.dumps(stored))
    assert budget(TINY, "--target", core, "--against", file, "--tolerance", 2).exit_code == 0
    result = budget(TINY, "--target", core, "--against", file)
    assert result.exit_code == 1
    assert result.stdout.count("percent worse; 0 may be") == 4


@pytest.mark.parametrize(("core", "other"), [("cortex-m3", "cortex-m4")])
def test_a_file_beside_the_model_has_several_devices(core: str, other: str, tmp_path: Path) -> None:
    copy(TINY, tmp_path / "net.tflite")
    (tmp_path / "budget.toml").write_text(f"[{core}]\nram = '1K'\n[STM32F411CE]\nstack = 1\n")
    result = budget(tmp_path / "net.tflite")
    assert result.exit_code == 1
    assert f"net.tflite on {core}" in result.stdout
    assert "net.tflite on STM32F411CE" in result.stdout
    assert result.stdout.count("over: ") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "nothing is limited, and there is no .*budget.toml; give --part, or a limit"),
        (("--part", "STM32F103C8", "--target", "cortex-m4"), "--part has its own core; leave out --target"),
        (("--accuracy", 2), "2.0 is not in the range"),
        (("--flash", "many"), "'many' is no size"),
    ],
)
def test_options_that_say_nothing_are_refused(arguments: tuple[object, ...], message: str) -> None:
    result = budget(TINY, *arguments)
    assert result.exit_code == 2
    assert re.search(message, result.output)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--accuracy", 0.9), "says nothing of its accuracy; give --data, or a run"),
        (("--ram", "1K", "--against", "none.json"), "none.json can't be read"),
    ],
)
@pytest.mark.parametrize("core", ["cortex-m3"])
def test_what_is_not_known_is_told(core: str, arguments: tuple[object, ...], message: str) -> None:
    with pytest.raises(EdgecnnError, match=message):
        budget(TINY, "--target", core, *arguments)
