# SPDX-License-Identifier: Apache-2.0
"""A file is written whole or not at all, and what prevents it is one line."""

import errno
import os
from contextlib import suppress
from pathlib import Path

import pytest

from edgecnn.errors import EdgecnnError
from edgecnn.files import replacing, write_text


def test_a_file_is_as_it_was_when_writing_fails(tmp_path: Path) -> None:
    write_text(tmp_path / "deep" / "a.txt", "old")
    with suppress(KeyError), replacing(tmp_path / "deep" / "a.txt") as temporary:
        temporary.write_text("half")
        raise KeyError
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["a.txt"]
    assert (tmp_path / "deep" / "a.txt").read_text() == "old"


def test_a_full_disk_and_a_file_in_the_way_are_one_line(tmp_path: Path) -> None:
    with (
        pytest.raises(EdgecnnError, match=r"can't write .*a\.txt: No space left"),
        replacing(tmp_path / "a.txt"),
    ):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    write_text(tmp_path / "b", "")
    with pytest.raises(EdgecnnError, match=r"can't write .*b/c\.txt: .*b is a file, not a folder"):
        write_text(tmp_path / "b" / "c.txt", "")
    assert [path.name for path in tmp_path.iterdir()] == ["b"]
