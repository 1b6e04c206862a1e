# SPDX-License-Identifier: Apache-2.0
"""What a data check found, in words: the same in the terminal, in a report and in a run's record."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from edgecnn.data.check import IMBALANCE, SHORTCUT_AUC, Report
from edgecnn.data.duplicates import Pair
from edgecnn.data.sieve import kinds_of_unusable

SHOWN = 5  # names of files, of each finding


@dataclass(frozen=True)
class Finding:
    """Something that makes training fail or its results lie."""

    title: str
    meaning: str
    lines: Sequence[str]
    """The files or figures it is about, one a line."""
    names: int = 1
    """How many files a line names."""

    @property
    def shown(self) -> Sequence[str]:
        """The lines that a terminal shows: few names; the report as JSON has all."""
        return self.lines[: max(1, SHOWN // self.names)]

    def __str__(self) -> str:
        """Return it as one sentence."""
        return f"{self.title} ({len(self.lines):,}): {self.meaning}, for example {self.lines[0]}"


def findings(report: Report) -> list[Finding]:
    """Return what is wrong, worst first; nothing where nothing is."""
    held = Counter(sample.split for sample in report.dataset.samples)
    leaked = " and ".join(
        f"{count:,} of {held[part]:,} {part} {'samples' if report.dataset.numbers else 'images'}"
        for part, count in report.leaked.items()
    )
    name, values = report.dataset.name, report.dataset.values
    exact = [_equal([name(report.dataset.samples[index]) for index in group]) for group in report.exact]
    shortcuts = [
        f"{figure} tells {label} from the rest: AUC {auc:.2f}" for figure, label, auc in report.shortcuts
    ]
    numbers = report.dataset.numbers
    alike = (
        "windows that have moments in common"
        if numbers
        else "by correlation of the detail, mirrored and turned as well"
    )
    constant = [f"channel {channel}" for channel in report.constant]
    ratio = f"the largest class has {report.imbalance:.1f} times the images of the smallest"
    found = [
        Finding("Skipped", "files that can't be used", _each_kind_first(report.dataset.skipped)),
        Finding(
            "Depth",
            f"upper bytes would not do; the window is {report.dataset.window}, unless --window says another",
            [str(values)] if values and values.needs_window and report.dataset.window else [],
        ),
        Finding(
            "Mixed depth",
            "a window changes only images of more than 8 bits, and the others may look unlike them",
            [str(values)] if values and values.deep < values.pictures else [],
        ),
        Finding(
            "Windows",
            "the window that the file names leaves it black and white; --window auto or LOW:HIGH is for all",
            values.clipped if values and not report.dataset.window else (),
        ),
        Finding(
            "Leakage",
            f"{leaked} are, exactly or nearly, in another part as well, so accuracy will be too good; "
            f"give a .csv with the group ({'person, recording' if numbers else 'patient, scan'}) of each "
            f"{'sample' if numbers else 'image'}",
            _pairs(report, report.across),
            names=2,
        ),
        Finding("Leakage of groups", "groups that lie in several parts", report.groups_across),
        Finding(
            "Contradictions",
            f"exactly or nearly the same {'numbers' if numbers else 'picture'} in two classes",
            _pairs(report, report.contradictions),
            names=2,
        ),
        Finding(
            "Shortcuts",
            f"a figure alone gives a class away (AUC of {SHORTCUT_AUC} up); a model may learn nothing else",
            shortcuts,
        ),
        Finding("Constant channels", "they never change in training samples; leave them out", constant),
        Finding(
            "Imbalance",
            "look at balanced accuracy, and train with class weights",
            [ratio] if report.imbalance >= IMBALANCE else [],
        ),
        Finding(
            "Exact duplicates", f"files with the same {'numbers' if numbers else 'pixels'}", exact, names=2
        ),
        Finding(
            "Overlap" if numbers else "Near duplicates",
            alike,
            _pairs(report, report.near),
            names=2,
        ),
    ]
    return [finding for finding in found if finding.lines]


def _equal(names: Sequence[str]) -> str:
    """Name two files of a group."""
    more = f" and {len(names) - 2:,} more" if len(names) > 2 else ""
    return f"{names[0]} = {names[1]}{more}"


def _each_kind_first(skipped: Sequence[tuple[str, str]]) -> list[str]:
    """Return why files are skipped, the first file of each kind before the others."""
    firsts = [group[0] for group in kinds_of_unusable(skipped).values()]
    return firsts + [why for _, why in skipped if why not in firsts]


def _pairs(report: Report, pairs: Sequence[Pair]) -> list[str]:
    samples, name = report.dataset.samples, report.dataset.name
    ends = [(pair.similarity, samples[pair.first], samples[pair.second]) for pair in pairs]
    return [f"{value:.3f}  {name(a)} ({a.split})  {name(b)} ({b.split})" for value, a, b in ends]
