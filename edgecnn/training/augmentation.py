# SPDX-License-Identifier: Apache-2.0
"""Random geometry for training images, a function of seed, epoch and image alone.

All of it is one projective transform an image, so that nothing is resampled twice, and the
numbers are drawn with NumPy, so that a resumed training sees the very same pictures.
"""

from dataclasses import dataclass, fields
from math import inf
from typing import Any

import numpy as np
import numpy.typing as npt

from edgecnn.errors import DataError, did_you_mean


@dataclass(frozen=True)
class Augmentation:
    """How far an image may be moved; zero everywhere leaves it alone."""

    rotation: float = 0.0  # degrees to either side
    shift: float = 0.0  # part of height and width to either side
    zoom: float = 0.0  # part of the size to either side
    shear: float = 0.0  # part of the height that a row may move to either side
    flip: bool = False  # left and right exchanged in half of the images
    brightness: float = 0.0  # part of the full range to either side

    def transforms(
        self, count: int, height: int, width: int, seed: int, epoch: int
    ) -> npt.NDArray[np.float32]:
        """Return (count, 8) coefficients for tf.raw_ops.ImageProjectiveTransformV3 (output to input).

        The matrix is T(centre + shift) @ rotation @ shear @ scale @ T(-centre).
        """
        draw = np.random.default_rng((seed, epoch, 1))
        angle = np.radians(self.rotation) * draw.uniform(-1, 1, count)
        dy, dx = (self.shift * side * draw.uniform(-1, 1, count) for side in (height, width))
        scale = 1 + self.zoom * draw.uniform(-1, 1, count)
        shear = self.shear * draw.uniform(-1, 1, count)
        mirror = np.where(draw.random(count) < 0.5 * self.flip, -1.0, 1.0)
        cos, sin = np.cos(angle), np.sin(angle)
        a, b = scale * cos * mirror, scale * (cos * shear - sin)
        c, d = scale * sin * mirror, scale * (sin * shear + cos)
        cy, cx = (height - 1) / 2, (width - 1) / 2
        zero = np.zeros(count)
        columns = [a, b, cx + dx - a * cx - b * cy, c, d, cy + dy - c * cx - d * cy, zero, zero]
        return np.array(columns, np.float32).T

    def offsets(self, count: int, seed: int, epoch: int) -> npt.NDArray[np.float32]:
        """Return what is added to each image's values (0..1)."""
        draw = np.random.default_rng((seed, epoch, 2))
        return (self.brightness * draw.uniform(-1, 1, count)).astype(np.float32)


NONE = Augmentation()


def augment(images: Any, transforms: Any, offsets: Any) -> Any:
    """Move float images (n, h, w, c) in 0..1; what comes in at the borders repeats the outermost pixels."""
    from edgecnn.tf import tf

    moved = tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=transforms,
        output_shape=tf.shape(images)[1:3],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="NEAREST",
    )
    return tf.clip_by_value(moved + offsets[:, tf.newaxis, tf.newaxis, tf.newaxis], 0.0, 1.0)


def parse_augmentation(text: str) -> Augmentation:
    """Read "rotation=10,shift=0.1,flip" as an Augmentation, and "none" as one that moves nothing.

    Raises:
        DataError: a name or value that isn't one.
    """
    known = {f.name: f.type for f in fields(Augmentation)}
    values: dict[str, Any] = {}
    for part in [] if text == "none" else text.split(","):
        name, _, value = part.strip().partition("=")
        try:
            values[name] = True if name == "flip" and not value else float(value)
        except ValueError:
            values[name] = -1
        if name not in known or not 0 <= values[name] < inf or (name == "flip" and value):
            allowed = ", ".join(n if n == "flip" else f"{n}=NUMBER" for n in known)
            near = did_you_mean(name, known) if name not in known else ""
            raise DataError(f'augmentation "{part}" is not one of: {allowed}.{near}')
    return Augmentation(**values)
