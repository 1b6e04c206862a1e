# SPDX-License-Identifier: Apache-2.0
"""IDX files, the form in which MNIST, Fashion-MNIST and their like come: unpacked to one file a picture.

The format is on the page of MNIST (LeCun, Cortes and Burges): two zero bytes, the type of the values, the
number of dimensions, each of them as four bytes, the most significant first, then the values.
"""

import gzip
import re
import zlib
from contextlib import suppress
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.data.archive import MAX_BYTES, MAX_FILES, temporary_folder
from edgecnn.errors import DataError
from edgecnn.files import require_file

_NAME = re.compile(r"(train|t10k|test)-(images|labels)[-.]idx[13]-ubyte(\.gz)?")
_BYTES = 8  # the type of unsigned bytes
_DIMENSIONS = {"images": 3, "labels": 1}
Part = tuple[NDArray[np.uint8], NDArray[np.uint8]]  # pictures (n, height, width) and labels (n,)


def holds_idx(folder: Path) -> bool:
    """Say whether `folder` is one that holds IDX files, by their names."""
    with suppress(OSError):  # of one that can't be read, others say so
        return any(_NAME.fullmatch(entry.name) for entry in folder.iterdir())
    return False


def unpack_idx(folder: Path) -> Path:
    """Unpack IDX files to a temporary folder of train and test folders, of a folder for each label.

    It is removed when Python ends. The label is the name of the class.

    Raises:
        DataError: one of the four files is missing or there twice, or is damaged, or labels are not as many
            as pictures.
    """
    parts = {part: _part(folder, part) for part in ("train", "test")}
    digits = len(str(max(int(labels.max(initial=0)) for _, labels in parts.values())))
    target = temporary_folder()
    try:
        for part, (images, labels) in parts.items():
            for label in np.unique(labels).tolist():
                (target / part / f"{label:0{digits}}").mkdir(parents=True)
            _write(target / part, images, labels, digits)
    except OSError as error:
        raise DataError(f"{folder} can't be unpacked to {target}: {error.strerror or error}") from error
    return target


def _write(folder: Path, images: NDArray[np.uint8], labels: NDArray[np.uint8], digits: int) -> None:
    """Write each picture as PGM, which is its bytes behind a line."""
    head, wide = b"P5 %d %d 255\n" % images.shape[:0:-1], len(str(len(images)))
    for number, (image, label) in enumerate(zip(images, labels.tolist(), strict=True)):
        (folder / f"{label:0{digits}}" / f"{number:0{wide}}.pgm").write_bytes(head + image.tobytes())


def _part(folder: Path, part: str) -> Part:
    files = {kind: _file(folder, part, kind) for kind in _DIMENSIONS}
    images, labels = (_read(path, _DIMENSIONS[kind]) for kind, path in files.items())
    if len(images) != len(labels):
        raise DataError(
            f"{files['labels']} has {len(labels):,} labels, but {files['images']} {len(images):,} pictures; "
            "they don't belong together"
        )
    if len(images) > MAX_FILES or not images.size:
        raise DataError(
            f"{files['images']} holds {len(images):,} pictures; allowed are 1 to {MAX_FILES:,}, of a pixel "
            "or more"
        )
    return images, labels


def _file(folder: Path, part: str, kind: str) -> Path:
    names = ("train",) if part == "train" else ("t10k", "test")
    matches = [(entry, _NAME.fullmatch(entry.name)) for entry in sorted(folder.iterdir())]
    found = [entry for entry, match in matches if match and match[1] in names and match[2] == kind]
    if len(found) != 1:
        digit = _DIMENSIONS[kind]
        raise DataError(
            f"{folder} holds {' and '.join(path.name for path in found) or 'no file'} of {part} {kind}; it "
            f"needs one called {names[0]}-{kind}-idx{digit}-ubyte, or with .gz behind it"
        )
    return found[0]


def _read(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """Return the values of an IDX file of bytes."""
    require_file(path, DataError)
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            head = file.read(4 + 4 * dimensions)
            if head[:4] != bytes((0, 0, _BYTES, dimensions)) or len(head) != 4 + 4 * dimensions:
                raise DataError(
                    f"{path} does not begin as an IDX file of bytes with {dimensions} "
                    f"dimension{'s' if dimensions > 1 else ''} does; download it again"
                )
            sizes = np.frombuffer(head[4:], ">u4").tolist()
            count = prod(sizes)
            if count > MAX_BYTES:
                raise DataError(f"{path} says that it has {count:,} values; at most {MAX_BYTES:,} are read")
            values = file.read(count + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} can't be read: {error}; download it again") from error
    if len(values) != count:
        raise DataError(f"{path} has not the {count:,} values that it says it has; download it again")
    return np.frombuffer(values, np.uint8).reshape(sizes)
