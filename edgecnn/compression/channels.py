# SPDX-License-Identifier: Apache-2.0
"""Which channels of a network can only go together: groups, found from the graph of its layers.

After DepGraph, Fang et al. 2023, arXiv:2301.12900. Every channel of every tensor gets a number. A layer with
weights gives numbers to the channels that it makes, others hand theirs on; where two meet, as in a sum, they
become one group. What no rule describes keeps all of its channels.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.models._rebuild import calls
from edgecnn.tf import tf

Numbers = NDArray[np.int64]  # of the groups of a tensor's channels, or of a weight's axis


@dataclass(frozen=True)
class Flow:
    """What is known of a tensor on its way through the network.

    Attributes:
        numbers: of its channels (along its last axis), before they are joined.
        silent: a group whose weights are all zero makes zeros here.
        positive: nothing in it is below zero.
    """

    numbers: Numbers
    silent: bool = True
    positive: bool = False


@dataclass(frozen=True)
class Axes:
    """Which groups the axes of one weight of a layer belong to; an axis that is not named stays whole.

    Attributes:
        made: by axis, the groups of channels that the layer makes or passes on.
        read: by axis, the groups of channels that it adds up.
    """

    made: dict[int, Numbers] = field(default_factory=dict)
    read: dict[int, Numbers] = field(default_factory=dict)

    @property
    def all(self) -> Iterator[tuple[int, Numbers]]:
        """Each axis and its groups."""
        yield from self.made.items()
        yield from self.read.items()


@dataclass(frozen=True)
class Channels:
    """The groups of a network, numbered from 0.

    Attributes:
        count: of groups.
        removable: (count,) of bools: whether a group may go.
        families: the groups of the channels that a layer makes: one of each has to stay.
        axes: of each weight, in order, of the layers that have any, by the layer's name.
        inputs: the groups of the first tensor that each layer takes, by its name.
        outputs: of the tensor that it makes.
        means: of a channel that is the mean of others, the groups of those, by its own group.
        kept_whole: the layers with weights none of whose channels may go, and why.
    """

    count: int
    removable: NDArray[np.bool_]
    families: tuple[Numbers, ...]
    axes: dict[str, tuple[Axes, ...]]
    inputs: dict[str, Numbers]
    outputs: dict[str, Numbers]
    means: dict[int, Numbers]
    kept_whole: dict[str, str]


class Tracer:
    """What the rules of layers write down while the graph is followed."""

    def __init__(self) -> None:
        self._parents: list[int] = []
        self._kept: dict[int, str] = {}  # numbers that may not go, and why
        self._made: dict[str, Numbers] = {}  # by layers that make channels
        self.axes: dict[str, tuple[Axes, ...]] = {}
        self.means: dict[int, Numbers] = {}

    def new(self, layer: str, count: int) -> Numbers:
        """Return numbers for the channels that a layer makes: the same each time that it is called."""
        if layer not in self._made:
            self._made[layer] = np.arange(len(self._parents), len(self._parents) + count)
            self._parents += self._made[layer].tolist()
        return self._made[layer]

    def mean(self, layer: str, of: Flow) -> Numbers:
        """Return the number of a channel that is the mean of all channels of a tensor."""
        [number] = numbers = self.new(layer, 1)
        if number in self.means:
            self.join(self.means[number], of.numbers)
        self.means[number] = of.numbers
        self.keep(numbers, "it is a mean over channels")
        return numbers

    def join(self, *tensors: Numbers) -> None:
        """Let channels at the same place go together."""
        first, *others = tensors
        for other in others:
            for a, b in zip(first.tolist(), other.tolist(), strict=True):
                low, high = sorted((self.root(a), self.root(b)))
                self._parents[high] = low

    def keep(self, numbers: Numbers, reason: str) -> None:
        """Let channels never go."""
        for number in numbers.tolist():
            self._kept[number] = reason

    def keep_means(self, numbers: Numbers, reason: str) -> None:
        """Let those channels never go whose mean is among `numbers`: its scale would have to follow."""
        for number in self.means.keys() & set(numbers.tolist()):
            self.keep(self.means[number], reason)

    def weights(self, layer: str, *axes: Axes) -> None:
        """Write down what the weights of a layer belong to; of another call of it, the channels join."""
        for before, now in zip(self.axes.get(layer, ()), axes, strict=False):
            for (_, a), (_, b) in zip(before.all, now.all, strict=True):
                self.join(a, b)
        self.axes[layer] = axes

    def root(self, number: int) -> int:
        """Return the number that stands for a group."""
        while self._parents[number] != number:
            self._parents[number] = self._parents[self._parents[number]]
            number = self._parents[number]
        return number

    def channels(self, inputs: dict[str, Numbers], outputs: dict[str, Numbers]) -> Channels:
        """Return what was found, groups numbered in the order in which they are made."""
        roots = np.array([self.root(number) for number in range(len(self._parents))], np.int64)
        _, group_of = np.unique(roots, return_inverse=True)
        count = int(group_of.max()) + 1
        reasons = {int(group_of[number]): reason for number, reason in self._kept.items()}
        families = {name: group_of[numbers] for name, numbers in self._made.items()}
        removable = np.array([group not in reasons for group in range(count)])
        for family in families.values():  # the last channel has to stay
            if len(np.unique(family)) == 1:
                removable[family] = False
                reasons.setdefault(int(family[0]), "it is one channel")
        whole = {
            name: reasons[int(family[0])]
            for name, family in families.items()
            if name in self.axes and not removable[family].any()
        }
        return Channels(
            count,
            removable,
            tuple(np.unique(family) for family in families.values()),
            {name: tuple(_numbered(one, group_of) for one in axes) for name, axes in self.axes.items()},
            {name: group_of[numbers] for name, numbers in inputs.items()},
            {name: group_of[numbers] for name, numbers in outputs.items()},
            {int(group_of[number]): group_of[numbers] for number, numbers in self.means.items()},
            whole,
        )


def _numbered(axes: Axes, group_of: Numbers) -> Axes:
    made, read = (
        {axis: group_of[numbers] for axis, numbers in side.items()} for side in (axes.made, axes.read)
    )
    return Axes(made, read)


def find_channels(model: Any) -> Channels:
    """Find the groups of a flat Keras 2 model, functional or sequential, of one input and one output."""
    from edgecnn.compression.rules import follow

    tracer = Tracer()
    [image], [answer] = model.inputs, model.outputs
    start = tracer.new("(image)", image.shape[-1])
    tracer.keep(start, "it is the image")
    flows: dict[int, Flow] = {id(image): Flow(start, positive=True)}
    inputs: dict[str, Numbers] = {}
    outputs: dict[str, Numbers] = {}
    for layer, arguments, made in calls(model):
        tensors = [tensor for tensor in tf.nest.flatten(arguments) if id(tensor) in flows]
        given = [flows[id(tensor)] for tensor in tensors]
        [result] = tf.nest.flatten(made)
        flows[id(result)] = flow = follow(tracer, layer, given, tensors, result)
        inputs.setdefault(layer.name, given[0].numbers)
        outputs.setdefault(layer.name, flow.numbers)
    last = flows[id(answer)].numbers
    tracer.keep(last, "it makes the answers")
    tracer.keep_means(last, "their mean is an answer")
    return tracer.channels(inputs, outputs)
