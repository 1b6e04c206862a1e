# SPDX-License-Identifier: Apache-2.0
"""What a data set's pictures of more than 8 bits use, the window that comes of it, and what a check says."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from deep_pictures import WRITERS
from PIL import Image

from edgecnn.cli.data import command
from edgecnn.compiler.ir import Window
from edgecnn.data.arrays import load_dataset
from edgecnn.data.check import check
from edgecnn.data.dataset import open_dataset, with_window
from edgecnn.data.depth import choose_window, measure_range
from edgecnn.data.findings import findings
from edgecnn.data.window import AUTO, FULL, NEEDED
from edgecnn.errors import DataError


def write(folder, low, high, kind="png", per_class=8):
    """Write two classes of noise; each picture has both ends of the range in it."""
    draw = np.random.default_rng(0)
    for number in range(2 * per_class):
        values = draw.integers(low, high + 1, (24, 24))
        values[0, :2] = low, high
        path = folder / ("cat", "dog")[number % 2] / f"{number}.tif"
        path.parent.mkdir(parents=True, exist_ok=True)
        WRITERS[kind](path, values)
    return folder


def opened(folder, choice=NEEDED):
    said = []
    dataset = with_window(open_dataset(folder, seed=0), choice, lambda *step: said.append(step))
    return dataset, [note for name, *_, note in said if name == "choosing a window"]


@pytest.mark.parametrize(
    ("low", "high", "kind", "window"),
    [
        (0, 1023, "png", "0:1023"),
        (1053, 1186, "png", "1053:1186"),
        (0, 4095, "uint16 big-endian", "0:4095"),
        (0, 16383, "uint16 little-endian", "0:16383"),
        (-1024, 3071, "int16 little-endian", "-1024:3071"),
        (-1024, 3071, "int16 big-endian", "-1024:3071"),
        (-30000, 30000, "int16 big-endian", "-30000:30000"),
        (-5, 7, "float32", "-5:7"),
        (-60, 90, "int8", "-60:90"),
        (5, 4_000_000_000, "uint32", "5:4000000000"),
    ],
)
def test_values_that_16_bits_do_not_fill_get_a_window_and_it_is_said(tmp_path, low, high, kind, window):
    dataset, [said] = opened(write(tmp_path, low, high, kind))
    assert str(dataset.window) == window
    assert said.startswith(
        f"--window {window}: 12 of 12 training images have more than 8 bits, and values of "
    )
    assert opened(tmp_path, AUTO)[0].window == dataset.window
    _, arrays = load_dataset(tmp_path, (24, 24, 1), seed=0)
    assert len(np.unique(arrays["train"].images)) == min(256, high - low + 1)
    assert arrays["train"].images.min() == 0
    assert arrays["train"].images.max() == (
        255 if kind == "float32" else (high - low) * 256 // (high - low + 1)
    )


@pytest.mark.parametrize("kind", ["png", "pgm", "uint16 little-endian", "uint16 big-endian"])
def test_16_bits_that_are_used_stay_upper_bytes(tmp_path, kind):
    dataset, said = opened(write(tmp_path, 0, 65535, kind))
    assert (dataset.window, said) == (FULL, [])
    assert [finding.title for finding in findings(check(dataset))] == []
    assert opened(tmp_path, "0:4095")[0].window == Window(0, 4095)


def test_few_pixels_far_away_do_not_make_the_window(tmp_path):
    write(tmp_path, 1000, 1499)
    for path in sorted(tmp_path.rglob("*.png")):
        values = np.array(Image.open(path))
        values[0, :2] = 1000  # the ends of the range are as rare as the text that is burnt in
        values[5, 5] = 65535 if path.stem in "024" else 1200
        Image.fromarray(values).save(path)
    dataset, [said] = opened(tmp_path)
    assert dataset.values.whole == Window(1000, 65535)
    assert 1000 <= dataset.window.low < dataset.window.high <= 1499
    assert dataset.window.high - dataset.window.low > 450
    assert "nearly all 1,00" in said


def test_8_bits_have_none_and_a_choice_stays(folder):
    dataset, said = opened(folder)
    assert (dataset.values, dataset.window, said) == (None, None, [])
    assert opened(folder, AUTO)[0].window is None
    assert opened(folder, "-5:5")[0].window == Window(-5, 5)


def test_only_training_images_choose(tmp_path):
    for part, high in (("train", 4095), ("validation", 9000), ("test", 65535)):
        write(tmp_path / part, 0, high, per_class=3)
    assert opened(tmp_path)[0].window == Window(0, 4095)


def test_a_mixed_folder_windows_what_is_deep_and_says_so(tmp_path, draw_picture):
    write(tmp_path, 0, 4095)
    for number in range(8):
        draw_picture(tmp_path / "cat" / f"byte{number}.png", number)
    dataset, _ = opened(tmp_path)
    assert dataset.window == Window(0, 4095)
    assert 0 < dataset.values.deep < dataset.values.pictures
    titles = [finding.title for finding in findings(check(dataset))]
    assert titles[:2] == ["Depth", "Mixed depth"]


@pytest.mark.parametrize("choice", ["5", "9:1", "x", ""])
def test_a_choice_from_a_damaged_record_is_refused(choice):
    with pytest.raises(DataError, match="is not LOW:HIGH"):
        choose_window(choice, None)


def test_flat_pictures_make_no_window_of_nothing(tmp_path):
    found = measure_range([WRITERS["png"](tmp_path / f"{i}.tif", np.full((4, 4), 300)) for i in range(3)])
    assert choose_window(AUTO, found) == Window(300, 301)


def test_values_beyond_any_window_are_named(tmp_path):
    """A bound of float64 that is no exact integer any more would end in an error of NumPy's."""
    write(tmp_path, -(1 << 60), 1 << 60, "float32")
    with pytest.raises(DataError, match=r"have values of -1\.15292e\+18 to 1\.15292e\+18, and a w"):
        opened(tmp_path)
    assert opened(tmp_path, "0:1000")[0].window == Window(0, 1000)


def test_check_names_the_range_and_the_cause_and_compares_what_the_window_shows(tmp_path):
    """Without a window all of these pictures would be the same, and so in two classes at once."""
    write(tmp_path, 1053, 1186, per_class=20)
    report = json.loads(CliRunner().invoke(command, ["check", str(tmp_path), "--json"]).stdout)
    assert report["depth"] == {
        "images": 28, "of": 28, "range": [1053, 1186], "nearly_all": [1053, 1186],
        "grey_values_of_upper_bytes": 1, "window": "1053:1186",
    }  # fmt: skip
    assert report["contradictions"] == report["exact_duplicates"] == []
    printed = CliRunner().invoke(command, ["check", str(tmp_path)]).stdout
    assert "Depth (1): upper bytes would not do; the window is 1053:1186" in printed
    assert "values of 1,053 to 1,186; upper bytes would leave 1 of 256 grey values" in printed
    forced = json.loads(
        CliRunner().invoke(command, ["check", str(tmp_path), "--json", "--window", "0:65535"]).stdout
    )
    [group] = forced["exact_duplicates"]
    assert len(group) == 40
    lines = CliRunner().invoke(command, ["check", str(tmp_path), "--window", "0:65535"]).stdout.splitlines()
    assert max(line.count(".png") for line in lines) <= 2
    assert max(map(len, lines)) < 240


def test_a_folder_of_unreadable_files_says_why_for_the_first_of_each_kind(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for number in range(3):
            (tmp_path / name / f"{number}.png").write_bytes(b"no picture")
            (tmp_path / name / f"{number}.heic").write_bytes(b"no picture")
        whole = tmp_path / name / "cut.jpg"
        Image.new("L", (64, 64)).save(whole)
        whole.write_bytes(whole.read_bytes()[:200])
    with pytest.raises(DataError) as refused:
        open_dataset(tmp_path, seed=0)
    said = str(refused.value)
    assert said.startswith(f"{tmp_path} holds no image that can be decoded: ")
    assert said.count("is not an image that edgecnn reads") == 1
    assert said.count("is not named as an image") == 1
    assert said.count("cut.jpg can't be decoded") == 1
    assert said.count("(and 5 more)") == 2
    assert said.count("(and 1 more)") == 1


def test_a_check_names_a_file_of_each_kind_before_more_of_one(tmp_path, folder):
    for number in range(9):
        (folder / "cat" / f"a{number}.png").write_bytes(b"no picture")
    (folder / "dog" / "z.heic").write_bytes(b"no picture")
    [skipped] = [one for one in findings(check(open_dataset(folder, seed=0))) if one.title == "Skipped"]
    assert len(skipped.lines) == 10
    assert len(skipped.shown) == 5
    assert "a0.png" in skipped.lines[0]
    assert "z.heic" in skipped.lines[1]


@pytest.mark.parametrize("window", ["5", "9:1", "none"])
def test_a_window_that_is_none_is_a_usage_error(tmp_path, window):
    done = CliRunner().invoke(command, ["check", str(tmp_path), "--window", window])
    assert done.exit_code == 2
    assert "is not LOW:HIGH; give two numbers" in done.stderr
