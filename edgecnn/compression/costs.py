# SPDX-License-Identifier: Apache-2.0
"""What a Keras network costs on a device, as a function of how many of its channels stay."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler.instructions import POOLED, Values, factors, terms
from edgecnn.compression.channels import Channels, Numbers
from edgecnn.converters.int4_weights import OPS as NARROW_OPS
from edgecnn.models._rebuild import calls
from edgecnn.tf import keras, tf

L = keras.layers
MACS, FLASH, INSTRUCTIONS, RAM = RESOURCES = range(4)  # where each stands in a vector of costs
Counts = NDArray[np.int64]  # of the groups of each class that stay
_BYTES = {
    "CONV_2D": 9,
    "CONV_2D" + POOLED: 9,
    "TRANSPOSE_CONV": 9,
    "DEPTHWISE_CONV_2D": 9,
    "FULLY_CONNECTED": 4,
}
_MOVED = {
    **dict.fromkeys((L.MaxPooling2D,), "MAX_POOL_2D"),
    **dict.fromkeys((L.AveragePooling2D,), "AVERAGE_POOL_2D"),
    **dict.fromkeys((L.GlobalAveragePooling2D,), "MEAN"),
    L.Add: "ADD",
    L.Multiply: "MUL",
    L.Concatenate: "CONCATENATION",
}


@dataclass(frozen=True)
class LayerWork:
    """What a layer computes: `instructions.Work`, with the groups of its channels, not their number."""

    op: str
    rows: int
    positions: int
    taps: int
    read: Numbers | None  # None: each channel is by itself
    made: Numbers

    @property
    def bytes(self) -> int:
        """Of constants for each channel that is made, beside the weights: a bias, multiplier and shift."""
        return _BYTES.get(self.op, 0)


def layer_works(model: Any, channels: Channels) -> Iterator[LayerWork]:
    """Yield what the layers of a flat Keras model compute, once for each time that they are called."""
    for layer, arguments, made in calls(model):
        given = next(tensor for tensor in tf.nest.flatten(arguments) if hasattr(tensor, "_keras_history"))
        yield from _works(layer, channels, given.shape, made.shape)


def _works(layer: Any, channels: Channels, given: Any, made: Any) -> Iterator[LayerWork]:
    (rows, *_), (height, *_) = ((*shape[1:-1], 1) for shape in (given, made))
    before, after = (prod(side or 1 for side in shape[1:-1]) for shape in (given, made))
    into, out = channels.inputs[layer.name], channels.outputs[layer.name]
    if isinstance(layer, L.SeparableConv2D):
        middle = np.repeat(into, layer.depth_multiplier)
        yield LayerWork("DEPTHWISE_CONV_2D", height, after, prod(layer.kernel_size), None, middle)
        yield LayerWork("CONV_2D", height, after, 1, middle, out)
    elif isinstance(layer, L.DepthwiseConv2D):
        yield LayerWork("DEPTHWISE_CONV_2D", height, after, prod(layer.kernel_size), None, out)
    elif isinstance(layer, L.Conv2DTranspose):
        yield LayerWork("TRANSPOSE_CONV", rows, before, prod(layer.kernel_size), into, out)
    elif isinstance(layer, (L.Conv1D, L.Conv2D)):
        op = "CONV_2D" + (POOLED if _pooled(layer) else "")
        yield LayerWork(op, height, after, prod(layer.kernel_size), into, out)
    elif isinstance(layer, L.Dense):
        yield LayerWork("FULLY_CONNECTED", height, after, 1, into, out)
    elif type(layer) in _MOVED:
        yield LayerWork(_MOVED[type(layer)], height, after, max(1, before // after), None, out)


def _pooled(layer: Any) -> bool:
    """Say whether a layer's output goes into a max pool alone, which is then fused into it."""
    readers = [node.outbound_layer for node in layer.outbound_nodes]
    return len(readers) == 1 and isinstance(readers[0], L.MaxPooling2D)


def alike(channels: Channels) -> list[Numbers]:
    """Return the removable groups by class: those coupled in the same places, which cost the same."""
    places: dict[int, list[int]] = {group: [] for group in np.flatnonzero(channels.removable).tolist()}
    for number, family in enumerate(channels.families):
        for group in set(family.tolist()) & places.keys():
            places[group].append(number)
    classes: dict[tuple[int, ...], list[int]] = {}
    for group, numbers in places.items():
        classes.setdefault(tuple(numbers), []).append(group)
    return [np.array(groups) for groups in classes.values()]


class Costs:
    """The costs of a network whose classes have so many groups left; RAM counts relative to all."""

    def __init__(
        self, works: Sequence[LayerWork], channels: Channels, target: str, weight_bits: int = 8
    ) -> None:
        self.classes = alike(channels)
        self.ram = np.zeros(len(self.classes))
        """Bytes of RAM that a group of each class takes where the most are taken."""
        class_of = np.full(channels.count, len(self.classes))
        for number, groups in enumerate(self.classes):
            class_of[groups] = number
        made = [self._occurrences(class_of, work.made) for work in works]
        read = [self._occurrences(class_of, [] if work.read is None else work.read) for work in works]
        self._made, self._read = (np.array(rows).reshape(-1, len(self.classes) + 1) for rows in (made, read))
        self._rows = np.array([work.rows for work in works], np.float64)
        self._positions = np.array([work.positions for work in works], np.float64)
        self._taps = np.array([work.taps for work in works], np.float64)
        self._bytes = np.array([work.bytes for work in works])
        narrow = [work.op.removesuffix(POOLED) in NARROW_OPS for work in works]
        self._weight_bytes = np.where(narrow, weight_bits / 8, 1)
        self._factors = np.array([_factors(target, work.op) for work in works]).reshape(len(works), -1)
        touched = (self._made[:, :-1] + self._read[:, :-1]) > 0
        self.works_of = [np.flatnonzero(column) for column in touched.T]
        """The works that each class has a part in."""

    def _occurrences(self, class_of: Numbers, groups: Any) -> Values:
        """Return how often a group of each class is among `groups`, and how many are of none."""
        counts = np.bincount(class_of[np.asarray(groups, np.int64)], minlength=len(self.classes) + 1)
        sizes = np.array([*(len(groups) for groups in self.classes), 1])
        return np.asarray(counts / sizes)

    @property
    def all(self) -> Counts:
        """How many groups each class has."""
        return np.array([len(groups) for groups in self.classes], np.int64)

    def of(self, counts: Counts, works: Counts | slice = slice(None)) -> Values:
        """Return MACs, bytes of constants, instructions and bytes of RAM, (4,), of all or of some works."""
        left = np.append(counts, 1)
        made, read = self._made[works] @ left, self._read[works] @ left
        positions, taps = self._positions[works], self._taps[works]
        weights = np.where(self._bytes[works] > 0, taps * np.maximum(read, 1) * made, 0)
        return np.array(
            [
                (positions * weights).sum(),
                (self._weight_bytes[works] * weights + self._bytes[works] * made).sum(),
                (terms(self._rows[works], positions, taps, read, made) * self._factors[works].T).sum(),
                self.ram @ counts,
            ]
        )


def _factors(target: str, op: str) -> Sequence[float]:
    known: Mapping[str, Sequence[float]] = factors(target)["ops"]
    return known.get(op, [0.0] * len(terms(1, 1, 1, 1, 1)))
