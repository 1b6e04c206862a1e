# SPDX-License-Identifier: Apache-2.0
"""Unpacking a zip of images that may come from anyone, and where what is unpacked lies."""

import stat
import tempfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from edgecnn.errors import DataError
from edgecnn.files import require_file

MAX_FILES = 200_000
MAX_BYTES = 16 * 2**30

# Samples are only paths, so what was unpacked must outlive whoever asked for it: it goes when Python ends.
_unpacked: list["tempfile.TemporaryDirectory[str]"] = []


def unpack(archive: Path) -> Path:
    """Unpack a zip into a temporary folder (under TMPDIR), which is removed when Python ends.

    Returns:
        The folder, or the one in it that holds everything else (`photos.zip` often holds `photos/cat/1.png`).

    Raises:
        DataError: the file is no zip or is damaged, a name in it leads out of the folder, a member is a
            link or encrypted, or there is more in it than MAX_FILES files or MAX_BYTES bytes.
    """
    require_file(archive, DataError)
    try:
        with zipfile.ZipFile(archive) as opened:
            members = [member for member in opened.infolist() if not member.is_dir()]
            _refuse_unsafe(archive, members)
            folder = temporary_folder()
            for member in members:
                opened.extract(member, folder)
    except OSError as error:
        where = tempfile.gettempdir()
        raise DataError(f"{archive} can't be unpacked to {where}: {error.strerror or error}") from error
    except (RuntimeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{archive} can't be unpacked: {error}") from error
    return _without_wrapper(folder)


def names_in(archive: Path) -> list[str]:
    """Return the names of what is in a zip; none where it is damaged, which `unpack` tells."""
    try:
        with zipfile.ZipFile(archive) as opened:
            return opened.namelist()
    except (OSError, RuntimeError, zipfile.BadZipFile):
        return []


def temporary_folder() -> Path:
    """Return a new folder (under TMPDIR), which is removed when Python ends."""
    folder = tempfile.TemporaryDirectory(prefix="edgecnn-")
    _unpacked.append(folder)
    return Path(folder.name)


def _refuse_unsafe(archive: Path, members: list[zipfile.ZipInfo]) -> None:
    """Refuse before anything is written. zipfile itself never gives out more bytes than a member declares."""
    total = sum(member.file_size for member in members)
    if len(members) > MAX_FILES or total > MAX_BYTES:
        raise DataError(
            f"{archive} holds {len(members):,} files of {total:,} bytes; allowed are {MAX_FILES:,} and "
            f"{MAX_BYTES:,}: unpack it yourself and give the folder"
        )
    for member in members:
        parts = PurePosixPath(member.filename).parts
        if not parts or ".." in parts or "\\" in member.filename or ":" in parts[0] or parts[0] == "/":
            raise DataError(
                f"{archive} holds {member.filename!r}, a path that leads out of the folder; not unpacked"
            )
        if stat.S_ISLNK(member.external_attr >> 16):
            raise DataError(
                f"{archive} holds a link, {member.filename!r}; links are not allowed; not unpacked"
            )
        if member.flag_bits & 1:
            raise DataError(f"{archive} is encrypted; unpack it yourself and give the folder")


def _without_wrapper(folder: Path) -> Path:
    """Step into folders that hold nothing but one folder of folders."""
    inside = [entry for entry in folder.iterdir() if not entry.name.startswith((".", "__MACOSX"))]
    if len(inside) == 1 and inside[0].is_dir() and any(entry.is_dir() for entry in inside[0].iterdir()):
        return _without_wrapper(inside[0])
    return folder
