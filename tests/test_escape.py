# SPDX-License-Identifier: Apache-2.0
"""Labels and names that mean something to a terminal, HTML, Markdown, C, a shell or a path only show."""

import json
import shlex
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from markdown_it import MarkdownIt  # rich brings it
from PIL import Image

from edgecnn.cli.console import print_table, progress_bar, say
from edgecnn.cli.data import command as data_command
from edgecnn.cli.inspect import command as inspect_command
from edgecnn.cli.predict import command as predict_command
from edgecnn.compiler.reading.metadata import label_lines
from edgecnn.converters.package import make_package, package_files
from edgecnn.converters.tflite_metadata import add_metadata
from edgecnn.data.arrays import Arrays
from edgecnn.errors import MissingToolError, ModelError
from edgecnn.escape import code_for_markdown, for_html, for_markdown, for_terminal, is_label, label
from edgecnn.evaluation.model_card import write_model_card
from edgecnn.evaluation.results import ClassFigures, Costs, LatencySummary, RunMetrics, Variant
from edgecnn.pipeline import benchmark_ssh
from edgecnn.pipeline.evaluate import class_columns
from edgecnn.runtime.host_compiler import HostCompiler, execute
from edgecnn.runtime.tflite import TfliteModel

INT8 = Path(__file__).parent / "assets" / "tiny_int8.tflite"
# Class names that are lines of text, so they are allowed.
HOSTILE = [
    *["../../x", "..", "-rf", "/etc/x", "train", ".hidden", "CON", "$(touch x)", "; touch x #", "`touch x`"],
    *["<script>alert(1)</script>", '" onload="x', "a|b|c", "```", "**b** _i_ ~~s~~", "[x](javascript:y)"],
    *[
        "![x](http://y)",
        "*/ #error /*",
        'quote " and \\',
        "??/",
        "%s%n",
        "[red]x[/red]",
        "@{name} {name}",
        "&lt;",
    ],
]
# What no class may be called, but files, groups and a stranger's labels may be.
UNPRINTABLE = [
    "\x1b[2J\x1b]0;x\x07",
    "a\nb",
    "a\rb",
    "\u202egnp.exe",
    "\udcff",
    "\u2028",
    "a\x00b",
    "\x9b31m",
]


def have_runtime() -> bool:
    try:
        TfliteModel(INT8)
    except MissingToolError:
        return False
    return True


needs_runtime = pytest.mark.skipif(not have_runtime(), reason="needs a TFLite runtime: edgecnn[runtime]")


@pytest.mark.parametrize("text", [*HOSTILE, *UNPRINTABLE, "", "Café, 東京"])
def test_a_terminal_prints_one_line_and_obeys_nothing(text: str) -> None:
    shown = for_terminal(text)
    assert shown.isprintable()
    assert (shown == text) == text.isprintable()
    shown.encode()  # as standard output does: no half of a surrogate pair is left


class Content(HTMLParser):
    """What a browser makes of HTML: its tags, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("text", [*HOSTILE, *UNPRINTABLE, ""])
def test_html_shows_the_text_and_nothing_else(text: str) -> None:
    content = Content(f'<p title="{for_html(text)}">{for_html(text)}</p>')
    assert (content.tags, content.text) == (["p"], for_terminal(text))
    assert content.attributes == [("title", for_terminal(text))]


def rendered(markdown: str) -> Content:
    return Content(
        MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(markdown)
    )


@pytest.mark.parametrize("text", [*HOSTILE, *UNPRINTABLE])
def test_markdown_shows_the_text_and_nothing_else(text: str) -> None:
    shown = for_terminal(text)
    content = rendered(f"It is {for_markdown(text)} so.")
    assert (content.tags, content.text.strip()) == (["p"], f"It is {shown} so.")
    content = rendered(f"| a | b |\n| --- | --- |\n| {for_markdown(text)} | c |")
    assert content.tags == ["table", "thead", "tr", "th", "th", "tbody", "tr", "td", "td"]
    assert shown.strip() in content.text
    content = rendered(f"It is {code_for_markdown(text)} so.")
    assert content.tags == ["p", "code"]
    assert shown.translate({ord("`"): " ", ord("|"): " "}).split() == content.text.split()[2:-1]


def test_labels_of_strangers_become_lines_of_bounded_length() -> None:
    for text in (*HOSTILE, *UNPRINTABLE, "x" * 10_000):
        assert label(text).isprintable()
        assert len(label(text)) <= 255
        assert is_label(text) == (label(text) == text)
    assert not is_label("")
    assert label_lines("a\u2028b\r\n\x1b[2J\r\n\nd\n") == ("a\\u2028b", "\\x1b[2J", "", "d")


# ---- what commands print ----


def test_commands_print_names_that_no_terminal_obeys(capsys: pytest.CaptureFixture[str]) -> None:
    for name in (*HOSTILE, *UNPRINTABLE):
        say(f"Wrote {name}")
        print_table(name, (name,), [(name,)])
        with progress_bar() as progress:
            progress("measuring", 1, 1, name)
        printed = capsys.readouterr()
        for stream in (printed.out, printed.err):
            assert all(line.isprintable() for line in stream.split("\n")), name
        assert printed.out.count(for_terminal(name)) == 4
        assert for_terminal(name) in printed.err


@needs_runtime
def test_predict_and_inspect_print_a_strangers_labels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgecnn.converters.tflite_metadata.is_label", lambda _: True)
    model, picture = tmp_path / "m.tflite", tmp_path / "\x1b[2Jp\n.png"
    labels = ["\x1b[2J\x07\u202e", "a\u2028b\rc", "x" * 10_000]
    model.write_bytes(add_metadata(INT8.read_bytes(), "m", "", labels))
    Image.new("L", (12, 12)).save(picture)
    for command, arguments in (
        (predict_command, [model, picture, tmp_path / "\x1b[0m.png"]),
        (inspect_command, [model]),
    ):
        done = CliRunner().invoke(command, list(map(str, arguments)))
        assert all(line.isprintable() for line in done.output.split("\n")), done.output
        assert done.exit_code in (0, 1)
        assert not isinstance(done.exception, Exception)


def test_data_check_of_hostile_labels_and_groups(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    lines = ["path,label,group"]
    labels = HOSTILE[:12]
    for number in range(4 * len(labels)):
        file = tmp_path / f"{number}.png"
        Image.fromarray(draw.integers(0, 256, (8, 8), np.uint8)).save(file)
        name = labels[number % len(labels)]
        quoted = name.replace('"', '""')
        lines.append(f'{file.name},"{quoted}",{number}\x1b[2J')
    (tmp_path / "list.csv").write_text("\n".join([*lines, "\x1b[2J.png,..,x"]))
    (tmp_path / "\x1b[2J.png").write_bytes(b"no picture")
    before = sorted(tmp_path.parent.iterdir())
    arguments = ["check", str(tmp_path / "list.csv"), "--sheet", str(tmp_path / "sheet.png")]
    done = CliRunner().invoke(data_command, arguments, catch_exceptions=False)
    assert done.exit_code == 0
    assert all(line.isprintable() for line in done.output.split("\n"))
    assert all(name in done.output for name in labels), done.output
    assert "Skipped (1)" in done.output
    assert sorted(tmp_path.parent.iterdir()) == before


# ---- what artefacts hold ----


@pytest.mark.parametrize("text", [*HOSTILE, *UNPRINTABLE])
def test_the_model_card_holds_no_mark_of_anothers(tmp_path: Path, text: str) -> None:
    scores = ClassFigures(0.9, 0.9, 0.0, (0.0, 0.0), 1.0)
    costs = Costs(1000, 900, 0.0, LatencySummary(5.0, 6.0, 10), text, 1, arena_bytes=4460)

    def card(text: str) -> Content:
        data: Any = {
            "source": f"../{text}",
            "synthetic": False,
            "fingerprint": "0",
            "findings": [f"Skipped: {text}"],
        }
        parts = {part: {text: 1, "b": 2} for part in ("train", "validation", "test")}
        record = {
            "model": text, "input_shape": [4, 4, 1], "classes": [text, "b"], "versions": {}, "parameters": 9,
            "train": {"weights": text}, "data": {**data, "images": parts},
        }  # fmt: skip
        variants = (Variant(text, scores, costs),)
        metrics = RunMetrics((text, "b"), 2, data, variants, text, None, text, (text,))
        write_model_card(tmp_path / "card.md", record, metrics)
        return rendered((tmp_path / "card.md").read_text(encoding="utf-8"))

    assert card(text).tags == card("harmless").tags
    assert for_terminal(text) in card(text).text


def test_a_package_holds_no_mark_of_anothers(tmp_path: Path) -> None:
    content = INT8.read_bytes()
    for start in range(0, len(HOSTILE), 3):
        labels = HOSTILE[start : start + 3]
        expected = package_files("cmake", make_package(content, "m", ["a", "b", "c"]))
        files = package_files("cmake", make_package(content, "m", labels))
        assert files.keys() == expected.keys()
        assert files["labels.txt"].splitlines() == labels
        for name in ("README.md", "MODEL_CARD.md"):
            assert rendered(files[name]).tags == rendered(expected[name]).tags, labels


PRINTING = """
#include "m.h"
#include <stdio.h>
int main(void)
{
    for (int i = 0; i < 3; ++i) {
        puts(edgecnn_m_labels[i]);
    }
    return 0;
}
"""


@pytest.mark.needs_tool("gcc", package="gcc")
def test_c_holds_the_labels_as_they_are(tmp_path: Path) -> None:
    for start in range(0, len(HOSTILE), 3):
        labels = HOSTILE[start : start + 3]
        package = make_package(INT8.read_bytes(), "m", labels)
        for name in ("m.h", "m.c"):
            (tmp_path / name).write_text(package.c_files[name])
        (tmp_path / "main.c").write_text(PRINTING)
        sources = [tmp_path / "main.c", tmp_path / "m.c"]
        HostCompiler().compile(sources, tmp_path / "program", [f"-I{tmp_path}"])
        assert execute(tmp_path / "program", b"").decode().splitlines() == labels


# ---- what is copied to a device ----


def test_no_label_and_no_models_name_becomes_a_path_on_a_device(tmp_path: Path) -> None:
    labels = ["../../x", "-rf", "; touch x #"]
    path = tmp_path / "m.tflite"
    path.write_bytes(add_metadata(INT8.read_bytes(), "m", "", [labels[2], *labels[:2]]))
    images = np.arange(3, dtype=np.uint8)[:, None, None, None].repeat(12, 1).repeat(12, 2)
    test = Arrays(images, np.array([0, 1, 2]), ("", "", ""), (path, path, path))
    models = {"../../model": path, "--images": INT8}
    folder = tmp_path / "one" / "two" / "pack"
    folder.mkdir(parents=True)
    compiled = benchmark_ssh._pack(folder, models, test, labels)
    assert compiled == list(models)
    assert sorted(entry.name for entry in folder.iterdir()) == ["images", "model0", "model1", "on_device.py"]
    assert sorted(entry.name for entry in (folder / "images").iterdir()) == ["class0", "class1", "class2"]
    for number, entry in enumerate(sorted((folder / "images").iterdir())):
        assert Image.open(*entry.iterdir()).getpixel((0, 0)) == number
    assert [entry.name for entry in folder.parent.iterdir()] == ["pack"]
    # each in its own order of outputs
    assert (folder / "model0" / "labels.txt").read_text().split() == ["class2", "class0", "class1"]
    assert (folder / "model1" / "labels.txt").read_text().split() == ["class0", "class1", "class2"]
    assert class_columns(path, 3, labels) == [1, 2, 0]


def test_a_shell_on_a_device_sees_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark_ssh, "parse_json", lambda said, *_: json.loads(said))
    said: list[str] = []

    def run(command: str, **_options: Any) -> str:
        said.append(command)
        names = [word for word in shlex.split(command) if word.startswith("model")]
        results = {name: {"agreement": None} for name in names}
        return "tflite_runtime ai_edge_litert" if "import" in command else json.dumps({"models": results})

    host = SimpleNamespace(run=run, address="pi")
    models = {"; touch x #": INT8, "$(touch y)": INT8}
    timing = benchmark_ssh.Timing()
    report = benchmark_ssh._measure(host, "/tmp/x", models, list(models), timing, lambda *_: None)
    assert {name.partition(",")[0] for name in report["models"]} == set(models)
    assert not any("touch" in command for command in said)


def test_labels_that_are_no_lines_are_not_stored() -> None:
    for text in (*UNPRINTABLE, "", "x" * 256):
        with pytest.raises(ModelError, match="can't be stored: it must be a line of printable text"):
            add_metadata(INT8.read_bytes(), "m", "", ["a", "b", text])
