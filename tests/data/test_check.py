# SPDX-License-Identifier: Apache-2.0
"""The check of a data set: each fault is planted, and found; on the real packs, what is known is found."""

import errno
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgecnn.data import phantoms
from edgecnn.data.check import check
from edgecnn.data.dataset import open_dataset
from edgecnn.data.phantoms import write_phantoms
from edgecnn.errors import EdgecnnError


def report_of(source):
    return check(open_dataset(source, seed=0))


def pairs(report, of):
    names = [report.dataset.name(sample) for sample in report.dataset.samples]
    return [(names[pair.first], names[pair.second]) for pair in of]


def test_a_clean_folder(folder):
    report = report_of(folder)
    assert report.counts == {
        "cat": {"train": 7, "validation": 2, "test": 1},
        "dog": {"train": 7, "validation": 2, "test": 1},
    }
    assert report.sizes == {"24x20": 20}
    assert (report.exact, report.near, report.across, report.contradictions) == ([], [], [], [])
    assert (report.groups_across, report.shortcuts, report.imbalance) == ([], [], 1)
    assert report.leaked == {"validation": 0, "test": 0}


def test_duplicates_across_parts_are_leakage(folder, tmp_path, draw_picture):
    parts = tmp_path / "parts"
    for number, part in enumerate(("train", "val", "test")):
        for name in ("cat", "dog"):
            for index in range(3):
                draw_picture(
                    parts / part / name / f"{index}.png", 100 * number + index + 10 * (name == "cat")
                )
    shutil.copy(parts / "train" / "cat" / "0.png", parts / "test" / "cat" / "copy.png")
    Image.open(parts / "train" / "dog" / "1.png").save(parts / "val" / "dog" / "near.jpg", quality=80)
    report = report_of(parts)
    assert pairs(report, report.across) == [
        ("test/cat/copy.png", "train/cat/0.png"),
        ("train/dog/1.png", "val/dog/near.jpg"),
    ]
    assert report.leaked == {"validation": 1, "test": 1}
    assert len(report.exact) == 1
    assert pairs(report, report.near) == [("train/dog/1.png", "val/dog/near.jpg")]


def test_one_picture_in_two_classes_is_a_contradiction(folder):
    shutil.copy(folder / "cat" / "00.png", folder / "dog" / "same.png")
    report = report_of(folder)
    assert pairs(report, report.contradictions) == [("cat/00.png", "dog/same.png")]


def test_equal_flat_pictures_in_two_classes(folder):
    for name in ("cat", "dog"):
        for number in range(2):
            Image.new("L", (20, 20), 30).save(folder / name / f"flat{number}.png")
    report = report_of(folder)
    assert [len(group) for group in report.exact] == [4]
    assert report.near == []
    assert {name for pair in pairs(report, report.contradictions) for name in pair} == {
        "cat/flat0.png", "cat/flat1.png", "dog/flat0.png", "dog/flat1.png",
    }  # fmt: skip


@pytest.mark.parametrize("figure", ["file size", "width", "mean", "noise"])
def test_shortcuts(tmp_path, figure):
    random = np.random.default_rng(0)
    for number in range(60):
        dog = number % 2
        pixels = random.normal(100, 5, (24, 24))
        if figure == "mean":
            pixels += 10 * dog
        if figure == "noise":
            pixels += random.normal(0, 10 * dog, (24, 24))
        image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
        path = tmp_path / ("cat", "dog")[dog] / f"{number:02}.png"
        path.parent.mkdir(exist_ok=True)
        image = image.resize((30, 24)) if figure == "width" and dog else image
        image.save(path, compress_level=0 if figure == "file size" and dog else 9)
    report = report_of(tmp_path)
    assert (figure, "dog", 1.0) in report.shortcuts
    assert figure == "mean" or all(found != "mean" for found, _, _ in report.shortcuts)


def test_groups_in_several_parts(folder):
    lines = ["path,label,group,split"]
    for number in range(20):
        name, part = ("cat", "dog")[number % 2], ("train", "val", "test")[number // 2 % 3]
        lines.append(f"{name}/{number:02}.png,{name},{'A' if number in (0, 2) else number},{part}")
    (folder / "list.csv").write_text("\n".join(lines))
    assert report_of(folder / "list.csv").groups_across == ["A"]


def test_json_names_every_file(folder):
    (folder / "cat" / "00.png").write_bytes(b"broken")
    shutil.copy(folder / "cat" / "02.png", folder / "cat" / "03.png")
    found = json.loads(json.dumps(report_of(folder).to_json(), allow_nan=False))
    assert found["images"] == 20
    assert found["exact_duplicates"] == [["cat/02.png", "cat/03.png"]]
    assert [entry["file"] for entry in found["unreadable"]] == ["cat/00.png"]
    assert found["auc"]["width"] == {"cat": 0.5, "dog": 0.5}


@pytest.mark.parametrize("place", ["circle", "file", "file/p", "closed"])
def test_where_phantoms_cannot_be_is_told_before_they_are_drawn(tmp_path, monkeypatch, place):
    def replace(new, old):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), new, old)

    monkeypatch.setattr(phantoms, "_write_phantom", lambda *_: pytest.fail("it draws"))
    (tmp_path / "circle").symlink_to("circle")
    (tmp_path / "file").touch()
    if place == "closed":
        monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(EdgecnnError, match=rf"{tmp_path / place}(: | is there)|file is a file"):
        write_phantoms(tmp_path / place, {"train": 3, "validation": 3, "test": 3}, seed=0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["circle", "file"]


def test_phantoms_are_clean(tmp_path):
    write_phantoms(tmp_path / "p", {"train": 150, "validation": 60, "test": 90}, seed=4)
    report = report_of(tmp_path / "p")
    assert (report.exact, report.near, report.across, report.shortcuts) == ([], [], [], [])
    assert max(value for row in report.aucs.values() for value in row.values()) < 0.7


def pack(name):
    root = Path(os.environ.get("EDGECNN_DATA", "")) / name
    if "EDGECNN_DATA" not in os.environ or not root.is_dir():
        pytest.skip(f"needs the pack {name} in the folder EDGECNN_DATA")
    return root


@pytest.mark.slow
def test_a_random_split_of_ct_slices_leaks_and_one_by_group_does_not():
    root = pack("iqothnccd-ct160")
    random = report_of(root)
    assert random.leaked["test"] > 100  # of 164
    assert len(random.exact) == 43
    assert pairs(random, random.contradictions)[0] == (
        "benign/Bengin case (34).jpg",
        "normal/Normal case (87).jpg",
    )
    grouped = report_of(root / "manifest.csv")
    assert (grouped.across, grouped.leaked) == ([], {"validation": 0, "test": 0})


@pytest.mark.slow
def test_the_known_twins_of_the_skin_pictures_are_found():
    root = pack("isic2017-skin256")
    lines = (root / "manifest.csv").read_text().splitlines()
    known = {
        (line.split(",")[0].split("/")[-1], line.split(",")[-1]) for line in lines[1:] if line.split(",")[-1]
    }
    report = report_of(root)
    exact = [
        (report.dataset.samples[a].path.stem, report.dataset.samples[b].path.stem) for a, b in report.exact
    ]
    near = [(Path(a).stem, Path(b).stem) for a, b in pairs(report, report.near)]
    found = {frozenset(pair) for pair in exact + near}
    assert len(known) == 12
    assert {frozenset((Path(a).stem, Path(b).stem)) for a, b in known} <= found
    assert len(found) == 17  # five more; looked at, and the same photographs
