# SPDX-License-Identifier: Apache-2.0
"""Numbers that are no pictures open from .npy, .npz and .csv as people keep them; nothing in them is run."""

import io
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from windows import CHANNELS, CLASSES, LENGTH, windows, write_folder

from edgecnn.compiler.ir import Window
from edgecnn.data import numbers
from edgecnn.data.arrays import load_dataset
from edgecnn.data.dataset import numbers_shape, open_dataset
from edgecnn.data.numbers import fit_numbers, fits, read_numbers, samples_in
from edgecnn.data.ranges import learn
from edgecnn.errors import DataError

VALUES, LABELS = windows(60)
NAMES = np.array(CLASSES)[LABELS]


def as_folder(folder: Path) -> Path:
    return write_folder(folder / "data", VALUES, LABELS)


def as_npz(folder: Path) -> Path:
    np.savez(folder / "data.npz", x=VALUES, y=NAMES)
    return folder / "data.npz"


def as_arrays(folder: Path) -> Path:
    np.save(folder / "x.npy", VALUES)
    np.save(folder / "y.npy", NAMES)
    return folder


def as_class_arrays(folder: Path) -> Path:
    for name in CLASSES:
        (folder / "data" / name).mkdir(parents=True)
        np.save(folder / "data" / name / "all.npy", VALUES[name == NAMES])
    return folder / "data"


def as_csv_windows(folder: Path) -> Path:
    for number, (window, name) in enumerate(zip(VALUES, NAMES, strict=True)):
        (folder / "data" / name).mkdir(parents=True, exist_ok=True)
        rows = [",".join(map(repr, [number, *row.tolist()])) for number, row in enumerate(window)]
        text = "\n".join(["timestamp,accX,gyrY,accZ", *rows])
        (folder / "data" / name / f"{number}.csv").write_text(text)
    return folder / "data"


def as_zip(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "data.zip", "w") as archive:
        for path in as_folder(folder).rglob("*.npy"):
            archive.write(path, path.relative_to(folder))
    return folder / "data.zip"


@pytest.mark.parametrize(
    "form", [as_folder, as_npz, as_arrays, as_class_arrays, as_csv_windows, as_zip], ids=lambda f: f.__name__
)
def test_windows_open_from_every_form(form: Callable[[Path], Path], tmp_path: Path) -> None:
    source = form(tmp_path)
    assert numbers_shape(source) == (LENGTH, CHANNELS)
    dataset, arrays = load_dataset(source, (1, LENGTH, CHANNELS), seed=0)
    assert dataset.numbers
    assert dataset.classes == CLASSES
    assert {part: len(held.labels) for part, held in arrays.items()} == {
        "train": 42,
        "validation": 10,
        "test": 8,
    }
    assert arrays["train"].images.dtype == np.uint8
    assert arrays["train"].images.min(axis=(0, 1, 2)).tolist() == [0, 0, 0]
    assert arrays["train"].images.max(axis=(0, 1, 2)).tolist() == [255, 255, 255]


def test_the_order_of_samples_and_their_numbers_are_those_of_the_file(tmp_path: Path) -> None:
    dataset = open_dataset(as_npz(tmp_path), seed=0)
    for sample in dataset.samples:
        number = int(sample.path.stem)
        np.testing.assert_array_equal(read_numbers(sample.path), VALUES[number])
        assert dataset.classes[sample.label] == NAMES[number]


def test_keras_parts_stay_what_they_are_and_groups_together(tmp_path: Path) -> None:
    labels = np.eye(12)[LABELS * 10]  # one-hot, of 12 classes of which two are there
    np.savez(
        tmp_path / "d.npz",
        x_train=VALUES[:40], y_train=labels[:40], group_train=np.repeat(np.arange(10), 4),
        x_test=VALUES[40:], y_test=labels[40:], group_test=np.full(20, 99),
    )  # fmt: skip
    dataset = open_dataset(tmp_path / "d.npz", seed=0)
    assert dataset.classes == ("00", "10")
    assert len(dataset.part("test")) == 20
    train, validation = ({s.group for s in dataset.part(part)} for part in ("train", "validation"))
    assert train & validation == set()
    assert train | validation == set(map(str, range(10)))


def test_names_of_scikit_learn_are_known(tmp_path: Path) -> None:
    table = {"data": VALUES[:, 0], "target": LABELS, "target_names": np.array(["calm", "swift"])}
    np.savez(tmp_path / "d.npz", **table, groups=np.arange(60) // 3)
    dataset = open_dataset(tmp_path / "d.npz", seed=0)
    assert dataset.classes == ("calm", "swift")
    assert len({sample.group for sample in dataset.samples}) == 20


def test_classes_name_labels(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", x=VALUES, y=LABELS, classes=np.array(["swift", "calm"]))
    assert open_dataset(tmp_path / "d.npz", seed=0).classes == ("calm", "swift")


def test_bytes_in_the_shape_of_pictures_are_pictures(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    draw = np.random.default_rng(0)
    for name, shape in (("mnist", (5, 4)), ("cifar", (5, 4, 3))):
        images, labels = draw.integers(0, 256, (40, *shape), np.uint8), np.arange(40) % 2
        np.savez(
            tmp_path / name, x_train=images[:30], y_train=labels[:30], x_test=images[30:], y_test=labels[30:]
        )
        channels = len(shape) if len(shape) == 3 else 1
        dataset, arrays = load_dataset(tmp_path / f"{name}.npz", (5, 4, channels), seed=0)
        assert not dataset.numbers
        assert f"bytes of {' x '.join(map(str, shape))} are taken for pictures" in caplog.text
        assert numbers_shape(tmp_path / f"{name}.npz") is None
        numbers_of = [int(path.stem) for path in arrays["test"].paths]
        np.testing.assert_array_equal(arrays["test"].images.reshape(-1, *shape), images[30:][numbers_of])


def test_a_table_holds_a_sample_a_row(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = [
        f"{n};{row[0, 0]:.3f};{row[0, 1]:.3f};{name};p{n % 30}"
        for n, (row, name) in enumerate(zip(VALUES, NAMES, strict=True))
    ]
    (tmp_path / "t.csv").write_text("\n".join(["id;a;b;label;group", *rows]))
    assert numbers_shape(tmp_path / "t.csv") == (2,)
    assert "t.csv: the columns id say when or which, and are left out" in caplog.text
    dataset, arrays = load_dataset(tmp_path / "t.csv", (1, 1, 2), seed=0)
    assert arrays["test"].images.shape[1:] == (1, 1, 2)
    groups = [{s.group for s in dataset.part(part)} for part in ("train", "validation", "test")]
    assert sum(map(len, groups)) == len(set.union(*groups)) == 30


def test_a_list_names_files_of_numbers_too(tmp_path: Path) -> None:
    folder = as_folder(tmp_path)
    rows = [
        f"data/{path.relative_to(folder).as_posix()},{path.parent.name}" for path in folder.rglob("*.npy")
    ]
    (tmp_path / "list.csv").write_text("\n".join(["path,label", *rows]))
    assert open_dataset(tmp_path / "list.csv", seed=0).numbers


def npy(values: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, values, allow_pickle=True)
    return file.getvalue()


HOSTILE = {
    "objects": (npy(np.array([{}, {}])), "holds Python objects \\(a pickle\\), which could run code"),
    "pickle": (pickle.dumps([1, 2]), "is no .npy file that can be read"),
    "texts": (npy(np.array(["a"])), "holds texts"),
    "complex": (npy(np.array([1j])), "holds values of type complex128; save real numbers"),
    "nan": (npy(np.array([1.0, np.nan])), "no finite numbers of 32 bits"),
    "too large": (npy(np.array([1e300])), "no finite numbers of 32 bits"),
    "empty": (npy(np.empty((0, 3))), "holds no number"),
    "cut": (npy(np.ones(500))[:-8], "says that it holds 4,000 bytes|can't be read"),
    "bomb": (npy(np.ones(3)).replace(b"(3,)", b"(1073741824,)", 1)[:200], "can't be read|says that it holds"),
    "nothing": (b"", "is no .npy file that can be read"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_files_that_are_no_numbers_are_told_in_one_line(name: str, tmp_path: Path) -> None:
    content, message = HOSTILE[name]
    (tmp_path / "x.npy").write_bytes(content)
    with pytest.raises(DataError, match=message) as error:
        read_numbers(tmp_path / "x.npy")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n3\n", "line 3 has 1 values, but the first line 2"),
        ("1,2\n3,x\n", "line 2: 'x' is no number"),
        ("time\n1\n2\n", "holds no number"),
        ("\n\n", "holds no number"),
        ("1,nan\n", "no finite numbers"),
    ],
)
def test_tables_that_are_no_numbers_are_told_in_one_line(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        read_numbers(tmp_path / "x.csv")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": VALUES}, "holds x and no y, the label of each sample; add it"),
        ({"x": VALUES, "y": LABELS[:-1]}, "y has 59 entries, but x 60 samples"),
        ({"a": VALUES, "b": LABELS}, "holds a, b; it needs x and y, or x_train"),
        ({"x_train": VALUES, "y_train": LABELS}, "it needs x and y, or x_train, y_train, x_test and y_test"),
        ({"x": VALUES, "y": LABELS + 0.5}, "holds numbers that are no classes, such as 0.5"),
        ({"x": VALUES, "y": VALUES[:, 0, :2]}, "y of .* is 2 numbers a sample; give one label for each"),
        ({"x": NAMES, "y": LABELS}, "x of .* holds texts"),
        ({"x": VALUES, "y": LABELS, "classes": np.array(["one"])}, "labels beyond the 1 names"),
        ({"x": np.full((4, 2), np.inf), "y": np.arange(4) % 2}, "no finite numbers"),
    ],
)
def test_arrays_that_lack_something_are_told_in_one_line(
    arrays: dict[str, np.ndarray], message: str, tmp_path: Path
) -> None:
    np.savez(tmp_path / "d.npz", **arrays)
    with pytest.raises(DataError, match=message):
        open_dataset(tmp_path / "d.npz", seed=0)


def test_archives_of_objects_or_damaged_are_told(tmp_path: Path) -> None:
    np.savez(tmp_path / "o.npz", x=np.array([{}]), y=np.array([0]))
    (tmp_path / "broken.npz").write_bytes(as_npz(tmp_path).read_bytes()[:-200])
    for name, message in (("o", "holds Python objects"), ("broken", "can't be read as a .npz file")):
        with pytest.raises(DataError, match=message):
            open_dataset(tmp_path / f"{name}.npz", seed=0)


def test_windows_of_another_length_and_broken_files_are_skipped_by_name(tmp_path: Path) -> None:
    folder = as_folder(tmp_path)
    np.save(folder / "fast" / "0.npy", VALUES[0, :-2])
    (folder / "slow" / "1.npy").write_bytes(b"no numbers")
    dataset, arrays = load_dataset(folder, (LENGTH, CHANNELS), seed=0)
    assert len(dataset.samples) == 58
    reasons = dict(dataset.skipped)
    assert "holds 30x3 numbers, but most files 32x3; cut windows of one length" in reasons["fast/0.npy"]
    assert "is no .npy file" in reasons["slow/1.npy"]
    assert sum(len(held.labels) for held in arrays.values()) == 58


def test_ranges_are_of_training_samples_and_leave_out_what_lies_far_away(tmp_path: Path) -> None:
    draw, paths = np.random.default_rng(0), []
    for number in range(40):
        window = draw.uniform((-2, 5, 7), (2, 6, 7.0001), (100, 3))
        window[:, 2] = 7
        if number == 3:
            window[0, 1] = 1000  # a spike
        paths.append(tmp_path / f"{number}.npy")
        np.save(paths[-1], window.astype(np.float32))
    wide, spiked, constant = learn(paths, 3)
    assert (round(wide.low, 1), round(wide.high, 1)) == (-2.0, 2.0)
    assert (round(spiked.low, 1), round(spiked.high, 1)) == (5.0, 6.0)
    assert constant == Window(7.0, 8.0)
    with pytest.raises(DataError, match="no rows of 7 channels"):
        learn(paths, 7)


def test_samples_fit_but_for_sides_of_1_and_rows_in_their_order() -> None:
    for held in ((32, 3), (1, 32, 3), (32, 3, 1), (96,), (1, 96)):
        assert fits(held, (1, 32, 3))
    for held in ((3, 32), (32, 4), (95,), (2, 48)):
        assert not fits(held, (1, 32, 3))
    row = np.arange(96, dtype=np.float32)
    np.testing.assert_array_equal(fit_numbers(row, (32, 3), "row"), row.reshape(32, 3))
    with pytest.raises(DataError, match="x holds 32x4 numbers, but the model takes 32x3"):
        fit_numbers(np.zeros((32, 4), np.float32), (32, 3), "x")


def test_a_single_number_is_a_row_of_one(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.float64(3.5))
    assert read_numbers(tmp_path / "x.npy").tolist() == [3.5]


def test_a_file_may_hold_several_samples_to_predict(tmp_path: Path) -> None:
    np.save(tmp_path / "many.npy", VALUES[:3])
    np.save(tmp_path / "one.npy", VALUES[0])
    assert [name[-3:] for name, _ in samples_in(tmp_path / "many.npy", (LENGTH, CHANNELS))] == [
        "[0]",
        "[1]",
        "[2]",
    ]
    [(name, values)] = samples_in(tmp_path / "one.npy", (1, LENGTH, CHANNELS))
    assert name.endswith("one.npy")
    assert values.shape == (1, LENGTH, CHANNELS)
    assert numbers.is_numbers(Path("a.NPY"))
