# SPDX-License-Identifier: Apache-2.0
"""Samples of numbers, which are no pictures: windows of a sensor, spectrograms, rows of a table.

A sample is a .npy file, of any shape, or a .csv file, a row for each moment and a column for each channel.
"""

import csv
import io
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from edgecnn.errors import DataError
from edgecnn.files import read_bytes, require_file

SUFFIXES = (".npy", ".csv")
MOST_BYTES = 1 << 31  # of one array
MOST_CSV_BYTES = 1 << 28
# Columns that say when, or which, and not what was measured.
NO_CHANNELS = ("", "id", "index", "time", "timestamp", "unnamed: 0")
_KINDS = "biuf"  # of arrays: truth values, whole numbers with and without a sign, floats
_SEPARATORS = ",;\t"

Float = NDArray[np.float32]


def is_numbers(path: Path) -> bool:
    """Say whether a file is named as one of numbers."""
    return path.suffix.lower() in SUFFIXES


def read_numbers(path: Path) -> Float:
    """Return what a .npy or .csv file holds, as float32.

    Raises:
        DataError: it can't be read, or holds anything but finite numbers.
    """
    values = _read_npy(path) if path.suffix.lower() == ".npy" else read_columns(path)
    if not values.size:
        raise DataError(f"{path} holds no number")
    return as_finite(values.reshape(1) if values.ndim == 0 else values, str(path))


def as_finite(values: NDArray[Any], name: str) -> Float:
    """Return numbers as float32.

    Raises:
        DataError: some are none, or infinite, or larger than float32 holds.
    """
    with np.errstate(over="ignore"):
        numbers = np.ascontiguousarray(values, np.float32)
    if not np.isfinite(numbers).all():
        raise DataError(f"{name} holds values that are no finite numbers of 32 bits, such as NaN; mend them")
    return numbers


def _read_npy(path: Path) -> NDArray[Any]:
    require_file(path, DataError)
    try:
        with path.open("rb") as file:
            values = read_array(file, path.stat().st_size, str(path))
    except OSError as error:
        raise DataError(f"{path} can't be read: {error.strerror or error}") from error
    require_real(values, str(path))
    return values


def read_array(file: BinaryIO, size: int, name: str) -> NDArray[Any]:
    """Return the array in a .npy file of `size` bytes, which is called `name`; nothing in it is run.

    Raises:
        DataError: it is damaged, or holds objects (a pickle) or other than real numbers or texts.
    """
    shape, dtype = read_head(file, name)
    wanted = math.prod(shape) * dtype.itemsize
    if wanted > min(size, MOST_BYTES):
        raise DataError(
            f"{name} says that it holds {wanted:,} bytes, but has {size:,} of at most {MOST_BYTES:,}; "
            "is it damaged?"
        )
    file.seek(0)
    try:
        values: NDArray[Any] = np.load(file, allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise DataError(f"{name} can't be read: {str(error).splitlines()[0]}") from error
    return values


def read_head(file: BinaryIO, name: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Return the shape and the type of the array in a .npy file.

    Raises:
        DataError: as `read_array`.
    """
    try:
        version = np.lib.format.read_magic(file)  # type: ignore[no-untyped-call]
        read = {(1, 0): np.lib.format.read_array_header_1_0}.get(version, np.lib.format.read_array_header_2_0)
        shape, _, dtype = read(file)  # type: ignore[no-untyped-call]
    except (ValueError, EOFError, OSError, SyntaxError) as error:
        reason = (str(error).splitlines() or ["it is damaged"])[0]
        raise DataError(f"{name} is no .npy file that can be read: {reason}") from error
    if dtype.hasobject:
        raise DataError(
            f"{name} holds Python objects (a pickle), which could run code; save plain numbers: "
            "np.save(path, np.stack(samples))"
        )
    if dtype.kind not in f"{_KINDS}US":
        raise DataError(f"{name} holds values of type {dtype}; save real numbers, such as float32")
    return tuple(map(int, shape)), dtype


def require_real(values: NDArray[Any], name: str) -> None:
    """Check that an array is of real numbers.

    Raises:
        DataError: it holds texts.
    """
    if values.dtype.kind not in _KINDS:
        raise DataError(f"{name} holds texts ({values.dtype}); save real numbers, such as float32")


def read_columns(path: Path) -> NDArray[np.float64]:
    """Return the numbers of a .csv file, (rows, channels), without columns that say when or which.

    The first line may name the columns.

    Raises:
        DataError: it can't be read, or a value is no number.
    """
    lines = list(csv_rows(path))
    if not lines:
        raise DataError(f"{path} holds no number")
    names = [] if all(map(is_number, lines[0][1])) else [name.strip().lower() for name in lines[0][1]]
    rows = lines[1:] if names else lines
    kept = [at for at in range(len(lines[0][1])) if not names or names[at] not in NO_CHANNELS]
    if not kept or not rows:
        raise DataError(f"{path} holds no number")
    return np.array([[number_at(path, line, row, at) for at in kept] for line, row in rows])


def csv_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the values of each line of a .csv file that is not empty.

    Raises:
        DataError: it can't be read, or a line has more or fewer values than the first.
    """
    try:
        text = read_bytes(path, MOST_CSV_BYTES, DataError).decode("utf-8-sig")
        head = text.partition("\n")[0]
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(_SEPARATORS, key=head.count))
        width = 0
        for row in reader:
            if not any(map(str.strip, row)):
                continue
            width = width or len(row)
            if len(row) != width:
                raise DataError(
                    f"{path} line {reader.line_num} has {len(row)} values, but the first line {width}; "
                    "give every line as many"
                )
            yield reader.line_num, row
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text; save it as such") from error
    except csv.Error as error:
        raise DataError(f"can't read {path} as a CSV file: {error}") from error


def is_number(text: str) -> bool:
    """Say whether a text is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def number_at(path: Path, line: int, row: Sequence[str], at: int) -> float:
    """Return the number at a place of a line of a .csv file.

    Raises:
        DataError: there is none.
    """
    try:
        return float(row[at])
    except ValueError:
        raise DataError(f"{path} line {line}: {row[at][:40]!r} is no number") from None


def fit_numbers(numbers: Float, shape: Sequence[int], name: str) -> Float:
    """Return a sample in the shape that a model takes: the same but for sides of 1, or a row in its order.

    Raises:
        DataError: it has another shape.
    """
    if not fits(numbers.shape, shape):
        raise DataError(f"{name} holds {by(numbers.shape)} numbers, but the model takes {by(shape)}")
    return numbers.reshape(tuple(shape))


def fits(held: Sequence[int], taken: Sequence[int]) -> bool:
    """Say whether numbers of one shape are a sample for a model that takes another."""
    own, other = ([side for side in shape if side > 1] for shape in (held, taken))
    return own == other or (len(own) <= 1 and math.prod(held) == math.prod(taken))


def by(shape: Sequence[int]) -> str:
    """Return a shape as people write it."""
    return "x".join(map(str, shape)) or "1"


def samples_in(path: Path, shape: Sequence[int]) -> list[tuple[str, Float]]:
    """Return the samples of a file, each with its name: one, or of a .npy file several, samples first.

    Raises:
        DataError: the file can't be read, or has another shape.
    """
    numbers = read_numbers(path)
    several = path.suffix.lower() == ".npy" and numbers.ndim > 1 and not fits(numbers.shape, shape)
    if several and fits(numbers.shape[1:], shape):
        return [(f"{path}[{at}]", part.reshape(tuple(shape))) for at, part in enumerate(numbers)]
    return [(str(path), fit_numbers(numbers, shape, str(path)))]
