# SPDX-License-Identifier: Apache-2.0
"""What moves values, as operators of TensorFlow Lite, found from which value goes where.

ONNX has images as (n, c, h, w), a Graph as (n, h, w, c). So every op that only moves values is carried out
on the numbers of the values of a tensor that is there. What is asked for in the end is found again from them:
the tensor itself, another shape of it, a part, axes in another order, or a list of values for each axis.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Move:
    """An operator that moves values.

    Attributes:
        op: it.
        shape: of what it makes.
        lists: its constants.
        options: by the names of the schema.
    """

    op: str
    shape: tuple[int, ...]
    lists: tuple[Any, ...] = ()
    options: dict[str, int] = field(default_factory=dict)


def moves(source: tuple[int, ...], numbers: Numbers) -> list[Move]:
    """Return what makes a tensor of values by their numbers in another of shape `source`, in this order."""
    flat, shape, found = numbers.ravel(), source, []
    places = np.unravel_index(flat, source)
    picked = [np.unique(place) for place in places]
    box = np.arange(np.prod(source)).reshape(source)[np.ix_(*picked)]
    if box.size < np.prod(source) and (cut := _cut(source, picked)):
        found.append(cut)
        flat, shape = np.searchsorted(box.ravel(), flat), cut.shape
    if not np.array_equal(flat, np.arange(flat.size)):
        turned = _listed(shape, flat, numbers.shape) or _turned(shape, flat) or _any(shape, flat)
        found += turned
        shape = turned[-1].shape
    return found if shape == numbers.shape else [*found, reshape(numbers.shape)]


def reshape(shape: Sequence[int]) -> Move:
    """Return a RESHAPE."""
    return Move("RESHAPE", tuple(shape), (np.array(shape, np.int32),))


def _cut(source: tuple[int, ...], picked: Sequence[npt.NDArray[np.intp]]) -> Move | None:
    """Return a part of a tensor: along each axis, places that are equally far apart; None if they aren't."""
    steps = [int(places[1] - places[0]) if places.size > 1 else 1 for places in picked]
    if any((np.diff(places) != step).any() for places, step in zip(picked, steps, strict=True)):
        return None
    begin, shape = [int(places[0]) for places in picked], tuple(places.size for places in picked)
    if set(steps) == {1}:
        return Move("SLICE", shape, (np.array(begin, np.int32), np.array(shape, np.int32)))
    ends = [int(places[-1]) + 1 for places in picked]
    lists = tuple(np.array(values, np.int32) for values in (begin, ends, steps))
    masks = dict.fromkeys(
        ("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask", "offset"), 0
    )
    return Move("STRIDED_SLICE", shape, lists, masks)


def _turned(source: tuple[int, ...], flat: Numbers) -> list[Move]:
    """Return a TRANSPOSE with a RESHAPE before it where axes are split or joined; nothing if it is none."""
    axes = _axes(flat)
    inwards = sorted(axes, key=lambda axis: -axis[1])  # as the source has them
    sides = tuple(count for count, _ in inwards)
    steps = np.cumprod([1, *reversed(sides)])[-2::-1].tolist()
    if not axes or [step for _, step in inwards] != steps or np.prod(sides) != flat.size:
        return []
    order = [0, *(1 + inwards.index(axis) for axis in axes)]
    shape = (1, *sides)
    made = Move("TRANSPOSE", tuple(shape[axis] for axis in order), (np.array(order, np.int32),))
    return [made] if shape == source else [reshape(shape), made]


def _axes(flat: Numbers) -> list[tuple[int, int]]:
    """Return (count, step) of axes, the outermost first, by which numbers count up; nothing if they don't."""
    axes: list[tuple[int, int]] = []
    left = flat
    while left.size > 1:
        step = int(left[1] - left[0])
        apart = np.flatnonzero(np.diff(left) != step)
        count = int(apart[0]) + 1 if apart.size else left.size
        if left.size % count:
            return []
        rows = left.reshape(-1, count)
        if (rows != rows[:, :1] + step * np.arange(count)).any():
            return []
        axes.insert(0, (count, step))
        left = rows[:, 0]
    return axes if flat[0] == 0 else []


def _listed(source: tuple[int, ...], flat: Numbers, shape: tuple[int, ...]) -> list[Move]:
    """Return a GATHER along each axis that takes places of its own; nothing if they depend on each other."""
    sides = _sides(shape, len(source))
    if sides is None:
        return []
    whole = np.stack(np.unravel_index(flat, source)).reshape(len(source), *sides)
    places = []
    for axis, coordinates in enumerate(whole):
        along = np.moveaxis(coordinates, axis, 0).reshape(sides[axis], -1)
        if (along != along[:, :1]).any():
            return []
        places.append(along[:, 0])
    found, made = [], list(source)
    for axis, taken in enumerate(places):
        if not np.array_equal(taken, np.arange(source[axis])):
            made[axis] = taken.size
            options = {"axis": axis, "batch_dims": 0}
            found.append(Move("GATHER", tuple(made), (taken.astype(np.int32),), options))
    return found


def _sides(shape: tuple[int, ...], rank: int) -> tuple[int, ...] | None:
    """Return a shape with axes of 1 in front, or without some of those, such that it has `rank` axes."""
    if len(shape) <= rank:
        return (1,) * (rank - len(shape)) + shape
    kept = tuple(side for side in shape if side != 1)
    return (1,) * (rank - len(kept)) + kept if len(kept) <= rank else None


def _any(source: tuple[int, ...], flat: Numbers) -> list[Move]:
    """Return what takes any values in any order: of all in a row those of a list."""
    taken = Move("GATHER", (1, flat.size), (flat.astype(np.int32),), {"axis": 1, "batch_dims": 0})
    return [reshape((1, int(np.prod(source)))), taken]
