# SPDX-License-Identifier: Apache-2.0
"""What metrics.json holds: the figures of every variant of a run.

Tables and pages are made of these; which variant the others are compared with, and which one a run ended in,
is said by name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict, TypeVar

from edgecnn.errors import RunError
from edgecnn.evaluation.accuracy import Scores
from edgecnn.evaluation.binary import BinaryScores
from edgecnn.evaluation.calibration import Calibration
from edgecnn.evaluation.overlap import MaskScores
from edgecnn.files import read_bytes
from edgecnn.values import MOST_BYTES, Count, Share, as_json, check, construct, parse_json

SCHEMA = 1  # of metrics.json; another one means that a figure's name or meaning has changed
# The variants of a run, each made from one before it, in the order in which they are shown.
VARIANTS = ("float32", "float32_pruned", "int8_ptq", "int8_qat")

_Of = TypeVar("_Of")


class Data(TypedDict, total=False):
    """What run.json and metrics.json say of the images."""

    source: str
    synthetic: bool
    fingerprint: str
    images: dict[str, dict[str, Count]]  # of each part, of each class
    skipped: list[str]
    findings: list[str]
    window: str | None  # of images of more than 8 bits
    ranges: str | None  # of numbers that are no pictures


_DATA_SHOWN = {"synthetic", "fingerprint"}  # what pages and tables say of the images


@dataclass(frozen=True)
class LatencySummary:
    """Times of single inferences in microseconds."""

    median: float
    p95: float
    runs: Count  # that were timed


@dataclass(frozen=True)
class ClassFigures(Scores):
    """How well a model tells classes apart."""

    calibration: Calibration | None = None
    binary: BinaryScores | None = None  # where there are two classes

    @property
    def quality(self) -> float:
        """The figure whose loss is told, 0 to 1."""
        return self.accuracy

    @property
    def loss(self) -> tuple[float, tuple[float, float]]:
        """What is lost of it against the reference, in points, with its 95% interval."""
        return self.accuracy_loss, self.accuracy_loss_ci95


@dataclass(frozen=True)
class MaskFigures(MaskScores):
    """How well a model marks pixels."""

    threshold: Share | None = None  # the sigmoid from which on a pixel is marked

    @property
    def quality(self) -> float:
        """The figure whose loss is told, 0 to 1."""
        return self.dice_per_image.value

    @property
    def loss(self) -> tuple[float, tuple[float, float]]:
        """What is lost of it against the reference, in points, with its 95% interval."""
        return self.dice_loss, self.dice_loss_ci95


@dataclass(frozen=True)
class Instructions:
    """How many instructions an inference takes on a core."""

    target: str
    count: Count
    measured: bool  # in an emulator; else estimated


@dataclass(frozen=True)
class Costs:
    """What a model takes; None: not measured, as the C of a model that is not compiled."""

    bytes: Count  # of the file
    gzip_bytes: Count
    sparsity: Share | None  # of its weights; None: it has none
    latency_us: LatencySummary
    runtime: str
    threads: Count
    macs: Count | None = None  # of an inference
    const_bytes: Count | None = None  # of its C: weights and other constants
    code_bytes: Count | None = None  # of its C
    arena_bytes: Count | None = None  # RAM of its C, row by row
    arena_bytes_whole: Count | None = None  # the same with whole tensors
    instructions: Instructions | None = None  # of its C, an inference
    c_latency_us: float | None = None  # of its C on this machine, the median

    @property
    def flash_bytes(self) -> int | None:
        """Bytes of code and constants together."""
        known = self.const_bytes is not None and self.code_bytes is not None
        return (self.const_bytes or 0) + (self.code_bytes or 0) if known else None


@dataclass(frozen=True)
class Variant:
    """The figures of one model on the test images; its JSON is one object with all of them."""

    name: str
    scores: ClassFigures | MaskFigures
    costs: Costs

    def as_json(self) -> dict[str, Any]:
        """Return all figures by name."""
        return as_json(self.scores) | as_json(self.costs)


@dataclass(frozen=True)
class Metrics:
    """The figures of several models on the same test images."""

    classes: tuple[str, ...]
    test_images: int
    data: Data
    variants: tuple[Variant, ...]  # in the order in which they are shown
    reference: str  # the name of the variant that losses and agreement are against
    background: float | None  # share of the pixels, where images have masks

    def __getitem__(self, name: str) -> Variant:
        """Return the variant of a name.

        Raises:
            KeyError: there is none.
        """
        return {variant.name: variant for variant in self.variants}[name]

    @property
    def masks(self) -> bool:
        """Whether these are of masks in place of classes."""
        return self.background is not None

    def as_json(self) -> dict[str, Any]:
        """Return the content of metrics.json."""
        rest = {
            name: value
            for name, value in vars(self).items()
            if name != "variants" and value not in (None, ())
        }
        return {
            "schema": SCHEMA,
            **rest,
            "variants": {variant.name: variant.as_json() for variant in self.variants},
        }


@dataclass(frozen=True)
class RunMetrics(Metrics):
    """The figures of a run."""

    chosen: str  # the name of the variant that the run ended in, which goes to a device
    post_training: tuple[str, ...] = ()  # the layers that were quantized after training only

    def compared(self, of: Mapping[str, _Of]) -> tuple[_Of, _Of | None]:
        """Return what was found of the chosen variant and of the reference, where that is another one."""
        return of[self.chosen], of[self.reference] if self.reference != self.chosen else None


class _Required(TypedDict):
    classes: list[str]
    test_images: Count
    data: Data
    variants: dict[str, Costs]


class _File(_Required, total=False):
    schema: Count
    reference: str
    chosen: str
    background: Share
    post_training: list[str]


def read_metrics(path: Path) -> RunMetrics:
    """Return the figures of a run; those without a schema version are of an edgecnn that had none yet.

    Raises:
        RunError: the file can't be read, is damaged, or another version wrote it.
    """
    told = f"{path} is damaged, or another version of edgecnn wrote it; run 'edgecnn compress' again"
    content = parse_json(read_bytes(path, MOST_BYTES, RunError), _File, told, RunError)
    try:
        return _metrics(content)
    except ValueError as reason:
        raise RunError(f"{told} ({reason})") from reason


def _metrics(content: dict[str, Any]) -> RunMetrics:
    if content.get("schema", SCHEMA) != SCHEMA:
        raise ValueError(f"its schema is {content['schema']}, this edgecnn reads {SCHEMA}")
    names = tuple(content["variants"])
    if missing := sorted(_DATA_SHOWN - content["data"].keys()):
        raise ValueError(f"data lacks {', '.join(missing)}")
    reference, chosen = _roles(content, names)
    return RunMetrics(
        tuple(content["classes"]),
        content["test_images"],
        content["data"],
        tuple(_variant(name, figures, content) for name, figures in content["variants"].items()),
        reference,
        content.get("background"),
        chosen,
        tuple(content.get("post_training", ())),
    )


def _variant(name: str, figures: dict[str, Any], content: dict[str, Any]) -> Variant:
    kind = MaskFigures if "background" in content else ClassFigures
    check(figures, kind, f"variants.{name}")
    return Variant(name, construct(figures, kind), construct(figures, Costs))


def _roles(content: dict[str, Any], names: tuple[str, ...]) -> tuple[str, str]:
    """Return the names of the reference and of the chosen variant."""
    if not names:
        raise ValueError("it does not hold the figures of any model")
    if "schema" not in content:
        return _former_roles(names)
    if missing := sorted({"reference", "chosen"} - content.keys()):
        raise ValueError(f"it lacks {', '.join(missing)}")
    for role in ("reference", "chosen"):
        if content[role] not in names:
            raise ValueError(f"{role} is {content[role]}, which is none of {', '.join(names)}")
    return content["reference"], content["chosen"]


def _former_roles(names: tuple[str, ...]) -> tuple[str, str]:
    """Return which variants had these roles when files didn't say so; only a run's own names tell."""
    if "float32" not in names or not set(names) <= set(VARIANTS):
        raise ValueError(
            f"it has no schema, and of {', '.join(names)} nothing says what is compared with what"
        )
    return "float32", ended_in(names)


def ended_in(names: Sequence[str]) -> str:
    """Return which of a run's variants goes to a device: the one that was made last."""
    return max(names, key=VARIANTS.index)
