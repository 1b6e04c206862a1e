# SPDX-License-Identifier: Apache-2.0
"""Parting the files of a data set that can be used from those that can't, with the reason."""

import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from edgecnn.data.images import SUFFIXES, image_size
from edgecnn.data.numbers import by, is_numbers, read_numbers
from edgecnn.data.sources import Entry
from edgecnn.errors import DataError
from edgecnn.progress import Progress


def sieve_images(
    entries: Sequence[Entry], progress: Progress, look: bool
) -> tuple[list[Entry], list[tuple[Path, str]]]:
    """Part the files that decode, or without `look` are named so, from those that don't, with the reason."""
    usable, skipped = [], []
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # Pillow decodes without holding the interpreter's lock
        reasons = pool.map(_why_not, entries) if look else map(_misnamed, entries)
        for done, (entry, reason) in enumerate(zip(entries, reasons, strict=True), 1):
            if reason:
                skipped.append((entry.path, reason))
            else:
                usable.append(entry)
            if look:
                progress("checking images", done, len(entries))
    return usable, skipped


def sieve_numbers(
    entries: Sequence[Entry], progress: Progress, look: bool
) -> tuple[list[Entry], list[tuple[Path, str]]]:
    """Part samples of the shape that most have from files that are none, or of another, with the reason."""
    named = [entry for entry in entries if is_numbers(entry.path)]
    skipped = [
        (e.path, f"{e.path} is named neither .npy nor .csv") for e in entries if not is_numbers(e.path)
    ]
    if not look:
        return named, skipped
    shapes: dict[Path, tuple[int, ...]] = {}
    for done, entry in enumerate(named, 1):
        try:
            shapes[entry.path] = read_numbers(entry.path).shape
        except DataError as error:
            skipped.append((entry.path, str(error)))
        progress("checking numbers", done, len(named))
    usual = Counter(shapes.values()).most_common(1)[0][0] if shapes else ()
    unlike = {path for path, shape in shapes.items() if shape != usual}
    skipped += [
        (
            path,
            f"{path} holds {by(shapes[path])} numbers, but most files {by(usual)}; cut windows of one length",
        )
        for path in shapes
        if path in unlike
    ]
    return [entry for entry in named if entry.path in shapes and entry.path not in unlike], skipped


def _misnamed(entry: Entry) -> str:
    """Return why a file's name isn't that of an image, or nothing."""
    if entry.path.suffix.lower() in SUFFIXES:
        return ""
    return f"{entry.path} is not named as an image that edgecnn reads ({' '.join(SUFFIXES)})"


def _why_not(entry: Entry) -> str:
    """Return why a file can't be used, or nothing."""
    if reason := _misnamed(entry):
        return reason
    try:
        size = image_size(entry.path)
        if entry.mask and image_size(entry.mask) != size:
            return f"{entry.mask} has not the size of {entry.path}"
    except DataError as error:
        return str(error)
    return ""


def kinds_of_unusable(skipped: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Group files that can't be used, each with the reason, by the reason but for their names and numbers."""
    kinds: dict[str, list[str]] = {}
    for name, reason in skipped:
        _, _, kind = reason.rpartition(name)
        kinds.setdefault(re.sub(r"-?\d[\d,.]*", "", kind), []).append(reason)
    return kinds
