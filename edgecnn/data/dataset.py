# SPDX-License-Identifier: Apache-2.0
"""A data set: which files, of which classes, and which part (train, validation, test) each belongs to."""

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from edgecnn.compiler.ir import SQUASHED, Fitting, Ranges, Window
from edgecnn.data.archive import names_in, unpack
from edgecnn.data.depth import ValueRange, choose_window, measure_range
from edgecnn.data.idx import holds_idx, unpack_idx
from edgecnn.data.images import SUFFIXES
from edgecnn.data.masks import holds_masks, read_mask_folder
from edgecnn.data.numbers import is_numbers, read_numbers
from edgecnn.data.sieve import kinds_of_unusable, sieve_images, sieve_numbers
from edgecnn.data.sources import FOREGROUND, Entry, read_csv, read_folder
from edgecnn.data.split import split_by_group
from edgecnn.data.unpack_numbers import holds_samples, spread, unpack_samples
from edgecnn.data.window import FULL, NEEDED
from edgecnn.errors import DataError
from edgecnn.escape import LONGEST_LABEL, is_label
from edgecnn.files import beside, read_bytes
from edgecnn.progress import Progress, silent

PARTS = ("train", "validation", "test")
_KINDS_NAMED = 5  # of files that can't be used
FRACTIONS = (0.70, 0.15, 0.15)


@dataclass(frozen=True)
class Sample:
    """One image file."""

    path: Path
    label: int
    """Index into the classes of its Dataset."""
    group: str
    """What must not be torn apart by a split: a patient, a scan; else the file's own relative path."""
    split: str
    """"train", "validation" or "test"."""
    mask: Path | None = None
    """The file that says where in the image something is; None for images of classes."""


@dataclass(frozen=True)
class Dataset:
    """Images with their classes or masks, divided into train, validation and test."""

    root: Path
    classes: tuple[str, ...]
    """In ASCII order; a label is an index into it. Images with masks have one, the foreground."""
    samples: tuple[Sample, ...]
    skipped: tuple[tuple[str, str], ...]
    """Files that can't be decoded, by their paths relative to `root`, and why."""
    values: ValueRange | None = None
    """Of the training images, where any has more than 8 bits, once `with_window` has looked."""
    window: Window | None = None
    """Of all images of more than 8 bits; None where there are none, or each has its own."""
    fitting: Fitting = SQUASHED
    """Of images: how they become pixels of a model's input."""
    ranges: Ranges | None = None
    """Of numbers: what becomes 0 to 255; None: they are left as they are."""

    @property
    def numbers(self) -> bool:
        """Whether samples are numbers, and no pictures."""
        return is_numbers(self.samples[0].path)

    @property
    def masks(self) -> bool:
        """Whether images have masks in place of classes."""
        return self.samples[0].mask is not None

    def part(self, split: str) -> tuple[Sample, ...]:
        """Return the samples of "train", "validation" or "test"."""
        return tuple(sample for sample in self.samples if sample.split == split)

    def name(self, sample: Sample) -> str:
        """Return a sample's path relative to the data set's folder, with forward slashes."""
        return _relative(sample.path, self.root)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 in hexadecimal over relative path, label, split and bytes of every file, sorted by path."""
        digest = hashlib.sha256()
        for sample in sorted(self.samples, key=self.name):
            data = read_bytes(sample.path, error=DataError)
            head = (self.name(sample), self.classes[sample.label], sample.split, str(len(data)))
            digest.update("\0".join(head).encode(errors="surrogateescape") + b"\0" + data)
            if sample.mask:
                digest.update(read_bytes(sample.mask, error=DataError))
        return digest.hexdigest()


def with_window(dataset: Dataset, choice: str, progress: Progress = silent) -> Dataset:
    """Return a data set with the window that is chosen for it, by its training images.

    Args:
        dataset: as opened.
        choice: "LOW:HIGH", "auto", or "needed": auto if pictures of more than 8 bits would lose too much.
        progress: told of every image of more than 8 bits, and at the end of a window that nobody asked for.

    Raises:
        DataError: a training image can't be decoded.
    """
    values = measure_range([sample.path for sample in dataset.part("train")], progress)
    window = choose_window(choice, values)
    if values and choice == NEEDED and window not in (None, FULL):
        progress("choosing a window", 1, 1, f"--window {window}: {values}")
    return replace(dataset, values=values, window=window)


@dataclass(frozen=True)
class Listing:
    """The files that a source names, before any is opened."""

    source: Path
    root: Path
    classes: list[str]
    entries: list[Entry]

    @property
    def numbers(self) -> bool:
        """Whether samples are numbers: no file is named as a picture, and some are as numbers."""
        return any(is_numbers(entry.path) for entry in self.entries) and not any(
            entry.path.suffix.lower() in SUFFIXES for entry in self.entries
        )

    def sample_shape(self) -> tuple[int, ...]:
        """Return the shape of the first sample of numbers that can be read.

        Raises:
            DataError: none can.
        """
        for entry in self.entries:
            with suppress(DataError):
                return read_numbers(entry.path).shape
        raise DataError(f"{self.source} holds no numbers that can be read")


def open_dataset(source: Path, *, seed: int, strict: bool = False, progress: Progress = silent) -> Dataset:
    """Open a folder, a zip of one, or a CSV file, and decide what is for training, validation and test.

    A folder holds one folder per class, or train, validation (or val) and test folders of those, or the IDX
    files of MNIST and its like. A CSV file
    has the columns path, label (or class) and, if there, group and split. In place of images there may be
    numbers: .npy and .csv files, or what unpack_numbers.py knows. Images with masks lie in folders
    images and masks, with the same names, or are listed in a CSV file as image and mask. Where no split is
    given, images are split 70/15/15, stratified and by group; where only train and test are given, validation
    is taken from train in the same proportion. A zip and IDX files are unpacked into a temporary folder that
    goes when Python ends.

    Args:
        source: the folder, or the .zip, .csv or .npz file.
        seed: of the split; the same seed gives the same split.
        strict: refuse a file that can't be decoded, instead of skipping it.
        progress: told of every file as it is checked.

    Raises:
        DataError: what is there can't be used as it is; the message says what to do.
    """
    return open_listed(list_files(source), seed=seed, strict=strict, progress=progress)


def list_files(source: Path) -> Listing:
    """Find out what a source of `open_dataset` holds.

    Raises:
        DataError: as `open_dataset`.
    """
    try:
        root, classes, entries = _read(source)
    except OSError as error:  # a folder in it that may not be entered
        raise DataError(f"can't read {error.filename}: {error.strerror}") from error
    _require_text(source, classes)
    return Listing(source, root, classes, entries)


def open_listed(
    listing: Listing, *, seed: int, strict: bool, progress: Progress = silent, look: bool = True
) -> Dataset:
    """Do what `open_dataset` does, with files that are listed already.

    Without `look`, whatever is named as an image is taken for one: the same result, at once, if that is so.

    Raises:
        DataError: as `open_dataset`.
    """
    source, root, classes, entries = listing.source, listing.root, listing.classes, listing.entries
    usable, unusable = (sieve_numbers if listing.numbers else sieve_images)(entries, progress, look)
    skipped = [(_relative(path, root), _as_given(reason, root, source)) for path, reason in unusable]
    if skipped and strict:
        raise DataError(f"{len(skipped)} of {len(entries)} files can't be used, the first: {skipped[0][1]}")
    samples = [
        Sample(
            entry.path,
            classes.index(entry.label),
            entry.group or _relative(entry.path, root),
            entry.split or "",
            entry.mask,
        )
        for entry in usable
    ]
    _require_classes(source, classes, samples)
    _require_images(source, classes, [sample.label for sample in samples], skipped)
    samples = _split(samples, seed)
    _require_parts(source, classes, samples)
    return Dataset(root, tuple(classes), tuple(samples), tuple(skipped))


def numbers_shape(source: Path) -> tuple[int, ...] | None:
    """Return the shape of the samples of a source, where they are numbers; None: they are images.

    Raises:
        DataError: as `open_dataset`.
    """
    if not source.exists() or holds_idx(source):  # who opens it says that it isn't there
        return None
    if source.suffix.lower() == ".zip" and any(
        Path(name).suffix.lower() in SUFFIXES for name in names_in(source)
    ):
        return None
    listing = list_files(source)
    return listing.sample_shape() if listing.numbers else None


def is_packed(source: Path) -> bool:
    """Say whether the images of a source have to be unpacked before anything is known of them."""
    return (
        (source.suffix.lower() == ".zip" and source.is_file()) or holds_idx(source) or holds_samples(source)
    )


def _read(source: Path) -> tuple[Path, list[str], list[Entry]]:
    if not source.exists():
        raise DataError(
            f"there is no {source}; give a folder of images, a .zip of one, or a .csv file.{beside(source)}"
        )
    if is_packed(source):
        return _read_packed(source)
    if source.is_dir():
        return _spread(source, *_read_folder(source))
    if source.suffix.lower() == ".csv":
        return source.parent, *read_csv(source)
    raise DataError(
        f"{source} is a {source.suffix or 'plain'} file; give a folder of images or numbers, a .zip of one, "
        "a .csv or a .npz"
    )


def _read_folder(folder: Path) -> tuple[list[str], list[Entry]]:
    return ([FOREGROUND], read_mask_folder(folder)) if holds_masks(folder) else read_folder(folder)


def _spread(root: Path, classes: list[str], entries: list[Entry]) -> tuple[Path, list[str], list[Entry]]:
    """Return a file for each sample where files hold samples first."""
    folder, samples = spread(entries) or (root, entries)
    return folder, classes, samples


def _read_packed(source: Path) -> tuple[Path, list[str], list[Entry]]:
    listed = unpack_samples(source) if holds_samples(source) else None
    folder = listed.parent if listed else unpack_idx(source) if source.is_dir() else unpack(source)
    try:
        return (folder, *read_csv(listed)) if listed else _spread(folder, *_read_folder(folder))
    except DataError as error:
        raise DataError(_as_given(str(error), folder, source)) from error


def _as_given(reason: str, root: Path, source: Path) -> str:
    """Name the source in place of the folder that it was unpacked to, which nobody can look into later."""
    return reason if root in (source, source.parent) else reason.replace(str(root), str(source))


def _split(samples: list[Sample], seed: int) -> list[Sample]:
    """Fill in the parts that the source doesn't give."""
    if not samples[0].split:
        return _divide(samples, PARTS, FRACTIONS, seed)
    if any(sample.split == "validation" for sample in samples):
        return samples
    train = [sample for sample in samples if sample.split == "train"]
    share = FRACTIONS[1] / (FRACTIONS[0] + FRACTIONS[1])
    rest = [sample for sample in samples if sample.split != "train"]
    return _divide(train, PARTS[:2], (1 - share, share), seed) + rest


def _divide(
    samples: list[Sample], parts: Sequence[str], fractions: Sequence[float], seed: int
) -> list[Sample]:
    labels, groups = [sample.label for sample in samples], [sample.group for sample in samples]
    chosen = split_by_group(labels, groups, fractions, seed)
    return [replace(sample, split=parts[part]) for sample, part in zip(samples, chosen, strict=True)]


def _require_text(source: Path, classes: Sequence[str]) -> None:
    """Class names become lines of labels.txt, metadata and C: a line break in one would shift the others."""
    for name in classes:
        if not is_label(name):
            raise DataError(
                f"{source}: class {name[:80]!r} is not a line of printable text of up to {LONGEST_LABEL} "
                "characters; give that class another name"
            )


def _require_classes(source: Path, classes: Sequence[str], samples: Sequence[Sample]) -> None:
    if len(classes) == 1 and not (samples and samples[0].mask):
        raise DataError(f"{source} has only the class {classes[0]!r}; at least two are needed")


def _require_images(
    source: Path, classes: Sequence[str], labels: Iterable[int], skipped: Sequence[tuple[str, str]]
) -> None:
    counts = Counter(labels)
    if not counts:
        kinds = [
            f"{reasons[0]}{f' (and {len(reasons) - 1:,} more)' if len(reasons) > 1 else ''}"
            for reasons in kinds_of_unusable(skipped).values()
        ]
        why = f": {'; '.join(kinds[:_KINDS_NAMED])}" if kinds else "; give a folder of images per class"
        raise DataError(f"{source} holds no image that can be decoded{why}")
    for label, name in enumerate(classes):
        if counts[label] < 2:
            held = "no usable image" if not counts[label] else "only one usable image"
            raise DataError(f"{source}: class {name!r} has {held}; add some, or remove the class")


def _require_parts(source: Path, classes: Sequence[str], samples: Sequence[Sample]) -> None:
    held = {(sample.split, sample.label) for sample in samples}
    for split in PARTS:
        for label, name in enumerate(classes):
            if (split, label) not in held:
                raise DataError(
                    f"{source}: class {name!r} has no image for {split}; each class needs images, of as many "
                    "groups, for train, validation and test: add some, or remove the class"
                )


def _relative(path: Path, root: Path) -> str:
    return Path(os.path.relpath(path, root)).as_posix()
