# SPDX-License-Identifier: Apache-2.0
"""Test pictures in report.html: what a model answers, and where two models answer differently."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgecnn.escape import for_html
from edgecnn.evaluation.html import data_uri, grid, note
from edgecnn.evaluation.summary import percent, variant_title

Picture = npt.NDArray[np.uint8]  # (h, w), (h, w, 1) or (h, w, 3)
Mask = npt.NDArray[np.bool_]  # (h, w, 1)
Answer = tuple[int, float]  # the index of the class that a model gives, and its probability

_BOTH, _SECOND, _FIRST = (40, 190, 110), (230, 70, 40), (60, 120, 255)


@dataclass(frozen=True)
class Example:
    """A picture whose class is known, and what models make of it."""

    image: Picture
    actual: int  # index of the class
    answers: Mapping[str, Answer]  # by variant


@dataclass(frozen=True)
class MaskExample:
    """A picture with its mask and what models mark in it."""

    image: Picture
    actual: Mask
    marked: Mapping[str, Mask]  # by variant
    dice: Mapping[str, float]  # of each with `actual`, 0 to 1


def examples(shown: Sequence[Example | MaskExample], classes: Sequence[str]) -> str:
    """Return pictures, each with one model's answer, or with its mask laid over the known one; HTML."""
    figures = [
        _truth(one) if isinstance(one, MaskExample) else _picture(one, list(map(for_html, classes)))
        for one in shown
    ]
    if not figures:
        return ""
    masks = any(isinstance(one, MaskExample) for one in shown)
    legend = _legend("in both masks", "marked, and there is nothing", "not marked, and there is something")
    return grid("pictures", figures) + (legend if masks else "")


def disagreements(shown: Sequence[Example | MaskExample], classes: Sequence[str]) -> str:
    """Return pictures of which two models say different things; HTML."""
    figures = [
        _difference(one) if isinstance(one, MaskExample) else _picture(one, list(map(for_html, classes)))
        for one in shown
    ]
    if not figures:
        return ""
    masks = [one for one in shown if isinstance(one, MaskExample)]
    titles = [for_html(variant_title(name)) for one in masks[:1] for name in one.marked]
    legend = _legend("marked by both", *(f"only by {title}" for title in reversed(titles))) if masks else ""
    return grid("pictures", figures) + legend


def _legend(*meanings: str) -> str:
    swatches = (
        f'<span class="swatch" style="background: rgb{colour}"></span>{meaning}'
        for colour, meaning in zip((_BOTH, _SECOND, _FIRST), meanings, strict=True)
    )
    return note("&ensp; ".join(swatches))


def _picture(one: Example, names: Sequence[str]) -> str:
    several = len(one.answers) > 1
    lines = [f"actual: {names[one.actual]}"]
    for variant, (predicted, probability) in one.answers.items():
        css, mark = ("right", "✓") if predicted == one.actual else ("wrong", "✗")
        who = for_html(variant_title(variant)) if several else "predicted"
        lines.append(f'<span class="{css}">{mark} {who}: {names[predicted]}, {percent(probability)}</span>')
    said = ", ".join(dict.fromkeys(names[predicted] for predicted, _ in one.answers.values()))
    return _figure(one.image, f"{names[one.actual]}, predicted {said}", lines)


def _truth(one: MaskExample) -> str:
    """Show how one model's mask matches the known one."""
    [(variant, marked)] = one.marked.items()
    share = f"{percent(float(one.actual.mean()))} is foreground"
    picture = _overlay(one.image, one.actual, marked)
    return _figure(picture, f"overlay of two masks, {share}", [f"Dice {percent(one.dice[variant])}", share])


def _difference(one: MaskExample) -> str:
    """Show how the masks of two models match."""
    first, second = one.marked.values()
    share = f"{percent(float((first != second).mean()))} of the pixels differ"
    dice = [f"{for_html(variant_title(name))}: Dice {percent(value)}" for name, value in one.dice.items()]
    return _figure(_overlay(one.image, first, second), f"two models' masks, {share}", [*dice, share])


def _overlay(image: Picture, first: Mask, second: Mask) -> Picture:
    """Colour a picture by how two masks match, half transparent."""
    picture = np.repeat(image, 3 // image.shape[2], axis=2).astype(np.float32)
    for where, colour in (
        (first & second, _BOTH),
        (second & ~first, _SECOND),
        (first & ~second, _FIRST),
    ):
        picture = np.where(where, (picture + colour) / 2, picture)
    return picture.astype(np.uint8)


def _figure(image: Picture, alt: str, lines: Sequence[str]) -> str:
    caption = "<br>".join(lines)
    return f'<figure><img src="{data_uri(image)}" alt="{alt}"><figcaption>{caption}</figcaption></figure>'
