# SPDX-License-Identifier: Apache-2.0
"""Test pictures in report.html: what a model answers, and where two models answer differently."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgecnn.escape import for_html
from edgecnn.evaluation.html import grid, swatches
from edgecnn.evaluation.summary import percent, variant_title
from edgecnn.values import Count, Share

Picture = npt.NDArray[np.uint8]  # (h, w), (h, w, 1) or (h, w, 3)
Mask = npt.NDArray[np.bool_]  # (h, w, 1)

_BOTH, _SECOND, _FIRST = (40, 190, 110), (230, 70, 40), (60, 120, 255)


@dataclass(frozen=True)
class Example:
    """A picture whose class is known, and what models make of it."""

    png: str  # the picture, as `html.png` has it
    actual: Count  # index of the class
    answers: dict[str, tuple[Count, Share]]  # by variant: index of the class, and its probability

    @property
    def variants(self) -> set[str]:
        """The names of the models."""
        return set(self.answers)


@dataclass(frozen=True)
class MaskExample:
    """A picture under two masks: the known one and a model's, or those of two models."""

    png: str  # the picture as `overlay` colours it
    share: Share  # of its pixels that are foreground, or in which the two models differ
    dice: dict[str, Share]  # of each model's mask with the known one, by variant

    @property
    def variants(self) -> set[str]:
        """The names of the models."""
        return set(self.dice)


def answered(shown: Sequence[Example], classes: Sequence[str]) -> str:
    """Return pictures with what models say of them; HTML."""
    names = list(map(for_html, classes))
    return _pictures([_picture(example, names) for example in shown])


def overlaid_truth(shown: Sequence[MaskExample]) -> str:
    """Return pictures that show how one model's mask matches the known one; HTML."""
    figures = []
    for example in shown:
        share, [dice] = f"{percent(example.share)} is foreground", example.dice.values()
        figures.append(
            _figure(example.png, f"overlay of two masks, {share}", [f"Dice {percent(dice)}", share])
        )
    legend = _legend("in both masks", "marked, and there is nothing", "not marked, and there is something")
    return _pictures(figures, legend)


def overlaid_answers(shown: Sequence[MaskExample], reference: str, chosen: str) -> str:
    """Return pictures that show how the masks of two variants match; HTML."""
    figures = []
    for example in shown:
        share = f"{percent(example.share)} of the pixels differ"
        dice = [
            f"{for_html(variant_title(name))}: Dice {percent(example.dice[name])}"
            for name in (reference, chosen)
        ]
        figures.append(_figure(example.png, f"two models' masks, {share}", [*dice, share]))
    alone = (f"only by {for_html(variant_title(name))}" for name in (chosen, reference))
    return _pictures(figures, _legend("marked by both", *alone))


def overlay(image: Picture, first: Mask, second: Mask) -> Picture:
    """Colour a picture by how two masks match, half transparent: (h, w, 3).

    Where both are it is green, where the second alone is red, where the first alone is blue.
    """
    picture = np.repeat(image, 3 // image.shape[2], axis=2).astype(np.float32)
    for where, colour in (
        (first & second, _BOTH),
        (second & ~first, _SECOND),
        (first & ~second, _FIRST),
    ):
        picture = np.where(where, (picture + colour) / 2, picture)
    return picture.astype(np.uint8)


def _pictures(figures: Sequence[str], legend: str = "") -> str:
    return grid("pictures", figures) + legend if figures else ""


def _legend(*meanings: str) -> str:
    colours = (f"rgb{colour}" for colour in (_BOTH, _SECOND, _FIRST))
    return swatches(dict(zip(colours, meanings, strict=True)))


def _picture(example: Example, names: Sequence[str]) -> str:
    several = len(example.answers) > 1
    lines = [f"actual: {names[example.actual]}"]
    for variant, (predicted, probability) in example.answers.items():
        css, mark = ("right", "✓") if predicted == example.actual else ("wrong", "✗")
        who = for_html(variant_title(variant)) if several else "predicted"
        lines.append(f'<span class="{css}">{mark} {who}: {names[predicted]}, {percent(probability)}</span>')
    said = ", ".join(dict.fromkeys(names[predicted] for predicted, _ in example.answers.values()))
    return _figure(example.png, f"{names[example.actual]}, predicted {said}", lines)


def _figure(png: str, alt: str, lines: Sequence[str]) -> str:
    source, caption = f"data:image/png;base64,{for_html(png)}", "<br>".join(lines)
    return f'<figure><img src="{source}" alt="{alt}"><figcaption>{caption}</figcaption></figure>'
