# SPDX-License-Identifier: Apache-2.0
"""Opening data sets: every layout that is allowed, and one clear line for each that is not."""

import hashlib
import shutil
from collections import Counter

import pytest

from edgecnn.data.dataset import PARTS, open_dataset
from edgecnn.errors import DataError


def counts(dataset):
    held = Counter((dataset.classes[sample.label], sample.split) for sample in dataset.samples)
    return {name: [held[name, part] for part in PARTS] for name in dataset.classes}


def refusal(source, **options):
    with pytest.raises(DataError) as caught:
        open_dataset(source, seed=0, **options)
    message = str(caught.value)
    assert "\n" not in message
    return message


def spread(folder, target, parts):
    """Copy a folder of classes into part folders, picture by picture in turn."""
    for number, path in enumerate(sorted(folder.rglob("*.png"))):
        destination = target / parts[number % len(parts)] / path.parent.name / path.name
        destination.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, destination)
    return target


def write_csv(folder, lines, name="list.csv"):
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_one_folder_is_split(folder):
    dataset = open_dataset(folder, seed=0)
    assert dataset.classes == ("cat", "dog")
    assert counts(dataset) == {"cat": [7, 2, 1], "dog": [7, 2, 1]}
    assert dataset.samples == open_dataset(folder, seed=0).samples
    assert dataset.samples != open_dataset(folder, seed=1).samples
    sample = dataset.samples[0]
    assert sample.group == dataset.name(sample) == "cat/00.png"


@pytest.mark.parametrize("parts", [("train", "val", "test"), ("Training", "validation", "Testing")])
def test_part_folders_are_kept(folder, tmp_path, parts):
    dataset = open_dataset(spread(folder, tmp_path / "parts", parts), seed=0)
    assert counts(dataset) == {"cat": [4, 3, 3], "dog": [3, 4, 3]}
    assert all(sample.path.parts[-3].lower().startswith(sample.split[:3]) for sample in dataset.samples)


def test_validation_is_taken_from_train_where_there_is_none(folder, tmp_path):
    dataset = open_dataset(spread(folder, tmp_path / "parts", ("train", "test")), seed=0)
    assert counts(dataset) == {"cat": [4, 1, 5], "dog": [4, 1, 5]}
    assert {sample.path.parts[-3] for sample in dataset.part("validation")} == {"train"}


def test_a_class_may_be_called_train(folder):
    (folder / "cat").rename(folder / "train")
    assert open_dataset(folder, seed=0).classes == ("dog", "train")


def test_pictures_may_lie_deeper_and_clutter_is_no_picture(folder):
    (folder / "cat" / "2019").mkdir()
    (folder / "cat" / "00.png").rename(folder / "cat" / "2019" / "00.png")
    for name in (".DS_Store", "Thumbs.db", "desktop.ini"):
        (folder / "cat" / name).write_text("clutter")
    (folder / ".cache").mkdir()
    (folder / "notes.txt").write_text("about my pets")
    dataset = open_dataset(folder, seed=0, strict=True)
    assert len(dataset.samples) == 20
    assert "cat/2019/00.png" in map(dataset.name, dataset.samples)


def test_broken_files_are_named_and_skipped_or_refused(folder):
    (folder / "cat" / "00.png").write_bytes(b"not a picture")
    (folder / "dog" / "labels.txt").write_text("?")
    dataset = open_dataset(folder, seed=0)
    assert len(dataset.samples) == 19
    assert [name for name, _ in dataset.skipped] == ["cat/00.png", "dog/labels.txt"]
    assert "is not an image" in dataset.skipped[0][1]
    assert "is not named as an image" in dataset.skipped[1][1]
    assert refusal(folder, strict=True).startswith("2 of 21 files can't be used, the first: ")


def test_csv_with_groups_and_splits(folder):
    lines = ["path,class,group,split,age"]
    for number in range(20):
        name = ("cat", "dog")[number % 2]
        lines.append(f"{name}/{number:02}.png,{name},patient {number // 4},{PARTS[number // 4 % 3]},7")
    dataset = open_dataset(write_csv(folder, lines), seed=0)
    assert counts(dataset) == {"cat": [4, 4, 2], "dog": [4, 4, 2]}
    assert dataset.samples[5].group == "patient 1"


def test_csv_with_groups_is_split_by_them(folder):
    lines = ["\ufeffpath,label,group"]
    for number in range(20):
        name = ("cat", "dog")[number % 2]
        lines.append(f"{name}/{number:02}.png,{name},{number // 4}")
    dataset = open_dataset(write_csv(folder, lines), seed=0)
    assert len({(sample.group, sample.split) for sample in dataset.samples}) == 5
    assert {sample.split for sample in dataset.samples} == set(PARTS)


@pytest.mark.parametrize(
    "row",
    [
        "{path}, {label}, {group}",
        '"{path}", "{label}" ,"{group}"',
        " {path} ,\t{label}, {group} ,,",
        '"{path}",{label},{group}\r',
    ],
)
@pytest.mark.parametrize(
    "header", ["path, label, group", '\ufeff"path" ,label,group', " Path,LABEL , group ,"]
)
def test_csv_as_people_write_it(folder, header, row):
    lines = [header + "\r" * row.endswith("\r")]
    for number in range(20):
        name = ("cat", "dog")[number % 2]
        lines.append(row.format(path=f"{name}/{number:02}.png", label=name, group=f"{number // 4}"))
    dataset = open_dataset(write_csv(folder, [*lines, "", ""]), seed=0)
    assert {sample.path for sample in dataset.samples} == set(folder.rglob("*.png"))
    assert dataset.classes == ("cat", "dog")
    assert {sample.group for sample in dataset.samples} == set("01234")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["file,label", "cat/00.png,cat"], "has the columns file, label but no path"),
        (
            ["path;label", "cat/00.png;cat"],
            "has semicolons between its columns, and so no path and label; the first line",
        ),
        (["path\tlabel", "cat/00.png\tcat"], "has tabs between its columns"),
        (["path,label, path", "cat/00.png,cat,"], "has several columns path"),
        (["path,label", "cat/00,.png,cat"], "line 2 has more values than the first line has columns"),
        (["path,label", '"cat/00.png,cat', "cat/02.png,dog"], "path goes over several lines"),
        (["mask,label", "cat/00.png,cat"], "has the columns mask, label but no image"),
        (["path,kind", "cat/00.png,cat"], "has the columns path, kind but no label"),
        ([""], "list.csv has no path and label; the first line must name"),
        (["path,label", "cat/99.png,cat"], "line 2: there is no file"),
        (["path,label", "cat/00.png,"], "line 2: label is empty"),
        (["path,label,split", "cat/00.png,cat,later"], "line 2: split is 'later'; allowed are train,"),
        (["path,label", "cat/00.png,cat", "cat/00.png,dog"], "00.png more than once"),
        (
            ["path,label,split", "cat/00.png,cat,train", "cat/02.png,cat,"],
            "a split for some rows and not for others",
        ),
        (["path,label"], "holds no image"),
        (["path,label", "cat/00.png,cat", "cat/02.png,cat"], "only the class 'cat'"),
    ],
)
def test_csv_refusals(folder, lines, message):
    assert message in refusal(write_csv(folder, lines))


def test_csv_that_is_no_text(folder):
    (folder / "list.csv").write_bytes(b"\xff\xfe\x00path")
    assert "list.csv is not UTF-8 text; save it as such" in refusal(folder / "list.csv")


def test_folder_refusals(folder, tmp_path):
    (folder / "empty").mkdir()
    assert "class 'empty' has no usable image" in refusal(folder)
    shutil.copy(folder / "cat" / "00.png", folder / "empty" / "only.png")
    assert "class 'empty' has only one usable image" in refusal(folder)
    shutil.copy(folder / "cat" / "02.png", folder / "empty" / "another.png")
    assert "class 'empty' has no image for test" in refusal(folder)
    shutil.rmtree(folder / "empty")
    shutil.rmtree(folder / "dog")
    assert "at least two, but has cat" in refusal(folder)
    assert "at least two, but has none" in refusal(folder / "cat")
    assert "there is no" in refusal(tmp_path / "nowhere")
    (tmp_path / "model.tflite").write_bytes(b"")
    assert "is a .tflite file" in refusal(tmp_path / "model.tflite")


def test_part_folder_refusals(folder, tmp_path):
    parts = spread(folder, tmp_path / "parts", ("train", "test"))
    (parts / "masks").mkdir()
    assert "has masks beside train and test folders" in refusal(parts)
    (parts / "masks").rmdir()
    (parts / "val" / "cat").mkdir(parents=True)
    assert "at least two, but has cat" in refusal(parts)
    (parts / "val" / "bird").mkdir()
    assert "test has the classes cat, dog, but val has bird, cat" in refusal(parts)
    shutil.rmtree(parts / "val")
    shutil.copytree(parts / "test", parts / "testing")
    assert "has test and testing, which are both test folders" in refusal(parts)
    shutil.rmtree(parts / "testing")
    (parts / "test").rename(parts / "val")
    assert "has train, val but no test folder" in refusal(parts)


def test_an_empty_folder_and_empty_classes(tmp_path):
    assert "at least two, but has none" in refusal(tmp_path)
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
    assert "holds no image that can be decoded" in refusal(tmp_path)


@pytest.mark.parametrize("name", ["two\nlines", "a\u2028b", "\udcff", " "])
def test_class_names_are_lines_of_text(folder, name):
    (folder / "cat").rename(folder / name)
    assert "is not a line of printable text of up to 255 characters; give" in refusal(folder)


def test_fingerprint(folder, tmp_path):
    dataset = open_dataset(folder, seed=0)
    digest = hashlib.sha256()
    for sample in sorted(dataset.samples, key=dataset.name):
        data = sample.path.read_bytes()
        head = f"{dataset.name(sample)}\0{dataset.classes[sample.label]}\0{sample.split}\0{len(data)}\0"
        digest.update(head.encode() + data)
    assert dataset.fingerprint == digest.hexdigest()
    moved = shutil.copytree(folder, tmp_path / "elsewhere")
    assert open_dataset(moved, seed=0).fingerprint == dataset.fingerprint
    assert open_dataset(moved, seed=1).fingerprint != dataset.fingerprint
    shutil.copy(moved / "cat" / "00.png", moved / "cat" / "02.png")
    assert open_dataset(moved, seed=0).fingerprint != dataset.fingerprint
