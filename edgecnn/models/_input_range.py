# SPDX-License-Identifier: Apache-2.0
"""What range of values a network wants its image in: told by what it does to the image before any weights.

That is tried on colours and noise and not read from the steps, as there are many ways to write x / 255 - 1.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

# Scaled by less, 255 levels of a byte become what a network learns from, and of 0 to 1 nothing is left.
# On a scale of ratios, it is the middle between 1/255 and 1.
_WANTS_BYTES = 1 / 16
_SIDE = 32  # of a probe, where a network takes any
Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Colours:
    """What becomes of an image of one colour: matrix (channels in, values out) and offset (values out)."""

    matrix: Values
    offset: Values

    def wants_bytes(self) -> bool:
        """Say whether a network that sees these values was made for 0 to 255, and not 0 to 1."""
        sees = np.abs(self.matrix).max(axis=0) > 0  # the image, and not what lies around it
        if not sees.any():
            return False
        matrix, offset = self.matrix[:, sees], self.offset[sees]
        rising = np.sign(matrix.sum(axis=0))
        white = offset + np.where(matrix * rising > 0, matrix, 0).sum(axis=0)
        # No picture of 0 to 1 has a mean above its white.
        return bool(np.abs(matrix).max() <= _WANTS_BYTES or np.all(white * rising < 0))

    def normalized(self, mean: Values, deviation: Values) -> "Colours":
        """Return what becomes of them by a mean and a standard deviation for each channel, the last side."""
        repeats = len(self.offset) // len(mean)
        mean, deviation = np.tile(mean, repeats), np.tile(deviation, repeats)
        return Colours(self.matrix / deviation, (self.offset - mean) / deviation)

    def is_image(self) -> bool:
        """Say whether each value is that of some channel, neither scaled nor moved."""
        return bool(np.isin(self.matrix, (0, 1)).all() and not self.offset.any())


@dataclass(frozen=True)
class Step:
    """What a network does with tensors, which are known by numbers.

    Attributes:
        name: as the person who made the network knows it; none of what changes nothing.
        takes, makes: tensors.
        fixed: it has no weights.
        statistics: mean and standard deviation of each channel, where it is a batch normalization.
    """

    name: str
    takes: Sequence[int]
    makes: Sequence[int]
    fixed: bool
    statistics: tuple[Values, Values] | None = None


class Beginning:
    """What a network does to its image before any weights."""

    def __init__(
        self,
        image: int,
        shape: Sequence[int | None],
        steps: Sequence[Step],
        run: Callable[[Sequence[int], npt.NDArray[np.float32]], Sequence[Values]],
    ) -> None:
        """Try it.

        Args:
            image: the tensor of the image.
            shape: its height, width and channels.
            steps: in the order in which they are done.
            run: what computes tensors, that are reached by fixed steps alone, of images (n, h, w, c).
        """
        self.image, self.steps = image, steps
        self.probes = _Probes.of(shape)
        makers: dict[int, Step | None] = {image: None}
        for step in steps:
            if step.fixed and step.takes and all(tensor in makers for tensor in step.takes):
                makers |= dict.fromkeys(step.makes, step)
        self._makers = makers
        self.values: Mapping[int, Values] = dict(
            zip(makers, run(list(makers), self.probes.images), strict=True)
        )
        colours = {tensor: self.probes.colours(values) for tensor, values in self.values.items()}
        self.colours = {tensor: found for tensor, found in colours.items() if found is not None}

    def behind(self, tensors: Mapping[int, object]) -> list[int]:
        """Return those of some tensors that a step takes which makes none of them."""
        leaving = [step for step in self.steps if not all(made in tensors for made in step.makes)]
        return [tensor for tensor in tensors if any(tensor in step.takes for step in leaving)]

    def told(self, name: str) -> tuple[bool, list[str]]:
        """Say whether the network wants an image of 0 to 255; with a sentence, unless it is plainly 0 to 1.

        Args:
            name: what the sentence calls the network.
        """
        if scaling := self._scaled_by():
            named = ", ".join(f'"{step}"' for step in scaling)
            return True, [
                f'model "{name}" scales bytes of 0 to 255 by {named}; edgecnn gives it 0 to 1, so they scale '
                "by 255 times as much"
            ]
        if untold := self._untold():
            named = ", ".join(f'"{step}"' for step in untold)
            return False, [
                f'model "{name}" changes its image by {named}, which doesn\'t tell whether it was made for 0 '
                "to 255 or 0 to 1; edgecnn gives it 0 to 1: if it wants bytes, put Rescaling(255.0) first"
            ]
        return False, []

    def is_silent(self) -> bool:
        """Say whether nothing tells: weights, which aren't statistics of the image, meet it as it came."""
        meeting = self.behind(self.colours)
        normalized = any(step.statistics for step in self.steps for tensor in meeting if tensor in step.takes)
        return not normalized and all(self.colours[tensor].is_image() for tensor in meeting)

    def _scaled_by(self) -> list[str]:
        """Return the names of the steps that want an image of 0 to 255; none: it may be one of 0 to 1."""
        for tensor in self.behind(self.colours):
            if self.colours[tensor].wants_bytes():
                return self._names(tensor)
            for step in self.steps:
                if (
                    tensor in step.takes
                    and step.statistics
                    and self.colours[tensor].normalized(*step.statistics).wants_bytes()
                ):
                    return [*self._names(tensor), step.name]
        return []

    def _untold(self) -> list[str]:
        """Return the names of steps whose result depends on the range that comes, and doesn't tell which.

        None, where other steps tell.
        """
        if any(not self.colours[tensor].is_image() for tensor in self.behind(self.colours)):
            return []
        odd = [
            tensor
            for tensor, maker in self._makers.items()
            if maker
            and tensor not in self.colours
            and all(taken in self.colours for taken in maker.takes)
            and not self.probes.keeps_scale(self.values[tensor])
        ]
        return self._names(odd[0]) if odd else []

    def _names(self, tensor: int) -> list[str]:
        """Return the names of the steps that make a tensor of the image, in order."""
        needed, names = {tensor}, list[str]()
        for step in reversed(self.steps):
            if not needed.isdisjoint(step.makes):
                needed |= set(step.takes)
                names.append(step.name)
        return list(dict.fromkeys(reversed(names)))


@dataclass(frozen=True)
class _Probes:
    """Images: black; each channel alone and a mixture, of 0 to 255 and of 0 to 1; noise, of both."""

    images: npt.NDArray[np.float32]

    @staticmethod
    def of(shape: Sequence[int | None]) -> "_Probes":
        height, width, channels = (side or _SIDE for side in shape)
        colours = np.vstack([np.eye(channels), np.linspace(0.2, 0.7, channels)])
        flat = np.vstack([np.zeros((1, channels)), 255 * colours, colours])
        noise = np.random.default_rng(0).random((1, height, width, channels))
        plain = np.broadcast_to(flat[:, None, None], (len(flat), height, width, channels))
        return _Probes(np.concatenate([plain, 255 * noise, noise]).astype(np.float32))

    @property
    def noise(self) -> npt.NDArray[np.float32]:
        """Return the noise of 0 to 255, and the same of 0 to 1."""
        return self.images[-2:]

    def colours(self, values: Values) -> Colours | None:
        """Return what becomes of colours of 0 to 255, or else of 0 to 1; None where that isn't affine."""
        if values.shape[:1] != (len(self.images),):
            return None  # the shape of a batch, say
        flat, channels = values.reshape(len(values), -1), self.images.shape[-1]
        for first, level in ((1, 255), (channels + 2, 1)):
            matrix = (flat[first : first + channels] - flat[0]) / level
            mixture = self.images[first + channels, 0, 0] @ matrix + flat[0]
            if is_close(flat[first + channels], mixture):
                return Colours(matrix, flat[0])
        return None

    def keeps_scale(self, values: Values) -> bool:
        """Say whether of 0 to 255 comes what comes of 0 to 1, or 255 times of it."""
        if values.shape[:1] != (len(self.images),):
            return True
        bytes_, unit = values[-2:]
        return is_close(bytes_, unit) or is_close(bytes_, 255 * unit)


def is_close(values: Values, expected: Values) -> bool:
    """Say whether values are the same, to what sums of float32 leave."""
    return bool(np.abs(values - expected).max() <= 1e-4 * np.abs(expected).max() + 1e-7)
