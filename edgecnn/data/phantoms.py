# SPDX-License-Identifier: Apache-2.0
"""The built-in data: synthetic pictures that look somewhat like CT slices of a chest, in three classes.

A picture is drawn from a random generator: body, lungs, heart, spine, ribs, vessels, and in two of the
classes one nodule. They are hard in the ways the real task is: vessels seen end-on look like small nodules,
nodules may hide behind the heart or at the chest wall, and benign and malignant ones differ in how size,
border, spicules, texture and calcification are distributed, never in one of them for sure. Zoom, rotation,
brightness, blur and noise know nothing of the class.

The pictures show nobody, and a model trained on them says nothing about anybody.

Lengths are in half widths of the body, angles in radians, brightness from 0 (air) to 1 (bone).
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from edgecnn.data.images import FORMATS
from edgecnn.errors import DataError
from edgecnn.files import real_path, replacing
from edgecnn.progress import Progress, silent

CLASSES = ("benign", "malignant", "normal")
SIZE = 64
NOTE = "Synthetic: a phantom drawn by edgecnn from random numbers, not a picture of a patient."

Plane = NDArray[np.float32]
Points = NDArray[np.float64]

# Bilinear interpolation from 17 to SIZE samples, as a matrix.
_TENTS = np.maximum(0, 1 - np.abs(np.linspace(0, 16, SIZE)[:, None] - np.arange(17))).astype(np.float32)
# Sums the two neighbours of each of SIZE samples; the border is its own neighbour.
_NEIGHBOURS = np.eye(SIZE, k=1, dtype=np.float32) + np.eye(SIZE, k=-1, dtype=np.float32)
_NEIGHBOURS[0, 0] = _NEIGHBOURS[-1, -1] = 1

# Vessels: how many leave a lung's root, points along each, and how the paths grow thinner.
_TRUNKS, _STEPS = 5, 28
_TAPER = np.tile(np.linspace(0.9, 0.2, _STEPS), 2 * _TRUNKS)


def phantom(label: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw one synthetic picture of a class (an index into CLASSES): (64, 64) grey bytes."""
    return phantom_with_mask(label, rng)[0]


def phantom_with_mask(label: int, rng: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Draw one synthetic picture and the mask of its nodule, 0 and 255, both (64, 64)."""
    drawing = _Drawing(rng)
    lungs = _draw_chest(drawing, rng)
    _draw_vessels(drawing, lungs, rng)
    nodule = np.zeros((SIZE, SIZE), np.float32)
    if CLASSES[label] != "normal":
        nodule = _draw_nodule(drawing, lungs[rng.integers(2)], CLASSES[label] == "malignant", rng)
    _draw_heart(drawing, rng)
    _draw_bones(drawing, rng)
    return _photograph(drawing.image, rng), np.where(nodule >= 0.5, np.uint8(255), np.uint8(0))


def write_phantoms(
    directory: Path, counts: Mapping[str, int], seed: int, progress: Progress = silent, *, masks: bool = False
) -> None:
    """Write phantoms as PNG files into `directory`/split/class/, and a README.txt that calls them synthetic.

    Args:
        directory: made here; it may exist only if it is empty.
        counts: images per split ("train", "validation", "test"), shared evenly among the classes.
        seed: an image depends on the seed, its split and its number only, not on how many there are. On
            another processor or NumPy a pixel may differ by one level, where arithmetic rounds differently.
        progress: told of every image.
        masks: write the same pictures to split/images/ and the masks of their nodules to split/masks/, in
            place of class folders.

    Raises:
        DataError: `directory` holds something, or a count leaves a class without an image.
    """
    directory = real_path(directory)
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise DataError(f"{directory} is there and is not an empty folder; give a new one")
    for split, count in counts.items():
        if count < len(CLASSES):
            raise DataError(
                f"{count} phantoms for {split} are too few; give at least {len(CLASSES)}, one per class"
            )
    done, total = 0, sum(counts.values())
    with replacing(directory) as folder:
        _require_place(folder, directory)
        for split, count in counts.items():
            for name in ("images", "masks") if masks else CLASSES:
                (folder / split / name).mkdir(parents=True)
            for index in range(count):
                _write_phantom(folder / split, split, index, seed, masks)
                done += 1
                progress("drawing phantoms", done, total)
        (folder / "README.txt").write_text(_README.format(total=total, seed=seed))


def _require_place(new: Path, directory: Path) -> None:
    """Put an empty folder where the pictures will be: what prevents that is told before they are drawn."""
    was_there = directory.is_dir()
    new.mkdir()
    os.replace(new, directory)
    if not was_there:
        directory.rmdir()


_README = """\
{total} synthetic pictures, drawn by `edgecnn data phantoms` from seed {seed}.

They look somewhat like CT slices of a chest: normal, or with a benign or malignant nodule. They show nobody.
They are for testing, teaching and benchmarks; a model trained on them is not for diagnosis.
"""


def is_phantom(path: Path) -> bool:
    """Say whether an image file was written by `write_phantoms`."""
    if path.suffix != ".png":  # DICOM, say, which Pillow doesn't open
        return False
    with Image.open(path, formats=FORMATS) as image:
        return bool(image.info.get("Description") == NOTE)


def _write_phantom(folder: Path, split: str, index: int, seed: int, masks: bool) -> None:
    label = index % len(CLASSES)
    rng = np.random.default_rng([seed, *split.encode(), index])
    note = PngInfo()
    note.add_text("Description", NOTE)
    name = f"{CLASSES[label]}-{index // len(CLASSES):05}.png"
    picture, mask = phantom_with_mask(label, rng)
    Image.fromarray(picture).save(folder / ("images" if masks else CLASSES[label]) / name, pnginfo=note)
    if masks:
        Image.fromarray(mask).save(folder / "masks" / name, pnginfo=note)


class _Drawing:
    """A picture being drawn, its field of view, rotation and position, which know nothing of the class."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.image: Plane = np.full((SIZE, SIZE), 0.02, np.float32)
        self.pixel = 2 / SIZE * rng.uniform(0.72, 0.9)
        """The width of a pixel."""
        self._centre = rng.normal(0, 0.03, (2, 1))
        angle = rng.normal(0, 0.05)
        self._turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        pixels = np.indices((SIZE, SIZE))[::-1].reshape(2, -1) - (SIZE - 1) / 2
        places = self._turn @ pixels * self.pixel + self._centre
        self.x, self.y = places.astype(np.float32).reshape(2, SIZE, SIZE)
        """Where the pixels are in the body: to the right, and towards the back."""

    def to_pixels(self, points: Points) -> Points:
        """Turn points of the body (2, N) into columns and rows (2, N)."""
        return self._turn.T @ (points - self._centre) / self.pixel + (SIZE - 1) / 2

    def paint(self, inside: Plane, brightness: float | Plane) -> None:
        """Lay a brightness over the pixels, as far as they are inside (0 to 1) of something."""
        self.image += inside * (brightness - self.image)

    def soft(self, distance: Plane) -> Plane:
        """Turn a distance from an edge, negative inside, into how far each pixel is inside, 0 to 1."""
        inside: Plane = np.clip(0.5 - distance / np.float32(self.pixel), 0, 1)
        return inside

    def ellipse(
        self, centre: Points | tuple[float, float], radii: tuple[float, float], tilt: float = 0
    ) -> Plane:
        """Return how far each pixel is inside an ellipse, 0 to 1."""
        cos, sin = np.cos(tilt), np.sin(tilt)
        matrix = np.array([[cos, sin], [-sin, cos]]) / np.array(radii)[:, None]
        (a, b), (c, d) = matrix.astype(np.float32)
        x, y = self.x - np.float32(centre[0]), self.y - np.float32(centre[1])
        return self.soft((_length(a * x + b * y, c * x + d * y) - 1) * np.float32(min(radii)))


@dataclass(frozen=True)
class _Lung:
    side: int
    """-1 on the left of the picture, 1 on the right."""
    centre: Points
    radii: tuple[float, float]
    inside: Plane
    """How far each pixel is inside, 0 to 1."""

    def places(self, rng: np.random.Generator, count: int, reach: float) -> Points:
        """Return random points (2, count), up to a fraction `reach` of the way from centre to edge."""
        along, angle = reach * np.sqrt(rng.random(count)), rng.uniform(0, 2 * np.pi, count)
        offset = along * _direction(angle) * np.array(self.radii)[:, None]
        return np.asarray(self.centre[:, None] + offset)


def _draw_chest(drawing: _Drawing, rng: np.random.Generator) -> list[_Lung]:
    height, fat, level = rng.uniform(0.66, 0.8), rng.uniform(0.04, 0.12), rng.uniform(0.75, 1)
    drawing.paint(drawing.ellipse((0, 0), (1, height)), rng.uniform(0.36, 0.44))
    drawing.paint(drawing.ellipse((0, 0), (1 - fat, height - fat)), rng.uniform(0.52, 0.6))
    air = rng.uniform(0.12, 0.2) + 0.03 * _clouds(rng)
    lungs = []
    for side in (-1, 1):
        centre = np.array([side * rng.uniform(0.44, 0.48), rng.normal(0, 0.02)])
        radii = (level * rng.uniform(0.34, 0.4), level * (height - fat - 0.1) * rng.uniform(0.85, 0.97))
        inside = drawing.ellipse(centre, radii, side * rng.uniform(-0.05, 0.2))
        lungs.append(_Lung(side, centre, radii, inside))
        drawing.paint(inside, air)
    return lungs


def _draw_vessels(drawing: _Drawing, lungs: list[_Lung], rng: np.random.Generator) -> None:
    """Draw branching vessels from the root of each lung outwards, and some seen end-on."""
    brightness = rng.uniform(0.32, 0.42)
    for lung in lungs:
        density = _lines(drawing.to_pixels(_branches(lung, rng)))
        ends = lung.places(rng, rng.integers(1, 5), 0.9)
        radii = 0.02 + rng.exponential(0.008, ends.shape[1])
        density += _dots(drawing.to_pixels(ends), radii / drawing.pixel)
        drawing.paint(lung.inside * (1 - np.exp(-density)), brightness)


def _branches(lung: _Lung, rng: np.random.Generator) -> Points:
    """Return curved paths (2, 2 * _TRUNKS * _STEPS): trunks that fan out from a lung's root, and forks."""
    root = lung.centre - np.array([0.8 * lung.side * lung.radii[0], 0])
    outwards = 0 if lung.side > 0 else np.pi
    step = rng.uniform(0.35, 0.85, (_TRUNKS, 1)) / _STEPS
    bend = rng.normal(0, 0.5, (_TRUNKS, 1)) * np.arange(_STEPS) / _STEPS
    angle = outwards + rng.uniform(-1.4, 1.4, (_TRUNKS, 1)) + bend
    trunk = root[:, None, None] + np.cumsum(_direction(angle) * step, axis=2)
    fork = np.arange(_TRUNKS), rng.integers(_STEPS // 4, _STEPS // 2, _TRUNKS)
    turn = rng.choice((-1, 1), _TRUNKS) * rng.uniform(0.3, 0.8, _TRUNKS)
    ways = _direction((angle[fork] + turn)[:, None] - bend)
    branch = trunk[:, fork[0], fork[1], None] + np.cumsum(ways * step * 0.6, axis=2)
    paths: Points = np.concatenate([trunk, branch], axis=1)
    return paths.reshape(2, -1)


def _direction(angle: Points) -> Points:
    return np.array([np.cos(angle), np.sin(angle)])


def _lines(points: Points) -> Plane:
    """Return the density of paths that grow thinner, given as columns and rows (2, N) of steps of each."""
    column, row = np.clip(points, 0, SIZE - 1.001)
    left, top = column.astype(np.int64), row.astype(np.int64)
    x, y = column - left, row - top
    # Each point is shared among the four pixels around it.
    shares = np.array([(1 - x) * (1 - y), x * (1 - y), (1 - x) * y, x * y]) * _TAPER
    pixels = top * SIZE + left + np.array([[0], [1], [SIZE], [SIZE + 1]])
    density = np.bincount(pixels.ravel(), shares.ravel(), SIZE * SIZE)
    return density.reshape(SIZE, SIZE).astype(np.float32)


def _dots(points: Points, radii: Points) -> Plane:
    """Return the density of round bumps at columns and rows (2, N), of radii (N,) in pixels."""
    offset = (np.arange(SIZE)[:, None, None] - points) / radii
    column, row = np.exp(-0.7 * offset * offset).transpose(1, 0, 2)
    return np.asarray(3 * row @ column.T, np.float32)


def _draw_nodule(drawing: _Drawing, lung: _Lung, malignant: bool, rng: np.random.Generator) -> Plane:
    """Draw a nodule, and return how far each pixel is inside it.

    Malignant ones tend to the far end of each trait, benign ones to the near end.
    """
    traits = rng.beta(7, 1.5, 4) if malignant else rng.beta(1.5, 7, 4)
    radius, lobes, spicules, texture = (traits * (0.15, 0.3, 0.9, 0.12) + (0.085, 0, 0, 0)).tolist()
    centre = lung.places(rng, 1, 0.7)[:, 0]
    x, y = drawing.x - np.float32(centre[0]), drawing.y - np.float32(centre[1])
    distance, angle = _length(x, y), np.arctan2(y, x)
    edge = 1 + lobes * (0.6 * _wave(angle, 2, rng) + 0.4 * _wave(angle, rng.integers(3, 6), rng))
    rays = edge + spicules * np.maximum(0, _wave(angle, rng.integers(5, 9), rng)) ** 4
    body, thorns = (drawing.soft(distance - np.float32(radius) * reach) for reach in (edge, rays))
    drawing.paint(np.maximum(body, np.float32(0.6) * thorns), rng.uniform(0.55, 0.7) + texture * _clouds(rng))
    if rng.random() < (0.05 if malignant else 0.3):
        core = radius * rng.uniform(0.3, 0.6)
        drawing.paint(drawing.ellipse(centre, (core, core)), rng.uniform(0.75, 0.95))  # calcified
    return body


def _length(x: Plane, y: Plane) -> Plane:
    length: Plane = np.sqrt(x * x + y * y)  # several times faster than np.hypot
    return length


def _wave(angle: Plane, periods: int, rng: np.random.Generator) -> Plane:
    wave: Plane = np.cos(np.float32(periods) * angle + np.float32(rng.uniform(0, 2 * np.pi)))
    return wave


def _draw_heart(drawing: _Drawing, rng: np.random.Generator) -> None:
    """Draw heart, descending aorta and windpipe."""
    brightness = rng.uniform(0.54, 0.64)
    centre = (rng.uniform(0, 0.14), rng.uniform(-0.2, 0))
    radii = (rng.uniform(0.12, 0.25), rng.uniform(0.14, 0.24))
    drawing.paint(drawing.ellipse(centre, radii, 0.5), brightness)
    drawing.paint(drawing.ellipse((0.13, 0.24), (0.085, 0.085)), brightness + 0.04)
    drawing.paint(drawing.ellipse((0, 0.05), (rng.uniform(0.01, 0.08), 0.05)), 0.1)


def _draw_bones(drawing: _Drawing, rng: np.random.Generator) -> None:
    """Draw spine and ribs."""
    brightness = rng.uniform(0.8, 1)
    drawing.paint(drawing.ellipse((0, 0.42), (0.14, 0.12)), brightness)
    drawing.paint(drawing.ellipse((0, 0.44), (0.09, 0.07)), brightness - 0.2)
    pieces = np.clip(3 * _wave(np.arctan2(drawing.y, drawing.x), rng.integers(7, 11), rng) - 1, 0, 1)
    distance = _length(drawing.x, drawing.y / np.float32(0.72)) - np.float32(0.88)
    drawing.paint(drawing.soft(np.abs(distance) - np.float32(0.03)) * pieces, brightness)


def _photograph(image: Plane, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Add blur, noise, brightness and contrast, which know nothing of the class."""
    noise = rng.uniform(0.005, 0.025) * rng.standard_normal((SIZE, SIZE), np.float32)
    image = _blurred(image, rng.uniform(0, 0.25)) + _blurred(noise, rng.uniform(0, 0.2))
    image = rng.uniform(0.85, 1.1) * image + rng.uniform(0, 0.08)
    return np.asarray(np.clip(np.rint(255 * image), 0, 255), np.uint8)


def _blurred(image: Plane, weight: float) -> Plane:
    """Blur rows and columns by the taps weight, 1 - 2 * weight, weight."""
    blur = np.float32(1 - 2 * weight) * np.eye(SIZE, dtype=np.float32) + np.float32(weight) * _NEIGHBOURS
    blurred: Plane = blur @ image @ blur.T
    return blurred


def _clouds(rng: np.random.Generator) -> Plane:
    """Return smooth random texture, (64, 64), of mean 0 and a deviation of about 2/3."""
    coarse = rng.standard_normal((_TENTS.shape[1], _TENTS.shape[1]), np.float32)
    clouds: Plane = _TENTS @ coarse @ _TENTS.T
    return clouds
