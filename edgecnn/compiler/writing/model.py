# SPDX-License-Identifier: Apache-2.0
"""What the texts of a generated model are written from."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from edgecnn.compiler import ops
from edgecnn.compiler.fits import Needs, needs
from edgecnn.compiler.ir import Graph, Quantization
from edgecnn.compiler.ops import logistic
from edgecnn.compiler.scheduling.measure import Schedule
from edgecnn.compiler.scheduling.variables import Variables
from edgecnn.compiler.targets import find_target
from edgecnn.errors import ModelError

_LONGEST_NAME = 32


@dataclass(frozen=True)
class Edge:
    """An input or output of the model as the caller sees it.

    `suffix` tells several apart ("" where there is one) by what the model's signature calls them, `title`.
    `shape` is the flatbuffer's. `real` says whether the flatbuffer has floats there, and the integer tensor
    `tensor` is behind a QUANTIZE or DEQUANTIZE; `unsigned`, whether it has uint8, of which 128 is taken away.
    Numbers of classes have no quantization.
    """

    kind: str
    suffix: str
    title: str
    shape: tuple[int, ...]
    tensor: int
    dtype: str
    scaling: Quantization | None
    real: bool
    unsigned: bool
    lines: int  # of the caller's image; of a single row, as windows over time are, each column is one

    @property
    def name(self) -> str:
        """The name of the parameter in C."""
        return self.kind + self.suffix

    @property
    def size(self) -> int:
        """The number of values."""
        size = 1
        for length in self.shape:
            size *= length
        return size

    @property
    def ctype(self) -> str:
        """The type of a value in C."""
        return f"{self.dtype}_t"

    @property
    def itemsize(self) -> int:
        """The bytes of a value."""
        return np.dtype(self.dtype).itemsize

    @property
    def bytes(self) -> int:
        """The bytes of all values, which are no floats."""
        return self.size * self.itemsize

    @property
    def quantization(self) -> Quantization:
        """The quantization of an edge that has one.

        Raises:
            ModelError: it holds numbers of classes.
        """
        if self.scaling is None:
            raise ModelError(
                f"the model's {self.name} is {self.dtype}, numbers of classes without a scale, which only "
                "the C interface itself takes: leave ARG_MAX out of the model"
            )
        return self.scaling

    @property
    def line(self) -> int:
        """How many values a line has."""
        return self.size // self.lines


@dataclass(frozen=True, eq=False)
class CModel:
    """A scheduled model and what its C is called and made for."""

    name: str
    version: str
    original: Graph
    graph: Graph
    schedule: Schedule
    target: str
    optimize: str
    inputs: tuple[Edge, ...]
    outputs: tuple[Edge, ...]
    weights_apart: bool = False  # in NAME_weights.bin, not in NAME.c
    left: tuple[str, ...] = ()  # the ops behind the outputs that are left to the caller, in order

    @property
    def needs(self) -> Needs:
        """What it takes on a device, as the plan says."""
        return needs(self.graph, self.schedule, find_target(self.target), self.optimize)

    @property
    def prefix(self) -> str:
        """What every name that the linker sees starts with."""
        return f"edgecnn_{self.name}"

    @cached_property
    def variables(self) -> Variables:
        """What outlives an inference, and where it lies."""
        return Variables.of(self.graph)

    @property
    def pushes(self) -> bool:
        """Whether there is one image whose lines can be pushed."""
        return len(self.inputs) == 1 and self.inputs[0].lines > 1

    @property
    def real(self) -> bool:
        """Whether the flatbuffer has floats at its edges."""
        return any(edge.real for edge in (*self.inputs, *self.outputs))

    @property
    def classes(self) -> int:
        """How many classes the only output tells apart: 2 for one sigmoid, 0 where it is none of the kind."""
        if len(self.outputs) != 1 or len(self.outputs[0].shape) != 2 or self.outputs[0].scaling is None:
            return 0
        if self.outputs[0].size > 1:
            return self.outputs[0].size
        return 2 if self._ends_in_sigmoid else 0

    @property
    def marks(self) -> bool:
        """Whether the only output is a mask: a sigmoid for each pixel, (1, h, w, 1)."""
        if len(self.outputs) != 1 or self.outputs[0].scaling is None:
            return False
        shape = self.outputs[0].shape
        return len(shape) == 4 and shape[3] == 1 and self._ends_in_sigmoid

    @property
    def _ends_in_sigmoid(self) -> bool:
        last = self.graph.producer(self.graph.outputs[0])
        return last is not None and ops.is_a(last, logistic)

    @property
    def left_to_caller(self) -> str:
        """What the model computes of its outputs and the C doesn't: each op and how often, or nothing."""
        return ", ".join(f"{op} ({count})" for op, count in Counter(self.left).items())

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the classes: the model's own where it has as many, else numbers."""
        if len(self.original.labels) == self.classes:
            return self.original.labels
        return tuple(f"class {number}" for number in range(self.classes))


def edges(original: Graph, graph: Graph) -> tuple[tuple[Edge, ...], tuple[Edge, ...]]:
    """Return inputs and outputs of a model, given as read and after all passes."""
    inputs = _edges("input", original, original.inputs, graph, graph.inputs)
    return inputs, _edges("output", original, original.outputs, graph, graph.outputs)


def _edges(
    kind: str, original: Graph, before: Sequence[int], graph: Graph, after: Sequence[int]
) -> tuple[Edge, ...]:
    titles = _titles(original, before)
    return tuple(
        Edge(
            kind,
            suffix,
            title,
            original.tensors[seen].shape,
            tensor,
            graph.tensors[tensor].dtype,
            graph.tensors[tensor].quantization,
            original.tensors[seen].dtype == "float32",
            original.tensors[seen].dtype == "uint8",
            _lines(original.tensors[seen].shape, graph.tensors[tensor].shape),
        )
        for suffix, title, seen, tensor in zip(suffixes(kind, titles), titles, before, after, strict=True)
    )


def _lines(before: tuple[int, ...], after: tuple[int, ...]) -> int:
    """Return how many lines an image has, by its shape in the file and after all passes."""
    rows, columns = ((1,) * (4 - len(before)) + before)[1:3]
    if after[1] > rows:  # only what was turned upright has more
        return columns
    return rows if len(before) == 4 else 1


def output_names(graph: Graph) -> list[str]:
    """Return what the C calls the outputs of a model as read, in the C's order."""
    titles = _titles(graph, graph.in_signature_order().outputs)
    return [f"output{suffix}" for suffix in suffixes("output", titles)]


def _titles(graph: Graph, tensors: Sequence[int]) -> list[str]:
    """Return what the signature calls inputs or outputs, "" where it doesn't."""
    return [graph.signature.name(tensor) if graph.signature else "" for tensor in tensors]


def suffixes(kind: str, titles: Sequence[str]) -> list[str]:
    """Return what tells the names of several inputs, or outputs, apart in C; "" for a single one.

    Each is an underscore and the letters and digits of a title, of which none differ in case only: macros are
    in capitals. A title that has none leaves the number of its place.
    """
    if len(titles) == 1:
        return [""]
    chosen: list[str] = []
    for number, title in enumerate(titles):
        words = re.sub("[^A-Za-z0-9]+", "_", title).strip("_").removeprefix(f"{kind}_")
        suffix = f"_{words[:_LONGEST_NAME].rstrip('_')}" if words else str(number)
        while suffix.lower() in (other.lower() for other in chosen):
            suffix += f"_{number}"
        chosen.append(suffix)
    return chosen
