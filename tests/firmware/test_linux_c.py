# SPDX-License-Identifier: Apache-2.0
"""linux_c says what `edgecnn predict` says: the same label, and the reference kernels' bytes."""

from pathlib import Path

import pytest
from networks import residual, small
from pictures import reference_output, write_pictures
from PIL import Image

from edgecnn.converters.tflite_metadata import add_metadata
from edgecnn.pipeline.predict import predict

TINY = (Path(__file__).parents[1] / "assets" / "tiny_int8.tflite").read_bytes()
LABELS = ("normal", 'be"nign', "very malignant")

pytestmark = pytest.mark.needs_tool("gcc", package="gcc")


@pytest.mark.parametrize(
    "model",
    [add_metadata(TINY, "tiny", "three classes", LABELS), small(), residual()],
    ids=["grey", "sigmoid", "rgb"],
)
def test_label_and_output_are_those_of_predict(model, example, tmp_path):
    example.make(model, "CFLAGS='-O1 -fsanitize=address,undefined -fno-sanitize-recover -Werror'")
    pictures = write_pictures(tmp_path / "pictures", 6)
    answer = predict(example.folder / "given.tflite", pictures)
    for picture, prediction in zip(pictures, answer.predictions, strict=True):
        Image.open(picture).save(example.folder / "picture.pnm", "PPM")
        first, second = example.run("./classify picture.pnm").splitlines()
        label, _, probability = first.rpartition("  ")
        assert label == prediction.label
        assert float(probability.rstrip("%")) == pytest.approx(100 * prediction.probability, abs=0.5)
        assert [int(word) for word in second.split()[1:]] == reference_output(model, picture)


def test_the_readme_is_true(example):
    example.check_readme()


def test_another_model_is_built_anew_however_old(example):
    example.make(TINY)
    before = example.run("printf 'P5 2 2 255 abcd' | ./classify")
    (example.folder / "other.tflite").write_bytes(small())
    example.run("touch -d 2001-01-01 other.tflite")
    example.make(example.folder / "other.tflite")
    assert example.run("printf 'P5 2 2 255 abcd' | ./classify") != before


def test_what_is_wrong_is_said_in_a_line(example):
    assert "say which model: make MODEL=" in example.call("make").stderr
    example.make(TINY)
    not_a_picture = "not a PGM (P5) or PPM (P6) picture with 8 bits a sample"
    wrong = {
        "./classify missing.pgm": "missing.pgm: No such file or directory",
        "./classify main.c": not_a_picture,
        "printf '' | ./classify": not_a_picture,
        "printf 'P5 2 2 65535 abcdabcd' | ./classify": not_a_picture,
        "printf 'P5 2 99999999999 255 ab' | ./classify": not_a_picture,
        "printf 'P6 0 2 255 ab' | ./classify": not_a_picture,
        "printf 'P5\\n# two\\n 2 2 255\\nabc' | ./classify": "the file ends before the picture does",
    }
    for command, reason in wrong.items():
        done = example.call(command)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), command
        assert reason in done.stderr


def test_main_is_short(example):
    assert len((example.folder / "main.c").read_text().splitlines()) < 100


@pytest.mark.needs_tool("clang", package="clang")
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_compilers_have_nothing_to_say(compiler, example):
    example.make(residual(), f"CC={compiler} CFLAGS='-O2 -Wundef -Wcast-align -Werror'")
