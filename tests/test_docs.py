# SPDX-License-Identifier: Apache-2.0
"""The documentation is true: every command has help and is in the README, and what the pages show works.

All ```sh blocks are run, in order, in one empty folder, the README's first, except lines that begin with
make, git, cd or `edgecnn demo`. ```python blocks are run among them, and ```c and ```cpp compiled where those
have written their headers. ```console blocks show output: their lines that begin with "$ " are checked as all
commands are, but not run.
"""

import ast
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import click
import pytest
import yaml

from edgecnn.cli.program import COMMANDS, edgecnn

ROOT = Path(__file__).parent.parent
HEAVY = {"tensorflow", "keras", "tf_keras", "matplotlib", "numpy", "PIL", "tflite_runtime", "ai_edge_litert"}
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
NOTHING = re.compile("(?!)")
TYPED = {  # what stands before a command
    "sh": re.compile(""),
    "console": re.compile(r"\$ "),
    "yaml": re.compile(r" *(- )?(run: |entry: )?(?=edgecnn )"),
}
NOT_RUN = ("make", "git", "cd", "edgecnn demo")


def readme() -> str:
    return (ROOT / "README.md").read_text(encoding="utf-8")


def blocks() -> list[tuple[str, str]]:
    """The fenced blocks of all pages: language, text."""
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    return re.findall(r"^```(\w*)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def commands(program: str) -> list[list[str]]:
    """The arguments of every call of `program` that a page shows."""
    found: list[list[str]] = []
    for language, text in blocks():
        for line in text.replace("\\\n", " ").splitlines():
            typed = TYPED.get(language, NOTHING).match(line)
            if typed:
                lexer = shlex.shlex(line[typed.end() :], posix=True, punctuation_chars=True)
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


def test_json_and_wide_are_flags_that_mean_the_same_everywhere() -> None:
    options = {path: {param.name: param for param in command.params} for path, command in leaves()}
    assert {path for path, named in options.items() if "as_json" not in named} == {("serve",)}
    assert all(named["as_json"].is_flag for named in options.values() if "as_json" in named)
    flags = {id(named["wide"].callback) for named in options.values() if "wide" in named}
    assert len(flags) == 1


def test_every_command_is_in_the_readme() -> None:
    text = readme()
    assert [path for path, _ in leaves() if f"edgecnn {' '.join(path)}" not in text] == []


def test_the_commands_of_all_pages_are_valid() -> None:
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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8"))
    assert [
        link for link in links if not link.startswith("https://") and not (page.parent / link).exists()
    ] == []


def test_the_readme_stays_short_and_leads_to_every_page() -> None:
    assert readme().count("\n") <= 200
    assert [page.name for page in PAGES[1:] if f"(docs/{page.name})" not in readme()] == []


def test_what_is_said_to_continuous_integration_is_what_that_reads() -> None:
    documents = [yaml.safe_load(text) for language, text in blocks() if language == "yaml"]
    assert len(documents) >= 2
    [job] = [document["jobs"]["model"] for document in documents if "jobs" in document]
    assert all(len({"uses", "run"} & set(step)) == 1 for step in job["steps"])
    [hook] = [hook for document in documents for repo in document.get("repos", []) for hook in repo["hooks"]]
    assert {"id", "name", "language", "entry"} <= set(hook)


INSTRUCTIONS = {"FROM", "RUN", "COPY", "USER", "EXPOSE", "HEALTHCHECK", "CMD"}


def test_the_container_file_keeps_the_rules_of_linters() -> None:
    """Those of hadolint that such a file could break, by their numbers; it is built in no test."""
    [text] = [text for language, text in blocks() if language == "dockerfile"]
    lines = [line.split(" ", 1) for line in text.replace("\\\n", " ").splitlines()]
    assert {word for word, _ in lines} <= INSTRUCTIONS
    assert lines[0][0] == "FROM"
    assert re.fullmatch(r"python:3\.\d+-slim-\w+", lines[0][1])  # DL3006, DL3007: a tag, not the latest
    runs = [rest for word, rest in lines if word == "RUN"]
    assert all("--no-install-recommends" in run for run in runs if "apt-get install" in run)  # DL3015
    assert all("--yes" in run and "rm -rf /var/lib/apt/lists" in run for run in runs if "apt-get" in run)
    assert all("--no-cache-dir" in run for run in runs if "pip install" in run)  # DL3042
    words = [word for word, _ in lines]
    assert words.index("USER") < words.index("CMD")  # DL3002: not root
    [command] = [json.loads(rest) for word, rest in lines if word == "CMD"]  # DL3025: as JSON
    assert command[:2] == ["edgecnn", "serve"]
    serve = edgecnn.get_command(click.Context(edgecnn), "serve")
    assert serve is not None
    serve.make_context("serve", command[2:])


def test_what_is_typed_into_python_is_python() -> None:
    for language, text in blocks():
        if language == "pycon":
            ast.parse("\n".join(line[4:] for line in text.splitlines() if line.startswith((">>> ", "... "))))


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


C = [
    "gcc",
    "-std=c99",
    "-Wall",
    "-Wextra",
    "-Wpedantic",
    "-Werror",
    "-fsyntax-only",
    "-Ifirmware",
    "-x",
    "c",
    "-",
]
CPP = [
    "g++",
    "-std=c++17",
    "-Wall",
    "-Werror",
    "-Wno-unused-variable",
    "-fsyntax-only",
    "-Ifirmware",
    "-x",
    "c++",
    "-",
]
STUBS = f"-I{ROOT / 'tests' / 'converters' / 'stubs'}"


@pytest.mark.study
@pytest.mark.slow(seconds=130)
@pytest.mark.needs_tool("gcc", package="gcc")
@pytest.mark.needs_tool("g++", package="g++")
def test_the_pages_run(tmp_path: Path) -> None:
    """What a reader types, in the order of the pages."""
    for language, text in blocks():
        typed = ""
        if language == "sh":
            lines = text.replace("\\\n", " ").splitlines()
            script = "\n".join(line for line in lines if not line.startswith(NOT_RUN))
            run = ["bash", "-euc", f'PATH="$(dirname "$0"):$PATH"\n{script}', sys.executable]
        elif language == "python":
            run = [sys.executable, "-c", text]
        elif language in ("c", "cpp"):
            run, typed = (C, text) if language == "c" else ([*CPP, STUBS], text)
        else:
            continue
        done = subprocess.run(run, input=typed, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
