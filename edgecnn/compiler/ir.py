# SPDX-License-Identifier: Apache-2.0
"""The graph that every part of the compiler reads: tensors, operators, and nothing that can change.

An op is a kind (`CONV_2D`), an operator is an instance of it. Tensors are named by their index in
`Graph.tensors`, as in the flatbuffer, and operators are listed in an order in which they can run.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgecnn.errors import ModelError
from edgecnn.escape import for_terminal

ABSENT = -1  # an optional input that an operator goes without


class Window(NamedTuple):
    """Which values of a picture of more than 8 bits become 0 to 255, by the rule of data/window.py."""

    low: float
    high: float

    def __str__(self) -> str:
        """Return it as `parse_window` reads it, to the last bit."""
        return f"{self.low}:{self.high}"


class Fitting(NamedTuple):
    """How a picture becomes the pixels of a model's input, by the rules of data/resize.py."""

    fit: str = "squash"  # all of it, whatever its shape; or "crop", its middle, or "pad", with bars
    resize: str = "triangle"  # or "bilinear", as networks trained elsewhere mostly saw pictures
    order: str = "RGB"  # of the channels; or "BGR"

    def __str__(self) -> str:
        """Return it as `parse_fitting` reads it."""
        return ",".join(self)


SQUASHED = Fitting()
Ranges = tuple[Window, ...]  # of numbers that are no pixels: one for each channel, or one for all


class Normalization(NamedTuple):
    """What a byte of a picture is to a model: (byte - mean) / deviation; one of each, or one a channel."""

    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    def __str__(self) -> str:
        """Return it as a formula, with a part for each channel where they differ."""
        return ", ".join(f"(byte - {m:g}) / {d:g}" for m, d in zip(*self, strict=True))


@dataclass(frozen=True)
class Quantization:
    """real = scale * (q - zero_point); one pair for the tensor, or one per channel along `axis`."""

    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    axis: int = 0

    @property
    def per_channel(self) -> bool:
        """Whether there is more than one scale."""
        return len(self.scales) > 1

    @property
    def scale(self) -> float:
        """The scale of a tensor quantized as a whole; a float32 value."""
        return self.scales[0]

    @property
    def zero_point(self) -> int:
        """The zero point of a tensor quantized as a whole."""
        return self.zero_points[0]


@dataclass(frozen=True, eq=False)
class Tensor:
    """A tensor: `data` is its value where that is part of the model, None where an operator makes it.

    What NumPy can't hold as it is (int4, sparse weights, strings) has its bytes there, until
    passes spread int4 over int8. `shape_signature` has
    -1 where the file leaves a dimension open, and is empty where it leaves none; a `state` outlives an
    inference.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    quantization: Quantization | None = None
    data: NDArray[np.generic] | None = None
    shape_signature: tuple[int, ...] = ()
    state: bool = False
    sparse: bool = False

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    @property
    def itemsize(self) -> int:
        """The bytes of an element, of a dtype that NumPy knows."""
        return np.dtype(self.dtype).itemsize

    def __str__(self) -> str:
        text = f"{self.dtype}[{','.join(map(str, self.shape))}]"
        if self.quantization is None:
            return text
        if self.quantization.per_channel:
            return f"{text} {len(self.quantization.scales)} scales"
        return f"{text} {self.quantization.scale:.9g}*(q{-self.quantization.zero_point:+d})"


@dataclass(frozen=True)
class Options:
    """What an operator is told beside its inputs, in the compiler's own words, whatever the file calls it.

    An op that needs to be told anything declares a kind of its own as OPTIONS. A reader fills the fields
    without a default; those with one are what passes say.
    """

    def told(self) -> dict[str, Any]:
        """Return the fields that a reader has filled, and those that a pass has changed."""
        values = {each.name: (getattr(self, each.name), each.default) for each in fields(self)}
        return {name: value for name, (value, default) in values.items() if value != default}


@dataclass(frozen=True)
class OtherOptions(Options):
    """Options that the compiler has no use for, or of another op's table, as a file calls them."""

    values: Mapping[str, int | float | bool] = field(default_factory=dict)

    def told(self) -> dict[str, Any]:
        """Return the options."""
        return dict(self.values)


@dataclass(frozen=True)
class Stored:
    """What a .tflite file says of an operator, and the compiler has no use for: kept for who writes it anew.

    Attributes:
        version: of the op; 0 where no file says it.
        table: what the schema calls the table of its options; empty where the file has none.
        numbers: its options that are one number, and not among those that the compiler uses, by name.
        lists: its options that are more than a number, by name: a dtype of NumPy's or "" for text, and bytes.
        custom: the options of an op that is somebody's own.
    """

    version: int = 0
    table: str = ""
    numbers: Mapping[str, int | float | bool] = field(default_factory=dict)
    lists: Mapping[str, tuple[str, bytes]] = field(default_factory=dict)
    custom: bytes = b""


@dataclass(frozen=True)
class Operator:
    """An instance of an op."""

    op: str
    index: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Options = Options()
    stored: Stored = Stored()
    intermediates: tuple[int, ...] = ()  # tensors that only say the scales of what is between


@dataclass(frozen=True)
class Signature:
    """What callers call inputs and outputs of a subgraph: names with tensors, in the order of the file."""

    key: str
    subgraph: int
    inputs: tuple[tuple[str, int], ...]
    outputs: tuple[tuple[str, int], ...]

    def name(self, tensor: int) -> str:
        """Return what an input or output is called, or "" where it isn't."""
        return next((name for name, index in (*self.inputs, *self.outputs) if index == tensor), "")


@dataclass(frozen=True)
class Ring:
    """How the rows of a variable lie in `slots` of a row each, from a head on that moves between inferences.

    Row y of the value is in slot (head + first + y) % slots when an inference begins; row y of the tensor
    `after` goes into slot (head + made + y) % slots; then the head moves on by `advance`.
    """

    slots: int
    advance: int
    first: int
    made: int


@dataclass(frozen=True, eq=False)
class Variable:
    """What outlives an inference, by the name that the file has for it.

    Attributes:
        name: as VAR_HANDLE says it.
        initial: its value before the first inference: a tensor with data.
        before: the tensor that holds its value when an inference begins; ABSENT until a pass says so.
        after: the tensor that holds it when the inference ends. Both are one where an operator only puts new
            rows to those that are there.
        ring: where the rows lie; None until a pass says so.
    """

    name: str
    initial: Tensor
    before: int = ABSENT
    after: int = ABSENT
    ring: Ring | None = None


@dataclass(frozen=True, eq=False)
class Graph:
    """A model: one subgraph whose operators are in an order in which they can run.

    `labels`, `threshold`, `window`, `normalization`, `fitting` and `ranges` are what `metadata` and `files`
    say. Fields from `subgraph` on are for who writes the model anew, which nobody can where a file has what
    finds no place here: `unkept`.
    """

    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    variables: tuple[Variable, ...] = ()
    name: str = ""
    sha256: str = ""
    description: str = ""
    labels: tuple[str, ...] = ()
    threshold: float = 0.5  # from which on a sigmoid says yes
    window: Window | None = None  # of pictures of more than 8 bits
    normalization: Normalization | None = None  # of pictures
    fitting: Fitting = SQUASHED  # of pictures
    ranges: Ranges | None = None  # of numbers that become bytes, as compiler/numbers.py says
    signature: Signature | None = None
    subgraph: str = "main"  # what a file calls it
    metadata: tuple[tuple[str, bytes], ...] = ()  # each entry by its name
    files: tuple[tuple[str, bytes], ...] = ()  # in an archive behind the model, by their names
    unkept: tuple[str, ...] = ()
    weights_apart: bool = False  # others may take their place: no choice may depend on their values

    def in_signature_order(self) -> "Graph":
        """Return the graph with inputs and outputs in its signature's order, where that names each once.

        The file's own order, which a TFLite runtime goes by, need not be that.
        """
        if self.signature is None:
            return self
        return replace(
            self,
            inputs=_in_order(self.inputs, self.signature.inputs),
            outputs=_in_order(self.outputs, self.signature.outputs),
        )

    def verify(self) -> None:
        """Check that indices are in range and every tensor is made once, before it is read.

        Raises:
            ModelError: naming the operator and the tensor.
        """
        known = {*self.inputs, *(one.before for one in self.variables if one.before != one.after)}
        known |= {i for i, tensor in enumerate(self.tensors) if tensor.data is not None}
        self._check_indices("the model's inputs", self.inputs)
        self._check_indices("the model's outputs", self.outputs)
        for operator in self.operators:
            self._check_indices(self.describe(operator), operator.outputs)
            present = tuple(i for i in operator.inputs if i != ABSENT)
            self._check_indices(self.describe(operator), present)
            for tensor in present:
                if tensor not in known:
                    missing = "before anything makes it" if self.producer(tensor) else "which has no data"
                    name = short_name(self.tensors[tensor].name)
                    raise ModelError(f'{self.describe(operator)} reads tensor {tensor} "{name}", {missing}')
            for tensor in operator.outputs:
                if tensor in known:
                    raise ModelError(
                        f"{self.describe(operator)} makes tensor {tensor}, which is there before"
                    )
            known.update(operator.outputs)
        for tensor in self.outputs:
            if tensor not in known:
                raise ModelError(f"output tensor {tensor} of the model is made by no operator")

    def _check_indices(self, what: str, indices: tuple[int, ...]) -> None:
        for index in indices:
            if not 0 <= index < len(self.tensors):
                raise ModelError(
                    f"{what} names tensor {index}, but the model has {len(self.tensors)} tensors"
                )

    @property
    def outside(self) -> tuple[int, ...]:
        """The tensors that lie in no arena: outputs are the caller's, and variables lie for themselves."""
        kept = (tensor for variable in self.variables for tensor in (variable.before, variable.after))
        return (*self.outputs, *dict.fromkeys(tensor for tensor in kept if tensor != ABSENT))

    def refuse_variables(self, why: str) -> None:
        """Refuse a model that keeps variables, where inputs must stand for themselves.

        Raises:
            ModelError: naming one of them, and why.
        """
        if self.variables:
            name = short_name(self.variables[0].name)
            raise ModelError(f'the model keeps variable "{name}" from one inference to the next; {why}')

    def consumers(self, tensor: int) -> list[Operator]:
        """Return the operators that read `tensor`."""
        return [operator for operator in self.operators if tensor in operator.inputs]

    def producer(self, tensor: int) -> Operator | None:
        """Return the operator that makes `tensor`, or None for inputs and constants."""
        return next((operator for operator in self.operators if tensor in operator.outputs), None)

    def input(self, operator: Operator, position: int) -> Tensor:
        """Return an input tensor of `operator`.

        Raises:
            ModelError: the operator goes without that input.
        """
        if position >= len(operator.inputs) or operator.inputs[position] == ABSENT:
            raise ModelError(f"{self.describe(operator)} has no input {position}, which it needs")
        return self.tensors[operator.inputs[position]]

    def optional_input(self, operator: Operator, position: int) -> Tensor | None:
        """Return an input tensor of `operator`, or None where it goes without."""
        if position >= len(operator.inputs) or operator.inputs[position] == ABSENT:
            return None
        return self.tensors[operator.inputs[position]]

    def output(self, operator: Operator) -> Tensor:
        """Return the first output tensor of `operator`."""
        return self.tensors[operator.outputs[0]]

    def describe(self, operator: Operator) -> str:
        """Name an operator for a person: `CONV_2D "block/conv" (operator 7)`."""
        index = operator.outputs[0] if operator.outputs else ABSENT
        name = self.tensors[index].name if 0 <= index < len(self.tensors) else ""
        called = f' "{short_name(name)}"' if name else ""
        return f"{short_name(operator.op)}{called} (operator {operator.index})"

    def __str__(self) -> str:
        """Return the text form that tests and `--dump` compare: one line per input, operator, output."""
        lines = [f"input %{i} {self.tensors[i]}" for i in self.inputs]
        for operator in self.operators:
            outputs = ", ".join(f"%{i} {self.tensors[i]}" for i in operator.outputs)
            read = ", ".join(self._operand(i) for i in operator.inputs)
            options = ", ".join(f"{key}={value}" for key, value in sorted(operator.options.told().items()))
            lines.append(f"{outputs} = {operator.op}({read})" + (f" {{{options}}}" if options else ""))
        lines += [f"output %{i}" for i in self.outputs]
        return "\n".join(lines) + "\n"

    def _operand(self, index: int) -> str:
        if index == ABSENT:
            return "absent"
        tensor = self.tensors[index]
        return f"%{index}" if tensor.data is None else f"const {tensor}"


def _in_order(tensors: tuple[int, ...], named: tuple[tuple[str, int], ...]) -> tuple[int, ...]:
    ordered = tuple(tensor for _, tensor in named)
    return ordered if sorted(ordered) == sorted(tensors) else tensors


def short_name(name: str, limit: int = 40) -> str:
    """Return what tells a tensor's name from the others: converters join long paths with ';' and '/'.

    Characters that don't print are spelled out, so that a name from a file can go into a message.
    """
    last = for_terminal(name.rstrip(";").rsplit(";", maxsplit=1)[-1])
    return last if len(last) <= limit else "..." + last[3 - limit :]
