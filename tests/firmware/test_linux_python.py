# SPDX-License-Identifier: Apache-2.0
"""linux_python says what `edgecnn predict` says, and prints the reference kernels' bytes."""

from pathlib import Path

import pytest
from networks import residual, small
from pictures import reference_output, write_pictures

from edgecnn.errors import MissingToolError
from edgecnn.pipeline.predict import predict
from edgecnn.runtime.tflite import TfliteModel

TINY = (Path(__file__).parents[1] / "assets" / "tiny_int8.tflite").read_bytes()


def reference_kernels() -> bool:
    """Whether the runtime here is the one whose bytes are the definition."""
    try:
        return TfliteModel(TINY, kernels="reference").runtime == "tflite-runtime 2.14.0"
    except MissingToolError:
        return False


pytestmark = pytest.mark.skipif(not reference_kernels(), reason="needs tflite-runtime 2.14")


@pytest.mark.parametrize("model", [TINY, small(), residual()], ids=["grey", "sigmoid", "rgb"])
def test_label_and_output_are_those_of_predict(model, example, tmp_path):
    pictures = write_pictures(tmp_path / "pictures", 3)
    (example.folder / "given.tflite").write_bytes(model)
    names = " ".join(map(str, pictures))
    lines = example.run(f"$PYTHON classify.py given.tflite {names}").splitlines()
    answer = predict(example.folder / "given.tflite", pictures)
    for picture, prediction, first, second in zip(
        pictures, answer.predictions, lines[::2], lines[1::2], strict=True
    ):
        label, _, probability = first.rpartition("  ")
        assert label == prediction.label
        assert float(probability.rstrip("%")) == pytest.approx(100 * prediction.probability, abs=0.06)
        assert [int(word) for word in second.split()[1:]] == reference_output(model, picture)


@pytest.mark.parametrize(
    "files", ["given.tflite absent.png", "given.tflite README.md", "README.md README.md"]
)
def test_a_file_that_is_something_else_is_told_in_one_line(files, example):
    (example.folder / "given.tflite").write_bytes(TINY)
    said = example.run(f"! $PYTHON classify.py {files} 2>&1")
    assert said.startswith("classify.py: ")
    assert said.count("\n") == 1


def test_the_readme_is_true(example):
    example.check_readme()


def test_main_is_short(example):
    assert len((example.folder / "classify.py").read_text().splitlines()) < 100
