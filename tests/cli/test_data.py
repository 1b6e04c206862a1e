# SPDX-License-Identifier: Apache-2.0
"""`edgecnn data`, as a user types it."""

import json
import subprocess
import sys

import pytest
from PIL import Image


def run(*arguments):
    command = [sys.executable, "-c", "from edgecnn.cli import main; main()", "data", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "phantoms"
    done = run("phantoms", folder, "--count", 66, "--seed", 3)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"Wrote 66 synthetic pictures to {folder}.\n"
    return folder


def test_phantoms_then_check(phantoms, tmp_path):
    done = run("check", phantoms, "--sheet", tmp_path / "sheet.png")
    assert done.returncode == 0, done.stderr
    assert ["malignant", "10", "2", "10", "22"] in [line.split() for line in done.stdout.splitlines()]
    assert "Nothing found" in done.stdout
    assert Image.open(tmp_path / "sheet.png").width > 500


def test_check_as_json(phantoms):
    done = run("check", phantoms, "--json")
    found = json.loads(done.stdout)
    assert found["counts"]["benign"] == {"train": 10, "validation": 2, "test": 10}
    assert found["leakage"] == {"images": {"validation": 0, "test": 0}, "pairs": [], "groups": []}


def test_findings_are_named_and_long_lists_cut(phantoms, tmp_path):
    for part in ("train", "validation", "test"):
        for name in ("benign", "normal"):
            (tmp_path / part / name).mkdir(parents=True)
            for number, path in enumerate(sorted((phantoms / "train" / name).iterdir())[:8]):
                (tmp_path / part / name / f"{number}.png").write_bytes(path.read_bytes())
    (tmp_path / "train" / "benign" / "broken.png").write_bytes(b"?")
    done = run("check", tmp_path)
    assert "Skipped (1): files that can't be used\n" in done.stdout
    assert "broken.png is not an image" in done.stdout
    assert "16 of 16 test images are, exactly or nearly, in another part" in done.stdout
    assert "more; --json lists them all" in done.stdout
    assert done.stdout.count(" = ") == 2  # five names a finding at most; each picture is in three parts
    assert done.stdout.count("and 1 more") == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["check", "nowhere"], "Error: there is no nowhere; give a folder"),
        (["phantoms", "p", "--count", "5"], "Error: Invalid value for '--count'"),
        (["check"], "Error: Missing argument 'DIR'"),
        (
            ["check", "nowhere", "--sheet", "a/sheet.pdf"],
            "Error: Invalid value for '--sheet': a contact sheet is a PNG file; call it sheet.png, not",
        ),
    ],
)
def test_mistakes_are_one_line(arguments, message):
    done = run(*arguments)
    assert done.returncode == 1
    assert done.stderr.startswith(message)
    assert done.stderr.count("\n") == 1
