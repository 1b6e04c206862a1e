# SPDX-License-Identifier: Apache-2.0
"""The files that hold Keras models: what they may contain besides a configuration, and how much of it."""

import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py

from edgecnn.errors import ModelError
from edgecnn.gate.config import shown

MOST_WEIGHTS = 2 * 2**30  # bytes: no device of ours takes a thousandth of it
MOST_JSON = 32 * 2**20  # bytes; the largest of Keras's applications takes one
MOST_OBJECTS = 100_000  # in an HDF5 file; ten for each layer is usual
_JSON, _WEIGHTS = ("config.json", "metadata.json"), "model.weights.h5"


def read_zip(path: Path, source: Path, scratch: Path) -> tuple[Any, str]:
    """Check a .keras file, which is a zip.

    Args:
        path: the file.
        source: what messages call it.
        scratch: a folder to unpack its weights in.

    Returns:
        Its configuration, and the version of Keras that wrote it, or "" where it doesn't say.

    Raises:
        ModelError: a member is unknown, there twice, or too large, or `check_hdf5` refuses the weights.
    """
    with zipfile.ZipFile(path) as archive:
        _check_members(archive, source)
        config, metadata = (_parse(archive.read(name), source) for name in _JSON)
        with archive.open(_WEIGHTS) as member, (scratch / _WEIGHTS).open("wb") as file:
            shutil.copyfileobj(member, file)
    check_hdf5(scratch / _WEIGHTS, source)
    return config, str(metadata.get("keras_version", "")) if isinstance(metadata, dict) else ""


def _check_members(archive: zipfile.ZipFile, source: Path) -> None:
    members = archive.infolist()
    wanted = (*_JSON, _WEIGHTS)
    for member in members:
        if member.filename not in wanted:
            raise ModelError(
                f"{source} holds {shown(member.filename)}; allowed are {', '.join(wanted)}: "
                "a layer that brings files of its own can't be taken"
            )
        _check_size(source, member.filename, member.file_size)
    if len(members) != len(wanted):
        raise ModelError(f"{source} must hold each of {', '.join(wanted)} once")


def _check_size(source: Path, name: str, size: int) -> None:
    most = MOST_WEIGHTS if name == _WEIGHTS else MOST_JSON
    if size > most:
        raise ModelError(f"{source}: {name} has {size:,} bytes; allowed are {most:,}")


def read_hdf5(path: Path, source: Path) -> tuple[Any, str]:
    """Check an HDF5 file; return its configuration, None if it holds weights only, and the Keras version.

    Raises:
        ModelError: as `check_hdf5`, or the configuration is too large or no text.
    """
    check_hdf5(path, source)
    with h5py.File(path, "r") as file:
        config, version = (_text(file, name, source) for name in ("model_config", "keras_version"))
    return (None if config is None else _parse(config.encode(), source)), version or ""


def _text(file: Any, name: str, source: Path) -> str | None:
    """Return an attribute as Keras reads it."""
    if name not in file.attrs:
        return None
    value = file.attrs[name]
    if not isinstance(value, bytes | str):
        raise ModelError(f"{source}: the attribute {name} is no text; save the model again")
    return value.decode() if isinstance(value, bytes) else value


def check_hdf5(path: Path, source: Path) -> None:
    """Check that an HDF5 file holds nothing but numbers, and refers to no other file.

    Raises:
        ModelError: it links to another file or keeps data there, or declares too much.
    """
    with h5py.File(path, "r") as file:
        total = 0
        for count, (name, thing) in enumerate(_objects(file, source)):
            if count == MOST_OBJECTS:
                raise ModelError(f"{source} holds more than {MOST_OBJECTS:,} objects")
            if isinstance(thing, h5py.Dataset):
                _check_dataset(source, name, thing)
                total += thing.nbytes
            if total > MOST_WEIGHTS:
                raise ModelError(
                    f"{source} declares weights of {total:,} bytes; allowed are {MOST_WEIGHTS:,}"
                )


def _objects(file: Any, source: Path) -> Iterator[tuple[str, Any]]:
    """Yield every object of a file once, by its name."""
    waiting, seen = [file], set()
    while waiting:
        group = waiting.pop()
        for name in group:
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise ModelError(
                    f"{source}: {shown(name)} is a link to elsewhere; allowed are weights in the file itself"
                )
            thing = group[name]
            address = h5py.h5o.get_info(thing.id).addr
            if address in seen:
                continue
            seen.add(address)
            yield name, thing
            if isinstance(thing, h5py.Group):
                waiting.append(thing)


def _check_dataset(source: Path, name: str, dataset: Any) -> None:
    if dataset.external or dataset.is_virtual:
        raise ModelError(
            f"{source}: {shown(name)} keeps its data in other files; allowed are weights in the file itself"
        )
    if dataset.dtype.hasobject:
        raise ModelError(f"{source}: {shown(name)} holds no numbers; allowed are weights")


def _parse(content: bytes | str, source: Path) -> Any:
    """Return the value that JSON says, as Keras reads it, but for keys that are there twice."""
    _check_size(source, "its configuration", len(content))

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(keys := dict(pairs)) < len(pairs):
            raise ModelError(f"{source} says something twice in its configuration; save the model again")
        return keys

    try:
        return json.loads(content, object_pairs_hook=once)
    except RecursionError as error:
        raise ModelError(f"{source} nests its configuration too deeply") from error
