# SPDX-License-Identifier: Apache-2.0
"""Images with masks: which file is the mask of which. No image is opened here."""

from pathlib import Path

from edgecnn.data.sources import FOREGROUND, SPLITS, Entry, is_clutter, require_parts, subfolders
from edgecnn.errors import DataError

IMAGES, MASKS = "images", "masks"


def holds_masks(root: Path) -> bool:
    """Say whether a folder, or each part of it, has a folder of images and one of masks."""
    folders = subfolders(root)
    names = [folder.name.lower() for folder in folders]
    if {IMAGES, MASKS} <= set(names):
        return True
    parts = [folder for folder in folders if folder.name.lower() in SPLITS]
    return bool(parts) and all((part / IMAGES).is_dir() and (part / MASKS).is_dir() for part in parts)


def read_mask_folder(root: Path) -> list[Entry]:
    """List the images of a folder of images and masks, or of train, validation and test folders of those.

    A mask is named as its image, but for the ending.

    Raises:
        DataError: parts are missing, or an image has no mask or several.
    """
    if (root / IMAGES).is_dir():
        return _pairs(root, None)
    folders = subfolders(root)
    splits = {folder: SPLITS[folder.name.lower()] for folder in folders if folder.name.lower() in SPLITS}
    require_parts(root, folders, splits)
    return [entry for folder, split in splits.items() for entry in _pairs(folder, split)]


def _pairs(folder: Path, split: str | None) -> list[Entry]:
    images, masks = _files(folder / IMAGES), _files(folder / MASKS)
    for name in images.keys() ^ masks.keys():
        lonely, other = (images, MASKS) if name in images else (masks, IMAGES)
        raise DataError(
            f"{lonely[name]} has no partner in {folder / other}; "
            "a mask is named as its image, but for the ending"
        )
    return [Entry(path, FOREGROUND, split=split, mask=masks[name]) for name, path in images.items()]


def _files(folder: Path) -> dict[str, Path]:
    """Return the files of a folder by their path in it without the ending, sorted."""
    files: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if not path.is_file() or any(is_clutter(part) for part in inside.parts):
            continue
        name = inside.with_suffix("").as_posix()
        if name in files:
            raise DataError(f"{files[name]} and {path} have the same name but for the ending; rename one")
        files[name] = path
    return files
