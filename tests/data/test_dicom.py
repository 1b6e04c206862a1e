# SPDX-License-Identifier: Apache-2.0
"""DICOM: what the modality measured, through the file's own window or the one that is asked for."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgecnn.compiler.ir import Window
from edgecnn.data.check import check
from edgecnn.data.dataset import open_dataset, with_window
from edgecnn.data.findings import findings
from edgecnn.data.images import (
    TooManyPixelsError,
    decode,
    image_size,
    is_deep,
    read_picture,
    require_pixels,
)
from edgecnn.data.phantoms import is_phantom
from edgecnn.data.sheet import draw_sheet
from edgecnn.data.window import NEEDED, to_bytes
from edgecnn.errors import DataError

DRAW = np.random.default_rng(0)


@pytest.fixture
def pydicom() -> Any:
    return pytest.importorskip("pydicom", reason="needs pydicom: edgecnn[dicom]")


def write(pydicom: Any, path: Path, pixels: np.ndarray, **fields: Any) -> Path:
    """Write a slice; `fields` are attributes of it."""
    meta = pydicom.dataset.FileMetaDataset()
    meta.MediaStorageSOPClassUID = pydicom.uid.CTImageStorage
    meta.MediaStorageSOPInstanceUID = "1.2.3"
    meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    data = pydicom.dataset.Dataset()
    data.file_meta = meta
    data.SOPClassUID, data.SOPInstanceUID = meta.MediaStorageSOPClassUID, "1.2.3"
    data.Rows, data.Columns = pixels.shape[:2]
    data.SamplesPerPixel = 3 if pixels.ndim == 3 else 1
    data.PhotometricInterpretation = "RGB" if pixels.ndim == 3 else "MONOCHROME2"
    if pixels.ndim == 3:
        data.PlanarConfiguration = 0
    bits = 8 * pixels.dtype.itemsize
    data.BitsAllocated, data.BitsStored, data.HighBit = bits, bits, bits - 1
    data.PixelRepresentation = int(pixels.dtype.kind == "i")
    data.PixelData = pixels.tobytes()
    for name, value in fields.items():
        setattr(data, name, value)
    path.parent.mkdir(parents=True, exist_ok=True)
    data.save_as(path, enforce_file_format=True)
    return path


STORED = DRAW.integers(0, 4096, (7, 9), np.uint16)
HU = STORED.astype(int) - 1024


@pytest.mark.parametrize("stored", [STORED, STORED.astype(np.int16)])
def test_values_are_rescaled_and_windowed_by_the_file(
    pydicom: Any, tmp_path: Path, stored: np.ndarray
) -> None:
    rescale = {"RescaleSlope": 1, "RescaleIntercept": -1024}
    path = write(pydicom, tmp_path / "a.dcm", stored, **rescale, WindowCenter=40, WindowWidth=400)
    assert (read_picture(path).pixels[..., 0] == HU).all()
    assert (decode(path)[..., 0] == to_bytes(HU, Window(-160, 239))).all()
    assert (decode(path, path.read_bytes())[..., 0] == to_bytes(HU, Window(-160, 239))).all()
    assert (decode(path, window=Window(-1024, 3071))[..., 0] == STORED >> 4).all()
    assert image_size(path) == (9, 7)
    require_pixels(path, path.read_bytes(), 63)
    with pytest.raises(TooManyPixelsError, match="has 9x7 pixels; at most 62"):
        require_pixels(path, path.read_bytes(), 62)
    assert is_deep(path)


def test_a_slope_may_be_no_integer_and_the_first_window_counts(pydicom: Any, tmp_path: Path) -> None:
    path = write(pydicom, tmp_path / "a.dcm", STORED, RescaleSlope="0.5", RescaleIntercept="0.25",
                 WindowCenter=[100, 7], WindowWidth=[50, 7])  # fmt: skip
    real = STORED * 0.5 + 0.25
    assert (read_picture(path).pixels[..., 0] == real).all()
    assert (decode(path)[..., 0] == to_bytes(real, Window(75, 124))).all()


def test_empty_rescale_and_window_are_none(pydicom: Any, tmp_path: Path) -> None:
    empty = ("RescaleSlope", "RescaleIntercept", "WindowCenter", "WindowWidth")
    path = write(pydicom, tmp_path / "a.dcm", STORED, **dict.fromkeys(empty))
    picture = read_picture(path)
    assert (picture.pixels[..., 0] == STORED).all()
    assert picture.window is None
    assert is_deep(path)


def test_8_bits_with_a_sign_need_a_window(pydicom: Any, tmp_path: Path) -> None:
    path = write(pydicom, tmp_path / "a.dcm", (STORED % 256).astype(np.int8))
    assert is_deep(path)
    assert read_picture(path).pixels.min() < 0


def test_monochrome1_is_white_where_it_is_least(pydicom: Any, tmp_path: Path) -> None:
    inverted = {"PhotometricInterpretation": "MONOCHROME1"}
    path = write(pydicom, tmp_path / "a.dcm", STORED, **inverted)
    assert (decode(path, window=Window(0, 4095))[..., 0] == 255 - (STORED >> 4)).all()
    grey = STORED.astype(np.uint8)[:, :8].copy()
    path = write(pydicom, tmp_path / "b.dcm", grey, **inverted)
    assert (decode(path)[..., 0] == 255 - grey).all()
    assert not is_deep(path)


def test_colours_and_the_first_frame(pydicom: Any, tmp_path: Path) -> None:
    rgb = DRAW.integers(0, 256, (6, 4, 3), np.uint8)
    path = write(pydicom, tmp_path / "rgb.dcm", rgb)
    assert (decode(path, window=Window(0, 9)) == rgb).all()
    assert not is_deep(path)
    ybr = pydicom.pixels.convert_color_space(rgb, "RGB", "YBR_FULL")
    path = write(pydicom, tmp_path / "ybr.dcm", ybr, PhotometricInterpretation="YBR_FULL")
    assert np.abs(decode(path).astype(int) - rgb).max() <= 3
    frames = DRAW.integers(0, 256, (2, 6, 4), np.uint8)
    path = write(pydicom, tmp_path / "frames.dcm", frames[0], NumberOfFrames=2, PixelData=frames.tobytes())
    assert (decode(path)[..., 0] == frames[0]).all()


def test_without_a_window_one_is_found_for_all(pydicom: Any, tmp_path: Path) -> None:
    for number in range(16):
        values = DRAW.integers(0, 4096, (8, 8), np.uint16)
        values[0, :2] = 0, 4095
        path = tmp_path / "all" / "ab"[number % 2] / f"{number}.dcm"
        write(pydicom, path, values, RescaleIntercept=-1024, RescaleSlope=1)
    dataset = with_window(open_dataset(tmp_path / "all", seed=0), NEEDED)
    assert dataset.window == Window(-1024, 3071)
    with pytest.raises(DataError, match="its values are -1,024 to 3,071"):
        decode(path)


def test_a_contact_sheet_and_figures_know_it_is_no_phantom(pydicom: Any, tmp_path: Path) -> None:
    for number in range(16):
        path = tmp_path / "all" / "ab"[number % 2] / f"{number}.dcm"
        write(pydicom, path, DRAW.integers(0, 4096, (8, 8), np.uint16))
    dataset = with_window(open_dataset(tmp_path / "all", seed=0), NEEDED)
    assert not is_phantom(path)
    draw_sheet(dataset, tmp_path / "sheet.png")
    assert (tmp_path / "sheet.png").is_file()


def test_where_each_has_its_own_window_none_is_chosen(pydicom: Any, tmp_path: Path) -> None:
    for number in range(16):
        values = DRAW.integers(0, 4096, (8, 8), np.uint16)
        path = tmp_path / "all" / "ab"[number % 2] / f"{number}.dcm"
        write(pydicom, path, values, WindowCenter=1000 + number, WindowWidth=500)
    dataset = open_dataset(tmp_path / "all", seed=0)
    assert with_window(dataset, NEEDED).window is None
    assert with_window(dataset, "auto").window is not None


def test_windows_that_leave_nothing_are_found(pydicom: Any, tmp_path: Path) -> None:
    for number in range(16):
        values = DRAW.integers(0, 4096, (8, 8), np.uint16)
        path = tmp_path / "all" / "ab"[number % 2] / f"{number}.dcm"
        center = 9000 if number < 8 else 1000
        write(pydicom, path, values, WindowCenter=center, WindowWidth=500)
    dataset = with_window(open_dataset(tmp_path / "all", seed=0), NEEDED)
    [found] = [finding for finding in findings(check(dataset)) if finding.title == "Windows"]
    assert 0 < len(found.lines) <= 8
    assert {int(line.removesuffix(".dcm")) for line in found.lines} <= set(range(8))
    assert "--window auto or LOW:HIGH is for all" in found.meaning
    seen = with_window(open_dataset(tmp_path / "all", seed=0), "auto")
    assert "Windows" not in {finding.title for finding in findings(check(seen))}


@pytest.mark.parametrize(
    "content", [b"", b"no dicom at all", bytes(128) + b"DICM", bytes(128) + b"DICM" + b"x" * 99]
)
def test_what_is_no_dicom_is_one_line(pydicom: Any, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(content)
    for read in (decode, image_size, is_deep):
        with pytest.raises(DataError, match=r"a\.dcm (can't be decoded: .|is not an image)") as refused:
            read(path)
        assert "\n" not in str(refused.value)


def test_without_pydicom_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pydicom", None)
    monkeypatch.setitem(__import__("sys").modules, "pydicom.pixels", None)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.dcm").write_bytes(bytes(128) + b"DICM")
    with pytest.raises(DataError, match=r"1\.dcm can't be decoded: .* pip install 'edgecnn\[dicom\]'"):
        open_dataset(tmp_path, seed=0)
