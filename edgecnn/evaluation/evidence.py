# SPDX-License-Identifier: Apache-2.0
"""What evidence.json holds: what was counted and seen on the test images, which report.html shows.

Only of two variants: the one that a run ended in, and its reference.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edgecnn.errors import RunError
from edgecnn.evaluation.binary import CurveCounts
from edgecnn.evaluation.groups import GroupScores
from edgecnn.evaluation.pictures import Example, MaskExample
from edgecnn.evaluation.results import RunMetrics
from edgecnn.values import Count, construct, read_json

Confusion = tuple[tuple[Count, ...], ...]  # images by actual class (rows) and predicted class (columns)


@dataclass(frozen=True)
class _Evidence:
    """What there is of classes and of masks."""

    groups: GroupScores | None  # of images that come in groups
    difference: str | None  # a sentence on how often the two differ; None where they are the same model


@dataclass(frozen=True)
class ClassEvidence(_Evidence):
    """How models tell classes apart."""

    confusion: dict[str, Confusion]  # by variant
    curves: dict[str, CurveCounts]  # by variant, where there are two classes
    examples: tuple[Example, ...]  # with the answers of the chosen variant
    differing: tuple[Example, ...]  # pictures to which the two give other answers


@dataclass(frozen=True)
class MaskEvidence(_Evidence):
    """How models mark pixels."""

    examples: tuple[MaskExample, ...]  # the chosen variant's masks over the known ones
    differing: tuple[MaskExample, ...]  # the two variants' masks over each other


def read_evidence(path: Path, metrics: RunMetrics) -> ClassEvidence | MaskEvidence:
    """Return what was seen of a run that has these figures.

    Raises:
        RunError: the file can't be read, or is damaged.
    """
    kind = MaskEvidence if metrics.masks else ClassEvidence
    content = read_json(path, kind, "what was seen of a run", RunError)
    evidence: ClassEvidence | MaskEvidence = construct(content, kind)
    if unlike := next(_unlike(evidence, metrics), None):
        raise RunError(f"{path} is damaged: its {unlike} are not those of {path.with_name('metrics.json')}")
    return evidence


def _unlike(evidence: ClassEvidence | MaskEvidence, metrics: RunMetrics) -> Iterator[str]:
    """Yield what of the evidence doesn't fit the figures."""
    pair = {metrics.reference, metrics.chosen}
    if evidence.groups is not None and not _is_of(evidence.groups, pair):
        yield "groups"
    if isinstance(evidence, ClassEvidence):
        yield from _unlike_classes(evidence, pair, len(metrics.classes))
    alone = all(example.variants == {metrics.chosen} for example in evidence.examples)
    if not (alone and all(example.variants == pair for example in evidence.differing)):
        yield "pictures"


def _unlike_classes(evidence: ClassEvidence, pair: set[str], classes: int) -> Iterator[str]:
    square = all(
        len(confusion) == classes and all(len(row) == classes for row in confusion)
        for confusion in evidence.confusion.values()
    )
    if set(evidence.confusion) != pair or not square:
        yield "counts of answers"
    if evidence.curves and not (
        set(evidence.curves) == pair and all(counts.are_whole() for counts in evidence.curves.values())
    ):
        yield "curves"
    for example in (*evidence.examples, *evidence.differing):
        if any(
            index >= classes for index in (example.actual, *(said for said, _ in example.answers.values()))
        ):
            yield "pictures"


def _is_of(groups: GroupScores, pair: set[str]) -> bool:
    columns = (groups.images, *groups.means.values())
    whole = all(len(column) == len(groups.names) > 0 for column in columns)
    return whole and set(groups.means) == pair
