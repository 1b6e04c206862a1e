# SPDX-License-Identifier: Apache-2.0
"""Decoding: every mode ends as grey or RGB bytes, and what is broken is named."""

from pathlib import Path

import numpy as np
import pytest
from deep_pictures import write_png, write_tiff
from PIL import Image

from edgecnn.compiler.ir import Window
from edgecnn.data import images
from edgecnn.data.images import TooManyPixelsError, decode, image_size, load_image, require_pixels
from edgecnn.errors import DataError

RED = (200, 10, 30)


def save(tmp_path, picture, name="picture.png", **options):
    path = tmp_path / name
    picture.save(path, **options)
    return path


@pytest.mark.parametrize(
    ("mode", "fill", "expected"),
    [
        ("1", 1, [255]),
        ("L", 77, [77]),
        ("LA", (77, 0), [77]),
        ("RGB", RED, list(RED)),
        ("RGBA", (*RED, 0), list(RED)),
    ],
)
def test_modes_of_png(tmp_path, mode, fill, expected):
    path = save(tmp_path, Image.new(mode, (3, 2), fill))
    image = decode(path)
    assert image.dtype == np.uint8
    assert image.shape == (2, 3, len(expected))
    assert (image == expected).all()
    assert image_size(path) == (3, 2)


def test_palette_and_cmyk_become_rgb(tmp_path):
    palette = Image.new("RGB", (4, 4), RED).quantize(2)
    assert (decode(save(tmp_path, palette)) == RED).all()
    cmyk = Image.new("CMYK", (4, 4), (0, 255, 255, 0))
    assert (decode(save(tmp_path, cmyk, "ink.tif")) == (255, 0, 0)).all()


def test_sixteen_bits_lose_the_low_byte(tmp_path):
    values = np.array([[0, 255, 256, 0x1234, 65535]], np.uint16)
    for name in ("deep.png", "deep.tif"):
        path = save(tmp_path, Image.fromarray(values), name)
        assert decode(path).ravel().tolist() == [0, 0, 1, 0x12, 255]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.array([[7, 70000]], np.int32), "7 to 70,000"),
        (np.array([[-1, 65535]], np.int32), "-1 to 65,535"),
        (np.array([[0.5, 1]], np.float32), "0.5 to 1.0"),
        (np.array([[1053, 1186]], np.uint16), "1,053 to 1,186"),
        (np.array([[0, 16383]], np.uint16), "0 to 16,383"),
    ],
)
def test_values_of_which_upper_bytes_say_too_little_need_a_window(tmp_path, values, said):
    path = save(tmp_path, Image.fromarray(values), "deep.tif")
    with pytest.raises(DataError, match=rf"deep\.tif can't be decoded: its values are {said}; which of them"):
        decode(path)
    low, high = values.min().item(), values.max().item()
    assert decode(path, window=Window(low, high)).ravel().tolist()[1] >= 254
    assert image_size(path) == (2, 1)


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_channels_of_16_bits_are_upper_bytes_unless_those_are_not_used(tmp_path, channels):
    values = np.random.default_rng(0).integers(0, 65536, (5, 7, channels))
    path = write_png(tmp_path / "deep.png", values)
    assert (decode(path) == values[..., : 3 if channels > 2 else 1] >> 8).all()
    write_png(path, values >> 4)
    with pytest.raises(DataError, match=r"deep\.png can't be decoded: its channels have 16 bits, of which"):
        decode(path)


def test_a_flat_picture_of_16_bits_needs_no_window(tmp_path):
    for value in (0, 300, 65535):
        path = save(tmp_path, Image.fromarray(np.full((2, 2), value, np.uint16)))
        assert (decode(path) == value >> 8).all()


def test_exif_orientation_is_applied(tmp_path):
    picture = Image.fromarray(np.array([[1, 2, 3], [4, 5, 6]], np.uint8) * 20)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    path = save(tmp_path, picture, exif=exif)
    assert decode(path)[..., 0].tolist() == [[80, 20], [100, 40], [120, 60]]
    assert image_size(path) == (2, 3)


def test_first_frame_of_an_animation(tmp_path):
    frames = [Image.new("L", (4, 4), level) for level in (10, 250)]
    path = save(tmp_path, frames[0], "two.gif", save_all=True, append_images=frames[1:])
    assert (decode(path) == 10).all()


def test_load_image_brings_any_channels_to_those_asked_for(tmp_path):
    grey = save(tmp_path, Image.new("L", (9, 7), 50), "grey.png")
    colour = save(tmp_path, Image.new("RGB", (9, 7), RED), "colour.png")
    assert (load_image(grey, 4, 5, 3) == 50).all()
    assert load_image(grey, 4, 5, 3).shape == (4, 5, 3)
    luma = (77 * 200 + 150 * 10 + 29 * 30 + 128) >> 8
    assert (load_image(colour, 4, 5, 1) == luma).all()


@pytest.mark.parametrize("read", [decode, image_size])
@pytest.mark.parametrize("suffix", ["png", "jpg", "gif", "bmp", "tif", "webp"])
def test_truncated_files_are_found(tmp_path, suffix, read):
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    path = save(tmp_path, Image.fromarray(pixels), f"cut.{suffix}")
    read(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with pytest.raises(DataError, match=rf"cut\.{suffix} can't be decoded: ."):
        read(path)


@pytest.mark.parametrize("content", [b"", b"hello", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"])
def test_what_is_no_image_is_refused(tmp_path, content):
    path = tmp_path / "fake.png"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"fake\.png is not an image that edgecnn reads \(BMP, GIF"):
        decode(path)


@pytest.mark.parametrize("dtype", ["f2", "f8"])
def test_a_tiff_that_pillow_does_not_read_is_not_called_another_format(tmp_path, dtype):
    path = write_tiff(tmp_path / "real.tif", np.eye(4), dtype=dtype)
    for read in (decode, image_size, lambda path: decode(path, path.read_bytes())):
        with pytest.raises(DataError, match=r"real\.tif can't be decoded: it is a TIFF whose pixels Pillow"):
            read(path)


def test_missing_file(tmp_path):
    with pytest.raises(DataError, match=r"gone\.png can't be read: No such file"):
        decode(tmp_path / "gone.png")


def test_pixel_bombs_are_refused_before_they_are_decoded(tmp_path, monkeypatch):
    monkeypatch.setattr(images, "MAX_PIXELS", 99)
    path = save(tmp_path, Image.new("L", (10, 10)))
    with pytest.raises(DataError, match="10x10 pixels are more than 99"):
        decode(path)


def test_a_picture_that_pillow_finds_too_large_is_too_large_and_not_damaged():
    with pytest.raises(TooManyPixelsError, match="bomb has far too many pixels; at most 16,000,000"):
        require_pixels(Path("bomb"), b"P5 30000 30000 255\n", 16_000_000)
