# SPDX-License-Identifier: Apache-2.0
"""Finding out which files a folder or a CSV file names, and what it says of them. No image is opened here."""

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgecnn.errors import DataError
from edgecnn.files import named_path, read_bytes

# What people call the three parts.
SPLITS = {
    "train": "train", "training": "train",
    "validation": "validation", "valid": "validation", "val": "validation",
    "test": "test", "testing": "test",
}  # fmt: skip
FOREGROUND = "foreground"  # what a mask marks, and the only class of images with masks
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}  # of tables that are not of commas
_MOST_CSV_BYTES = 1 << 28
_CLUTTER = ("__macosx", "desktop.ini", "thumbs.db")  # what file managers leave behind


@dataclass(frozen=True)
class Entry:
    """A file and what its place or its row in a CSV says of it."""

    path: Path
    label: str
    group: str | None = None
    split: str | None = None
    mask: Path | None = None


def read_folder(root: Path) -> tuple[list[str], list[Entry]]:
    """List the files of a folder per class, or of train, validation and test folders of those.

    Returns:
        The class names, sorted; and an entry per file, sorted by path.

    Raises:
        DataError: there are no class folders, splits don't have the same ones, or parts are missing.
    """
    folders = subfolders(root)
    splits = {folder: SPLITS[folder.name.lower()] for folder in folders if folder.name.lower() in SPLITS}
    if not {"train", "test"} <= set(splits.values()) and len(splits) < max(1, len(folders)):
        return _class_names(root), list(_entries(root, None))  # a class may well be called "train", or "test"
    require_parts(root, folders, splits)
    classes = {folder: _class_names(folder) for folder in splits}
    first = next(iter(splits))
    for folder, names in classes.items():
        if names != classes[first]:
            raise DataError(
                f"{root}: {first.name} has the classes {', '.join(classes[first])}, but {folder.name} has "
                f"{', '.join(names)}; each part needs the same class folders"
            )
    return classes[first], [entry for folder, split in splits.items() for entry in _entries(folder, split)]


def require_parts(root: Path, folders: list[Path], splits: dict[Path, str]) -> None:
    """Check that the folders of a split, each with the part it stands for, are there once, and nothing else.

    Raises:
        DataError: one is missing, there twice, or beside something else.
    """
    for split, count in Counter(splits.values()).items():
        if count > 1:
            names = [folder.name for folder in splits if splits[folder] == split]
            raise DataError(f"{root} has {' and '.join(names)}, which are both {split} folders; merge them")
    for split in ("train", "test"):
        if split not in splits.values():
            raise DataError(f"{root} has {', '.join(f.name for f in splits)} but no {split} folder; add one")
    others = [folder.name for folder in folders if folder not in splits]
    if others:
        raise DataError(f"{root} has {', '.join(others)} beside train and test folders; move that elsewhere")


def _class_names(folder: Path) -> list[str]:
    names = [entry.name for entry in subfolders(folder)]
    if len(names) < 2:
        raise DataError(
            f"{folder} needs a folder of images per class, at least two, but has {', '.join(names) or 'none'}"
        )
    return names


def _entries(folder: Path, split: str | None) -> Iterator[Entry]:
    for class_folder in subfolders(folder):
        for path in sorted(class_folder.rglob("*")):
            if path.is_file() and not any(is_clutter(part) for part in path.relative_to(folder).parts):
                yield Entry(path, class_folder.name, split=split)


def subfolders(folder: Path) -> list[Path]:
    """Return the folders in a folder, sorted, without what file managers leave behind."""
    try:
        entries = sorted(folder.iterdir(), key=lambda entry: entry.name)
    except OSError as error:
        raise DataError(f"can't read {folder}: {error.strerror}") from error
    return [entry for entry in entries if entry.is_dir() and not is_clutter(entry.name)]


def is_clutter(name: str) -> bool:
    """Say whether file managers leave files or folders of that name behind."""
    return name.startswith(".") or name.lower() in _CLUTTER


def read_csv(table: Path) -> tuple[list[str], list[Entry]]:
    """List the rows of a CSV file with the columns path, label (or class) and, if there, group and split.

    Columns image and mask in place of path and label are images with masks. Paths are relative to the CSV
    file's folder; other columns are ignored, and so are spaces around names and values.

    Returns:
        The class names, sorted; and an entry per row, in order.

    Raises:
        DataError: a column is missing, a row lacks a value or has one that is not allowed, or a file is
            missing or listed twice.
    """
    try:
        text = read_bytes(table, _MOST_CSV_BYTES, DataError).decode("utf-8-sig")
        reader = csv.DictReader(io.StringIO(text, newline=""), skipinitialspace=True)
        columns = reader.fieldnames = [name.strip().lower() for name in reader.fieldnames or []]
        path, label = _columns(table, columns)
        entries = [_entry(table, reader.line_num, row, path, label) for row in reader]
    except UnicodeDecodeError as error:
        raise DataError(f"{table} is not UTF-8 text; save it as such") from error
    except csv.Error as error:
        raise DataError(f"can't read {table} as a CSV file: {error}") from error
    _refuse_inconsistent(table, entries)
    return sorted({entry.label for entry in entries}), entries


def _columns(table: Path, columns: Sequence[str]) -> tuple[str, str]:
    """Return which columns hold a file and what it shows: its class, or the file of its mask."""
    path = "image" if "mask" in columns else "path"
    label = next((name for name in ("mask", "label", "class") if name in columns), "label")
    if missing := [name for name in (path, label) if name not in columns]:
        raise DataError(
            f"{table} {_has(columns)} no {' and '.join(missing)}; the first line must name path, label and, "
            "if you like, group and split, or image and mask, with commas between"
        )
    if twice := [name for name in (path, label, "group", "split") if columns.count(name) > 1]:
        raise DataError(f"{table} has several columns {twice[0]}; leave one of them")
    return path, label


def _has(columns: Sequence[str]) -> str:
    """Say what the first line is, where it is not what it should be."""
    for separator, name in _SEPARATORS.items():
        if len(columns) == 1 and separator in columns[0]:
            return f"has {name} between its columns, and so"
    return f"has the columns {', '.join(columns)} but" if columns else "has"


def _entry(table: Path, line: int, row: dict[str | None, Any], path: str, label: str) -> Entry:
    values = _values(table, line, row, (path, label))
    split = values["split"].lower()
    if split and split not in SPLITS:
        raise DataError(f"{table} line {line}: split is {split!r}; allowed are {', '.join(SPLITS)}")
    image = named_path(table.parent, values[path])
    mask = named_path(table.parent, values[label]) if label == "mask" else None
    for file in (image, mask):
        if file and not file.is_file():
            raise DataError(
                f"{table} line {line}: there is no file {file}; paths are relative to the CSV file"
            )
    name = values[label] if mask is None else FOREGROUND
    return Entry(image, name, values["group"] or None, SPLITS.get(split), mask)


def _values(table: Path, line: int, row: dict[str | None, Any], needed: tuple[str, str]) -> dict[str, str]:
    """Return the values of a row by column, without spaces around them, "" where there is none."""
    if any(value.strip() for value in row.get(None, ())):
        raise DataError(
            f"{table} line {line} has more values than the first line has columns; put a value that has a "
            "comma in it in double quotes"
        )
    values = {name: (row.get(name) or "").strip() for name in (*needed, "group", "split")}
    for name, value in values.items():
        if "\n" in value or "\r" in value:
            raise DataError(
                f"{table} line {line}: {name} goes over several lines; is a double quote not closed?"
            )
    for name in needed:
        if not values[name]:
            raise DataError(f"{table} line {line}: {name} is empty; every row needs a {name}")
    return values


def _refuse_inconsistent(table: Path, entries: list[Entry]) -> None:
    twice = [path for path, count in Counter(entry.path for entry in entries).items() if count > 1]
    if twice:
        raise DataError(f"{table} lists {twice[0]} more than once; list every file once")
    if len({entry.split is None for entry in entries}) > 1:
        raise DataError(
            f"{table} gives a split for some rows and not for others; give it for all or for none"
        )
