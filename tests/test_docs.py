# SPDX-License-Identifier: Apache-2.0
"""The documentation is true: every command has help and is in the README, and what the README shows works.

The README's ```sh blocks are run, in order, in one empty folder, except lines that begin with make, git, cd
or `edgecnn demo`. Its ```python blocks are run among them. Its ```console blocks show output: their lines
that begin with "$ " are checked as all commands are, but not run.
"""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import click
import pytest

from edgecnn.cli.program import COMMANDS, edgecnn

ROOT = Path(__file__).parent.parent
HEAVY = {"tensorflow", "keras", "tf_keras", "matplotlib", "numpy", "PIL", "tflite_runtime", "ai_edge_litert"}
NOT_RUN = ("make", "git", "cd", "edgecnn demo")


def readme() -> str:
    return (ROOT / "README.md").read_text(encoding="utf-8")


def blocks() -> list[tuple[str, str]]:
    """The fenced blocks of the README: language, text."""
    return re.findall(r"^```(\w*)\n(.*?)^```", readme(), re.MULTILINE | re.DOTALL)


def commands(program: str) -> list[list[str]]:
    """The arguments of every call of `program` that the README shows."""
    found: list[list[str]] = []
    for language, text in blocks():
        for line in text.replace("\\\n", " ").splitlines():
            if language == "sh" or (language == "console" and line.startswith("$ ")):
                lexer = shlex.shlex(line.removeprefix("$ "), posix=True, punctuation_chars=True)
                lexer.whitespace_split = True
                found += _split(lexer)
    return [arguments for name, *arguments in found if name == program]


def _split(words: Iterable[str]) -> list[list[str]]:
    """Split the words of a line at |, &&, > and their like."""
    calls: list[list[str]] = [[]]
    for word in words:
        if set(word) <= set("|&;<>()"):
            calls.append([])
        else:
            calls[-1].append(word)
    return [call for call in calls if call]


def leaves(
    group: click.Group = edgecnn, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command that does something, with the words that call it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from leaves(command, (*path, name))
        else:
            yield (*path, name), command


def test_every_command_explains_itself() -> None:
    assert {path[0] for path, _ in leaves()} == set(COMMANDS)
    silent = [
        (*path, option.name)
        for path, command in leaves()
        for option in (command, *command.params)
        if not isinstance(option, click.Argument) and not option.help
    ]
    assert silent == []


def test_every_command_is_in_the_readme() -> None:
    text = readme()
    assert [path for path, _ in leaves() if f"edgecnn {' '.join(path)}" not in text] == []


def test_the_commands_in_the_readme_are_valid() -> None:
    assert commands("edgecnn")
    for arguments in commands("edgecnn"):
        words, command = list(arguments), edgecnn
        while isinstance(command, click.Group) and words and not words[0].startswith("-"):
            command = command.get_command(click.Context(command), words.pop(0))
            assert command is not None, arguments
        try:
            command.make_context("edgecnn", words)
        except click.exceptions.Exit:  # --help and --version say their say and leave
            pass
        except click.UsageError as error:
            pytest.fail(f"{shlex.join(arguments)}: {error.format_message()}")


def test_the_make_targets_in_the_readme_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    shown = {arguments[0] for arguments in commands("make")}
    assert {"demo", "test"} <= shown
    assert shown <= set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))


def test_links_in_the_readme_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", readme())
    assert [link for link in links if not link.startswith("https://") and not (ROOT / link).exists()] == []


def test_a_reader_is_told_what_it_is_not_for() -> None:
    assert "diagnosis" in readme()
    assert "diagnosis" in (edgecnn.help or "")


def imported(arguments: list[str]) -> set[str]:
    """The heavy packages that are loaded once the command line has done what it was asked."""
    code = (
        "import atexit, sys\n"
        "atexit.register(lambda: print('\\nloaded:', *{name.split('.')[0] for name in sys.modules}))\n"
        "from edgecnn.cli import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    return set(done.stdout.rpartition("loaded:")[2].split())


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_loads_nothing_heavy(command: str) -> None:
    assert imported([*command.split(), "--help"]) & HEAVY == set()


def test_inspect_loads_no_tensorflow() -> None:
    loaded = imported(["inspect", str(ROOT / "tests/assets/tiny_int8.tflite")])
    assert loaded & {"tensorflow", "keras", "tf_keras"} == set()


@pytest.mark.slow(seconds=90)
def test_the_readme_runs(tmp_path: Path) -> None:
    """What a reader types, in the order of the page."""
    for language, text in blocks():
        if language == "sh":
            lines = text.replace("\\\n", " ").splitlines()
            script = "\n".join(line for line in lines if not line.startswith(NOT_RUN))
            run = ["bash", "-euc", f'PATH="$(dirname "$0"):$PATH"\n{script}', sys.executable]
        elif language == "python":
            run = [sys.executable, "-c", text]
        else:
            continue
        done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
