# SPDX-License-Identifier: Apache-2.0
"""Zips: the good ones open like folders, the bad ones write nothing."""

import errno
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from edgecnn.data import archive
from edgecnn.data.archive import unpack
from edgecnn.data.dataset import open_dataset
from edgecnn.errors import DataError


def zip_of(path, members):
    with zipfile.ZipFile(path, "w") as opened:
        for name, content in members:
            opened.writestr(name, content)
    return path


@pytest.mark.parametrize("wrapper", ["", "photos/", "a/b/"])
def test_a_zip_opens_like_its_folder(folder, tmp_path, wrapper):
    members = [(wrapper + p.relative_to(folder).as_posix(), p.read_bytes()) for p in folder.rglob("*.png")]
    packed = zip_of(tmp_path / "pets.zip", [*members, ("__MACOSX/._pets", b"clutter")])
    dataset = open_dataset(packed, seed=0)
    assert dataset.fingerprint == open_dataset(folder, seed=0).fingerprint
    assert tmp_path not in dataset.root.parents


@pytest.mark.parametrize(
    "name", ["../evil.png", "a/../../evil.png", "/evil.png", "c:/evil.png", "..\\evil.png"]
)
def test_paths_that_lead_out_are_refused(tmp_path, name):
    packed = zip_of(tmp_path / "bad.zip", [("ok.png", b"1"), (name, b"2")])
    with pytest.raises(DataError, match="a path that leads out of the folder"):
        unpack(packed)
    assert [path.name for path in tmp_path.iterdir()] == ["bad.zip"]


def test_links_are_refused(tmp_path):
    link = zipfile.ZipInfo("cat/link.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with pytest.raises(DataError, match=r"holds a link, 'cat/link\.png'"):
        unpack(zip_of(tmp_path / "bad.zip", [(link, "/etc/passwd")]))


def test_bombs_are_refused(tmp_path, monkeypatch):
    packed = zip_of(tmp_path / "big.zip", [(f"{number}.png", b"0" * 100) for number in range(5)])
    monkeypatch.setattr(archive, "MAX_BYTES", 499)
    with pytest.raises(DataError, match=r"holds 5 files of 500 bytes; allowed are 200,000 and 499"):
        unpack(packed)
    monkeypatch.undo()
    monkeypatch.setattr(archive, "MAX_FILES", 4)
    with pytest.raises(DataError, match="allowed are 4 and"):
        unpack(packed)


def test_a_member_that_holds_more_than_it_declares_is_refused(tmp_path):
    packed = zip_of(tmp_path / "liar.zip", [("cat/1.png", b"0123456789" * 10)])
    data = bytearray(packed.read_bytes())
    for position in (data.index(b"PK\x03\x04") + 22, data.index(b"PK\x01\x02") + 24):
        data[position : position + 4] = (10).to_bytes(4, "little")
    packed.write_bytes(data)
    with pytest.raises(DataError, match="can't be unpacked"):
        unpack(packed)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and then nothing"])
def test_what_is_no_zip(tmp_path, content):
    (tmp_path / "broken.zip").write_bytes(content)
    with pytest.raises(DataError, match=r"broken\.zip can't be unpacked: File is not a zip file"):
        unpack(tmp_path / "broken.zip")


def test_a_zip_without_classes_is_named_itself(tmp_path):
    packed = zip_of(tmp_path / "one.zip", [("cat/1.png", b"picture")])
    with pytest.raises(
        DataError, match=r"one\.zip needs a folder of images per class, at least two, but has cat"
    ):
        open_dataset(packed, seed=0)


def test_a_file_that_cannot_be_used_is_named_by_the_zip(folder, tmp_path):
    (folder / "cat" / "00.png").write_bytes(b"broken")
    packed = shutil.make_archive(str(tmp_path / "pets"), "zip", folder)
    [(name, reason)] = open_dataset(Path(packed), seed=0).skipped
    assert name == "cat/00.png"
    assert reason.startswith(f"{packed}/cat/00.png is not an image")


def test_a_full_disk_is_named(folder, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    packed = shutil.make_archive(str(tmp_path / "pets"), "zip", folder)
    monkeypatch.setattr(zipfile.ZipFile, "extract", full)
    with pytest.raises(DataError, match=r"pets\.zip can't be unpacked to /.*: No space left on device"):
        unpack(Path(packed))


def test_damaged_member(tmp_path):
    packed = zip_of(tmp_path / "broken.zip", [("cat/1.png", b"picture")])
    packed.write_bytes(packed.read_bytes().replace(b"picture", b"pixture"))
    with pytest.raises(DataError, match="can't be unpacked: Bad CRC-32"):
        unpack(packed)


def test_a_name_that_is_both_file_and_folder(tmp_path):
    with pytest.raises(DataError, match="can't be unpacked"):
        unpack(zip_of(tmp_path / "odd.zip", [("cat", b"file"), ("cat/1.png", b"in it")]))


def test_what_was_unpacked_goes_when_python_ends(folder, tmp_path):
    packed = shutil.make_archive(str(tmp_path / "pets"), "zip", folder)
    code = "import sys, pathlib, edgecnn.data.archive as a; print(a.unpack(pathlib.Path(sys.argv[1])))"
    done = subprocess.run([sys.executable, "-c", code, packed], capture_output=True, text=True, check=True)
    assert done.stdout.strip()
    assert not Path(done.stdout.strip()).exists()
