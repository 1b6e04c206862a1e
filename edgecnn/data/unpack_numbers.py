# SPDX-License-Identifier: Apache-2.0
"""Arrays and tables that hold all samples in one file, unpacked to a file a sample, and a list of these.

    .npz        x and y, samples first, or x_train, y_train, x_test, y_test (x_val, y_val), as Keras has them;
                besides, group, or group_train and so on; split beside x; and classes, names by label; or, as
                scikit-learn has them, data, target, groups and target_names
    a folder    the same as x.npy, y.npy or x_train.npy and so on
    .csv        a sample a row: label (or class), group and split if you like; other columns are its numbers

Arrays of bytes in the shape of pictures, (n, height, width) or (n, height, width, 1 or 3), become pictures.
"""

import csv
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from itertools import chain, islice, repeat
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.data.archive import MAX_FILES, temporary_folder
from edgecnn.data.numbers import (
    MOST_BYTES,
    NO_CHANNELS,
    as_finite,
    csv_rows,
    is_number,
    number_at,
    read_array,
    read_numbers,
    require_real,
)
from edgecnn.data.sources import SPLITS, Entry
from edgecnn.errors import DataError
from edgecnn.files import require_file
from edgecnn.progress import say

LIST = "list.csv"
_LABELS = ("label", "class")
# What else arrays are called, as scikit-learn has them.
_ALSO = {"data": "x", "target": "y", "labels": "y", "groups": "group", "target_names": "classes"}
_NO_NUMBERS = (*_LABELS, "group", "split", *NO_CHANNELS)  # columns of a table beside its numbers
_CHANNEL_SIDES = (1, 3)


@dataclass(frozen=True)
class _Part:
    """Samples, first in `values`, with the names of their classes."""

    name: str
    values: NDArray[Any]
    labels: Sequence[str]
    groups: Sequence[str]
    splits: Sequence[str]


def holds_samples(source: Path) -> bool:
    """Say whether all samples of a source are in one array or table."""
    suffix = source.suffix.lower()
    if source.is_dir():
        return any((source / f"{name}.npy").is_file() for name in ("x", "X", "x_train", "X_train"))
    return suffix == ".npz" or (suffix == ".csv" and _is_table(source))


def _is_table(source: Path) -> bool:
    """Say whether the first line of a .csv file names a label, and no files, and the next has numbers."""
    with suppress(DataError):
        (_, head), (_, row) = islice(chain(csv_rows(source), repeat((0, []))), 2)
        names = _names(head)
        others = [value for name, value in zip(names, row, strict=False) if name not in _NO_NUMBERS]
        named = any(name in names for name in _LABELS) and not {"path", "image", "mask"} & set(names)
        return named and any(map(is_number, others))
    return False


def _names(row: Sequence[str]) -> list[str]:
    return [name.strip().lower() for name in row]


@lru_cache(maxsize=4)
def unpack_samples(source: Path) -> Path:
    """Return the list, a .csv file in a temporary folder, of the samples of a source, each a file beside it.

    Raises:
        DataError: the source is damaged, lacks an array or column, or has not a label for each sample.
    """
    parts = [_table(source)] if source.suffix.lower() == ".csv" else _parts(source)
    if sum(len(part.values) for part in parts) > MAX_FILES:
        raise DataError(f"{source} holds more than {MAX_FILES:,} samples; give fewer")
    if _picture_head(parts[0].values):
        sides = " x ".join(map(str, parts[0].values.shape[1:]))
        say(f"{source}: bytes of {sides} are taken for pictures; save numbers as int16 or float32")
    folder = temporary_folder()
    try:
        rows = [row for part in parts for row in _write(folder, part)]
        with (folder / LIST).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([["path", "label", "group", "split"], *rows])
    except OSError as error:
        raise DataError(f"{source} can't be unpacked to {folder}: {error.strerror or error}") from error
    return folder / LIST


def _write(folder: Path, part: _Part) -> Iterator[list[str]]:
    """Write each sample of a part to a file, and yield its row of the list."""
    (folder / part.name).mkdir()
    wide = len(str(len(part.values)))
    head = _picture_head(part.values)
    for number, (values, *about) in enumerate(
        zip(part.values, part.labels, part.groups, part.splits, strict=True)
    ):
        path = folder / part.name / f"{number:0{wide}}{'.npy' if head is None else '.pnm'}"
        if head is None:
            np.save(path, values)
        else:
            path.write_bytes(head + values.tobytes())
        yield [path.relative_to(folder).as_posix(), *about]


def _picture_head(values: NDArray[Any]) -> bytes | None:
    """Return what stands before the bytes of pictures in a file of Netpbm's; None: they are no pictures."""
    sides = values.shape[1:]
    if values.dtype != np.uint8 or not (len(sides) == 2 or (len(sides) == 3 and sides[2] in _CHANNEL_SIDES)):
        return None
    return b"P%d %d %d 255\n" % (6 if sides[2:] == (3,) else 5, sides[1], sides[0])


def spread(entries: Sequence[Entry]) -> tuple[Path, list[Entry]] | None:
    """Return the samples of .npy files, one for each class (of each part), as files in a temporary folder.

    None: they are not so, and each file is a sample.

    Raises:
        DataError: one can't be read.
    """
    places = [(entry.split or "", entry.label) for entry in entries]
    one_each = len(set(places)) == len(places) and all(entry.path.suffix == ".npy" for entry in entries)
    if not entries or not one_each:
        return None
    folder, samples = temporary_folder(), list[Entry]()
    for entry in entries:
        place = folder / (entry.split or "") / entry.label
        place.mkdir(parents=True)
        for number, values in enumerate(np.atleast_2d(read_numbers(entry.path))):
            np.save(place / f"{number:06}.npy", values)
            samples.append(Entry(place / f"{number:06}.npy", entry.label, split=entry.split))
    return folder, samples


# ---- arrays ------------------------------------------------------------------------------------------------


def _parts(source: Path) -> list[_Part]:
    arrays = _arrays(source)
    arrays = {_ALSO.get(name, name): values for name, values in arrays.items()} | {
        name: values for name, values in arrays.items() if name not in _ALSO
    }
    classes = _text(arrays.get("classes"))
    if "x" in arrays:
        parts = [_part(source, arrays, "", "", classes)]
    else:
        named = {
            name.removeprefix("x_"): SPLITS.get(name.removeprefix("x_")) for name in arrays if "x_" in name
        }
        parts = [
            _part(source, arrays, f"_{name}", split, classes)
            for name, split in named.items()
            if split and f"x_{name}" in arrays
        ]
        if not {"train", "test"} <= {SPLITS[part.name] for part in parts}:
            raise DataError(
                f"{source} holds {', '.join(arrays) or 'nothing'}; it needs x and y, or x_train, y_train, "
                "x_test and y_test"
            )
    return _with_even_labels(parts) if classes is None else parts


def _part(
    source: Path, arrays: Mapping[str, NDArray[Any]], ending: str, split: str, classes: Sequence[str] | None
) -> _Part:
    values, labels = arrays[f"x{ending}"], arrays.get(f"y{ending}")
    name = f"x{ending} of {source}"
    require_real(values, name)
    if labels is None:
        raise DataError(f"{source} holds x{ending} and no y{ending}, the label of each sample; add it")
    if not values.ndim or not len(values):
        raise DataError(f"{name} holds no samples")
    count = len(values)
    splits = _text(arrays.get("split")) if not split else [split] * count
    groups = _text(arrays.get(f"group{ending}"))
    columns = {
        f"y{ending}": _labels(labels, f"y{ending} of {source}", classes),
        "group": groups,
        "split": splits,
    }
    for column, entries in columns.items():
        if entries is not None and len(entries) != count:
            raise DataError(
                f"{source}: {column} has {len(entries):,} entries, but x{ending} {count:,} samples"
            )
    if values.dtype != np.uint8:
        values = as_finite(values, name)
    return _Part(
        ending.removeprefix("_") or "all",
        values.reshape(count, -1) if values.ndim == 1 else values,
        columns[f"y{ending}"] or [],
        groups or [""] * count,
        splits or [""] * count,
    )


def _labels(labels: NDArray[Any], name: str, classes: Sequence[str] | None) -> list[str]:
    """Return the class of each sample as text: labels are texts, numbers, or rows of one 1 among zeros."""
    if labels.ndim == 2 and labels.shape[1] > 1:
        if not (np.isin(labels, (0, 1)).all() and (labels.sum(axis=1) == 1).all()):
            raise DataError(f"{name} is {labels.shape[1]} numbers a sample; give one label for each")
        labels = labels.argmax(axis=1)
    labels = labels.reshape(-1)
    if labels.dtype.kind in "US":
        return _text(labels) or []
    if labels.dtype.kind == "f" and not (labels == np.round(labels)).all():
        raise DataError(f"{name} holds numbers that are no classes, such as {labels[labels % 1 != 0][0]:g}")
    numbers = [int(label) for label in labels]
    if classes is None:
        return list(map(str, numbers))
    if not all(0 <= number < len(classes) for number in numbers):
        raise DataError(f"{name} holds labels beyond the {len(classes)} names in classes")
    return [classes[number] for number in numbers]


def _with_even_labels(parts: list[_Part]) -> list[_Part]:
    """Return parts whose labels, where all are numbers, have as many digits: text is then in their order."""
    labels = {label for part in parts for label in part.labels}
    if not all(map(str.isdigit, labels)):
        return parts
    digits = max(map(len, labels))
    return [
        _Part(
            part.name, part.values, [label.zfill(digits) for label in part.labels], part.groups, part.splits
        )
        for part in parts
    ]


def _text(values: NDArray[Any] | None) -> list[str] | None:
    if values is None:
        return None
    flat = values.reshape(-1).tolist()
    return [value.decode(errors="replace") if isinstance(value, bytes) else str(value) for value in flat]


def _arrays(source: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of a .npz file or of a folder of .npy files, by their names in small letters."""
    if source.is_dir():
        return {path.stem.lower(): _read(path) for path in sorted(source.glob("*.npy"))}
    require_file(source, DataError)
    try:
        with zipfile.ZipFile(source) as archive:
            members = [member for member in archive.infolist() if member.filename.endswith(".npy")]
            total = sum(member.file_size for member in members)
            if total > MOST_BYTES:
                raise DataError(f"{source} holds {total:,} bytes; at most {MOST_BYTES:,} are read")
            return {
                member.filename.removesuffix(".npy").lower(): read_array(
                    BytesIO(archive.read(member)), member.file_size, f"{member.filename} in {source}"
                )
                for member in members
            }
    except OSError as error:
        raise DataError(f"{source} can't be read: {error.strerror or error}") from error
    except (RuntimeError, EOFError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{source} can't be read as a .npz file: {error}") from error


def _read(path: Path) -> NDArray[Any]:
    require_file(path, DataError)
    with path.open("rb") as file:
        return read_array(file, path.stat().st_size, str(path))


# ---- tables ------------------------------------------------------------------------------------------------


def _table(source: Path) -> _Part:
    (_, head), *rows = csv_rows(source)
    names = _names(head)
    for name in (*_LABELS, "group", "split"):
        if names.count(name) > 1:
            raise DataError(f"{source} has several columns {name}; leave one of them")
    label = names.index(next(name for name in _LABELS if name in names))
    known = {label, *(names.index(name) for name in ("group", "split") if name in names)}
    left_out = [at for at in range(len(names)) if at not in known and names[at] in NO_CHANNELS]
    numbers = [at for at in range(len(names)) if at not in known and at not in left_out]
    if left_out:
        told = ", ".join(head[at].strip() or "one without a name" for at in left_out)
        say(f"{source}: the columns {told} say when or which, and are left out")
    if not numbers or not rows:
        raise DataError(f"{source} holds no column of numbers beside {names[label]}")
    values = np.array([[number_at(source, line, row, at) for at in numbers] for line, row in rows])

    def column(name: str) -> list[str]:
        return [row[names.index(name)].strip() if name in names else "" for _, row in rows]

    return _Part(
        "all", as_finite(values, str(source)), column(names[label]), column("group"), column("split")
    )
