# SPDX-License-Identifier: Apache-2.0
"""What a data check found, in words: the same in the terminal, in a report and in a run's record."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from edgecnn.data.check import IMBALANCE, SHORTCUT_AUC, Report
from edgecnn.data.duplicates import Pair


@dataclass(frozen=True)
class Finding:
    """Something that makes training fail or its results lie."""

    title: str
    meaning: str
    lines: Sequence[str]
    """The files or figures it is about, one a line."""

    def __str__(self) -> str:
        """Return it as one sentence."""
        return f"{self.title} ({len(self.lines):,}): {self.meaning}, for example {self.lines[0]}"


def findings(report: Report) -> list[Finding]:
    """Return what is wrong, worst first; nothing where nothing is."""
    held = Counter(sample.split for sample in report.dataset.samples)
    leaked = " and ".join(
        f"{count:,} of {held[part]:,} {part} images" for part, count in report.leaked.items()
    )
    name = report.dataset.name
    exact = [" = ".join(name(report.dataset.samples[index]) for index in group) for group in report.exact]
    shortcuts = [
        f"{figure} tells {label} from the rest: AUC {auc:.2f}" for figure, label, auc in report.shortcuts
    ]
    ratio = f"the largest class has {report.imbalance:.1f} times the images of the smallest"
    found = [
        Finding("Skipped", "files that can't be used", [why for _, why in report.dataset.skipped]),
        Finding(
            "Leakage",
            f"{leaked} are, exactly or nearly, in another part as well, so accuracy will be too good; "
            "give a .csv with the group (patient, scan) of each image",
            _pairs(report, report.across),
        ),
        Finding("Leakage of groups", "groups that lie in several parts", report.groups_across),
        Finding(
            "Contradictions",
            "exactly or nearly the same picture in two classes",
            _pairs(report, report.contradictions),
        ),
        Finding(
            "Shortcuts",
            f"a figure alone gives a class away (AUC of {SHORTCUT_AUC} up); a model may learn nothing else",
            shortcuts,
        ),
        Finding(
            "Imbalance",
            "look at balanced accuracy, and train with class weights",
            [ratio] if report.imbalance >= IMBALANCE else [],
        ),
        Finding("Exact duplicates", "files with the same pixels", exact),
        Finding(
            "Near duplicates",
            "by correlation of the detail, mirrored and turned as well",
            _pairs(report, report.near),
        ),
    ]
    return [finding for finding in found if finding.lines]


def _pairs(report: Report, pairs: Sequence[Pair]) -> list[str]:
    samples, name = report.dataset.samples, report.dataset.name
    ends = [(pair.similarity, samples[pair.first], samples[pair.second]) for pair in pairs]
    return [f"{value:.3f}  {name(a)} ({a.split})  {name(b)} ({b.split})" for value, a, b in ends]
