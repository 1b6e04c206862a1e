# SPDX-License-Identifier: Apache-2.0
"""What to know of a data set before training: what is in it, what is broken, what makes results lie."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.data.arrays import decode_mask, fit_mask
from edgecnn.data.dataset import PARTS, Dataset
from edgecnn.data.duplicates import Pair, exact_groups, near_pairs
from edgecnn.data.numbers import by, read_numbers
from edgecnn.data.overlap import fingerprints, overlapping
from edgecnn.data.traits import Traits, auc, chance_auc, measure
from edgecnn.progress import Progress, silent

# From here on, one figure alone tells a class so well that a model may have learned nothing else.
SHORTCUT_AUC = 0.85
# The largest class has this many times the images of the smallest: accuracy says little then.
IMBALANCE = 3.0


@dataclass(frozen=True)
class Report:
    """What `check` found; images are indices into dataset.samples."""

    dataset: Dataset
    sizes: dict[str, int]
    """Images per "widthxheight", most frequent first."""
    exact: list[tuple[int, ...]]
    """Groups of images with the same pixels."""
    near: list[Pair]
    """Images that are nearly the same; for each image only its nearest."""
    across: list[Pair]
    """The same or nearly the same images in different parts: leakage."""
    groups_across: list[str]
    """Groups given by the user that lie in several parts: leakage, too."""
    contradictions: list[Pair]
    """The same or nearly the same images in different classes."""
    aucs: dict[str, dict[str, float]]
    """Per trivial figure and class, how well the figure alone tells the class from the rest (0.5 to 1)."""
    figures: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    """Those figures of all images, (N,) each."""
    constant: tuple[int, ...] = ()
    """Channels of numbers that never change in training samples, from 0."""

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """Images per class and part."""
        held = Counter((sample.label, sample.split) for sample in self.dataset.samples)
        return {
            name: {part: held[label, part] for part in PARTS}
            for label, name in enumerate(self.dataset.classes)
        }

    @property
    def imbalance(self) -> float:
        """How many times the smallest class fits into the largest."""
        totals = [sum(parts.values()) for parts in self.counts.values()]
        return max(totals) / min(totals)

    @property
    def leaked(self) -> dict[str, int]:
        """Images of validation and of test that are also in another part."""
        images = {index for pair in self.across for index in (pair.first, pair.second)}
        held = Counter(self.dataset.samples[index].split for index in images)
        return {part: held[part] for part in PARTS[1:]}

    @property
    def shortcuts(self) -> list[tuple[str, str, float]]:
        """Figure, class and AUC, where the figure alone gives the class away."""
        sizes = {name: sum(parts.values()) for name, parts in self.counts.items()}
        total = len(self.dataset.samples)
        return [
            (figure, name, value)
            for figure, classes in self.aucs.items()
            for name, value in classes.items()
            if value >= max(SHORTCUT_AUC, chance_auc(sizes[name], total - sizes[name]))
        ]

    def to_json(self) -> dict[str, Any]:
        """Return everything, files named in full, as what json.dumps takes."""
        names = [self.dataset.name(sample) for sample in self.dataset.samples]
        return {
            "classes": list(self.dataset.classes),
            "images": len(names),
            "counts": self.counts,
            "imbalance": round(self.imbalance, 2),
            "sizes": self.sizes,
            "depth": self._depth(),
            "unreadable": [{"file": name, "reason": why} for name, why in self.dataset.skipped],
            "exact_duplicates": [[names[index] for index in group] for group in self.exact],
            "near_duplicates": [_pair_to_json(pair, names) for pair in self.near],
            "leakage": {
                "images": self.leaked,
                "pairs": [_pair_to_json(pair, names) for pair in self.across],
                "groups": self.groups_across,
            },
            "contradictions": [_pair_to_json(pair, names) for pair in self.contradictions],
            "constant_channels": list(self.constant),
            "auc": {
                figure: {name: round(value, 3) for name, value in classes.items()}
                for figure, classes in self.aucs.items()
            },
            "shortcuts": [
                {"figure": figure, "class": name, "auc": round(value, 3)}
                for figure, name, value in self.shortcuts
            ],
            "fingerprint": self.dataset.fingerprint,
        }

    def _depth(self) -> dict[str, Any] | None:
        """Return what is known of training images of more than 8 bits."""
        values, window = self.dataset.values, self.dataset.window
        if values is None:
            return None
        return {
            "images": values.deep,
            "of": values.pictures,
            "range": list(values.whole),
            "nearly_all": list(values.inner),
            "grey_values_of_upper_bytes": values.grey_values if values.sixteen_bits else None,
            "window": window and str(window),
        }


def _pair_to_json(pair: Pair, names: Sequence[str]) -> dict[str, Any]:
    return {"files": [names[pair.first], names[pair.second]], "similarity": pair.similarity}


def check(dataset: Dataset, progress: Progress = silent) -> Report:
    """Look through a data set for what makes training fail or its results lie.

    Args:
        dataset: as opened; its parts are those that training would use.
        progress: told of every image measured, and of every block of images compared.

    Raises:
        DataError: a file has become unreadable since the data set was opened, or a mask is too dark.
    """
    if dataset.numbers:
        return _check_numbers(dataset, progress)
    samples = dataset.samples
    for sample in samples:
        if sample.mask:
            fit_mask(sample.mask, decode_mask(sample.mask), 1, 1)  # as training will
    traits = measure([sample.path for sample in samples], progress, dataset.window)
    parts, labels = _kinds(dataset)
    exact = exact_groups(traits.digests)
    everywhere = np.arange(len(samples))
    near, across, contradictions = near_pairs(traits.thumbnails, (everywhere, parts, labels), progress)
    return Report(
        dataset,
        _sizes(traits),
        exact,
        [pair for pair in near if traits.digests[pair.first] != traits.digests[pair.second]],
        _with_exact(across, exact, parts),
        _groups_across(dataset),
        _with_exact(contradictions, exact, labels),
        {} if dataset.masks else _aucs(traits, labels, dataset.classes),
        traits.figures,
    )


def _check_numbers(dataset: Dataset, progress: Progress) -> Report:
    """Do what `check` does for numbers: overlap is what is nearly the same, and no figure is a shortcut."""
    parts, labels = _kinds(dataset)
    digests, prints, shapes = [], [], Counter[str]()
    lows, highs = np.float32(np.inf), np.float32(-np.inf)
    for done, sample in enumerate(dataset.samples, 1):
        numbers = read_numbers(sample.path)
        digests.append(hashlib.sha256(repr(numbers.shape).encode() + numbers.tobytes()).hexdigest())
        prints.append(fingerprints(numbers))
        shapes[by(numbers.shape)] += 1
        if sample.split == "train":
            rows = numbers.reshape(-1, numbers.shape[-1])
            lows, highs = np.minimum(lows, rows.min(axis=0)), np.maximum(highs, rows.max(axis=0))
        progress("measuring numbers", done, len(dataset.samples))
    exact = exact_groups(digests)
    near, across, contradictions = overlapping(prints, (np.arange(len(prints)), parts, labels))
    return Report(
        dataset,
        dict(shapes.most_common()),
        exact,
        [pair for pair in near if digests[pair.first] != digests[pair.second]],
        _with_exact(across, exact, parts),
        _groups_across(dataset),
        _with_exact(contradictions, exact, labels),
        {},
        constant=tuple(np.flatnonzero(lows == highs).tolist()),
    )


def _kinds(dataset: Dataset) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the part and the label of each sample, (N,) both."""
    parts = np.array([PARTS.index(sample.split) for sample in dataset.samples], np.int64)
    return parts, np.array([sample.label for sample in dataset.samples], np.int64)


def _with_exact(pairs: list[Pair], exact: list[tuple[int, ...]], kinds: NDArray[np.int64]) -> list[Pair]:
    """Add pairs of equal pixels but different kind: of flat pictures, too, which near_pairs leaves out."""
    equal = []
    for group in exact:
        first_of = {int(kinds[index]): index for index in reversed(group)}
        for index in group:
            other = next((other for kind, other in first_of.items() if kind != kinds[index]), index)
            equal.append((min(index, other), max(index, other)))
    similarity = {(pair.first, pair.second): pair.similarity for pair in pairs}
    similarity.update({ends: 1.0 for ends in equal if ends[0] != ends[1]})
    alike = [Pair(*ends, value) for ends, value in similarity.items()]
    return sorted(alike, key=lambda pair: (-pair.similarity, pair.first, pair.second))


def _sizes(traits: Traits) -> dict[str, int]:
    pairs = zip(traits.figures["width"], traits.figures["height"], strict=True)
    return dict(Counter(f"{int(width)}x{int(height)}" for width, height in pairs).most_common())


def _groups_across(dataset: Dataset) -> list[str]:
    parts = defaultdict(set)
    for sample in dataset.samples:
        parts[sample.group].add(sample.split)
    return sorted(group for group, held in parts.items() if len(held) > 1)


def _aucs(traits: Traits, labels: NDArray[np.int64], classes: Sequence[str]) -> dict[str, dict[str, float]]:
    return {
        figure: {name: auc(values, labels == label) for label, name in enumerate(classes)}
        for figure, values in traits.figures.items()
    }
