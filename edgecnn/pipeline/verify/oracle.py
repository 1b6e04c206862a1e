# SPDX-License-Identifier: Apache-2.0
"""What the C of a model must compute: who is asked, for which operators, and why.

The definition of bit-exact is tflite-runtime 2.14's reference kernels. Where they run a model and are right
in all of it, they are asked for its outputs. Elsewhere it is our NumPy references, and these are held,
operator by operator and on what came before it there, to whichever runtime is right in an operator.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import ops, quant, reference
from edgecnn.compiler.geometry import quantization_of
from edgecnn.compiler.ir import Graph, Operator, Tensor
from edgecnn.compiler.ops import concatenation, expand_dims, pack, reshape, squeeze, transpose, unpack
from edgecnn.compiler.ops import slice as slice_
from edgecnn.compiler.passes.integer_edges import integer_edges
from edgecnn.compiler.passes.variables_as_edges import tensors_left
from edgecnn.errors import MissingToolError, ModelError
from edgecnn.runtime.interpreter import Kernels, Package
from edgecnn.runtime.tflite import Interpreter, MisreadError

Values = NDArray[Any]  # integers, as the C takes and makes them
DEFINITION = "tflite-runtime 2.14.0"
BUILTIN_REF = f"{DEFINITION} BUILTIN_REF"
NUMPY = "NumPy references"
# Ops that compute nothing, so that all kernels make the same; some take the place of what they read.
_MOVING = (concatenation, expand_dims, pack, reshape, slice_, squeeze, transpose, unpack)


@dataclass(frozen=True)
class Ruling:
    """Whose kernels some operators are held to.

    Attributes:
        oracle: "tflite-runtime 2.14.0 BUILTIN_REF", say, or "NumPy references" alone.
        operators: Their numbers.
        ops: Their ops, each once.
        why: Why it isn't 2.14's reference kernels; empty where it is.
    """

    oracle: str
    operators: tuple[int, ...]
    ops: tuple[str, ...]
    why: str


@dataclass
class _Judge:
    """A runtime that NumPy references are held to.

    Attributes:
        name: What it is called in a ruling.
        interpreter: It, with the model.
        most: By how much they may differ in each operator, by its number, in which it is right.
        judged: The operators in which they were compared.
    """

    name: str
    interpreter: Interpreter
    most: dict[int, int]
    judged: set[int] = field(default_factory=set)


class Oracle:
    """Says what the C of a model must make of inputs.

    Attributes:
        differing: How many bytes that NumPy references made, operator by operator, differ from those of the
            runtime that they are held to, by the description of the operator. There should be none.
    """

    def __init__(self, original: Graph, content: bytes) -> None:
        """Load a model, given as read from its file and as that file's bytes.

        Raises:
            MisreadError: a runtime reads other ops in the file than we do.
        """
        self.differing: dict[str, int] = {}
        self._original, self._content = original, content
        self._inner = integer_edges(original)
        left = tensors_left(original)
        self._left = [left[variable.name] for variable in self._inner.variables]
        self._ran = False
        self._basic = reference.basic(self._inner)
        # Others became part of these, or constants, or are the conversions that the C leaves to its caller.
        kept = {operator.index for operator in self._basic.operators}
        self._operators = [operator for operator in original.operators if operator.index in kept]
        self._reasons = {
            operator.index: why
            for operator in original.operators
            if (why := ops.unlike_reference(original, operator))
        }
        self._judges: list[_Judge] | None = None
        self._refusal = ""  # why 2.14's reference kernels are asked for nothing
        self._definition = self._define()

    def outputs(self, inputs: Sequence[Sequence[Values]]) -> list[list[Values]]:
        """Return what the C must make of each of `inputs`, which have a value for each input of the model.

        Where the model keeps variables, they have their first values before the first of `inputs`, and what
        they have become follows the outputs.
        """
        if self._ran and self._left and self._definition is not None:
            self._definition = self._define()
        self._ran = True
        if self._definition is not None and not self._reasons:
            try:
                return [self._whole(self._definition, values) for values in inputs]
            except ModelError as error:
                self._definition, self._refusal = None, str(error)
        self._judges = self._judge_all(self._appoint() if self._judges is None else self._judges, inputs)
        session = reference.Session(self._inner)
        return [session.run(values) for values in inputs]

    @property
    def edges(self) -> list[Tensor]:
        """The inputs of the C."""
        return [self._inner.tensors[i] for i in self._inner.inputs[: len(self._original.inputs)]]

    @property
    def name(self) -> str:
        """Whose outputs `outputs` returns."""
        return BUILTIN_REF if self._judges is None else NUMPY

    def rulings(self) -> list[Ruling]:
        """Return who was asked for which operators, all of them in turn."""
        if self._judges is None:
            return [_ruling(BUILTIN_REF, self._original.operators, "")]
        rulings, left = [], self._operators
        for judge in (*self._judges, None):
            mine = [operator for operator in left if judge is None or operator.index in judge.judged]
            left = [operator for operator in left if operator not in mine]
            names: dict[tuple[str, str], list[Operator]] = {}
            for operator in mine:
                names.setdefault(self._named(judge, operator), []).append(operator)
            rulings += [_ruling(name, those, why) for (name, why), those in names.items()]
        return rulings

    def _named(self, judge: _Judge | None, operator: Operator) -> tuple[str, str]:
        """Return the name of a judge in an operator, and why it is asked."""
        if judge is None:
            return f"{NUMPY} alone", self._reasons.get(operator.index, self._refusal)
        within = f"within {most} of " if (most := judge.most[operator.index]) else ""
        why = "" if judge.name == BUILTIN_REF else self._reasons.get(operator.index, self._refusal)
        return within + judge.name, why

    def _define(self) -> Interpreter | None:
        """Return an interpreter with 2.14's reference kernels, in which no inference has run."""
        keep_all = bool(self._reasons or self._left)
        return self._load("tflite_runtime", "reference", keep_all=keep_all)

    def _load(self, package: Package, kernels: Kernels, *, keep_all: bool) -> Interpreter | None:
        """Return an interpreter of the model; None where there is none, with the reason for 2.14's."""
        title = package.replace("_", "-")
        try:
            if find_spec(package) is None:
                raise MissingToolError(f"{title} is not installed")
            loaded = Interpreter(self._content, self._original, package, kernels=kernels, keep_all=keep_all)
            if package == "tflite_runtime" and loaded.about.runtime != DEFINITION:
                raise MissingToolError(f"{loaded.about.runtime} is another release than {DEFINITION}")
        except MisreadError:
            raise
        except (MissingToolError, ModelError) as error:
            if package == "tflite_runtime" and kernels == "reference":
                self._refusal = str(error)
            return None
        return loaded

    def _appoint(self) -> Iterator[_Judge]:
        """Yield the runtimes that can run the model, each with the operators in which it is right."""
        operators = self._operators
        if self._definition is not None:
            most = {operator.index: 0 for operator in operators if operator.index not in self._reasons}
            yield _Judge(BUILTIN_REF, self._definition, most)
        defined = [operator for operator in operators if ops.defined_by_optimized(operator)]
        if defined and (interpreter := self._load("tflite_runtime", "optimized", keep_all=True)) is not None:
            most = {
                operator.index: 0
                for operator in operators
                if operator in defined or ops.is_a(operator, *_MOVING)
            }
            yield _Judge(f"{DEFINITION} optimized kernels", interpreter, most)
        steps = {operator.index: ops.litert_steps(operator) for operator in operators}
        most = {index: most for index, most in steps.items() if most is not None}
        if (interpreter := self._load("ai_edge_litert", "reference", keep_all=True)) is not None:
            yield _Judge(f"{interpreter.about.runtime} BUILTIN_REF", interpreter, most)

    def _judge_all(self, judges: Iterable[_Judge], inputs: Sequence[Sequence[Values]]) -> list[_Judge]:
        """Compare our references with runtimes until every operator was compared; return those asked."""
        asked: list[_Judge] = []
        done: set[int] = set()
        for judge in judges:
            for values in inputs:
                self._judge(judge, values, done)
            asked.append(judge)
            done |= judge.judged
            if len(done) == len(self._operators):
                break
        return asked

    def _whole(self, interpreter: Interpreter, values: Sequence[Values]) -> list[Values]:
        made = self._run(interpreter, values)
        made |= interpreter.tensors(self._left) if self._left else {}
        ends = (*self._original.outputs, *self._left)
        return [
            _from_file(made[seen], self._original.tensors[seen], self._inner.tensors[inner])
            for seen, inner in zip(ends, self._inner.outputs, strict=True)
        ]

    def _run(self, interpreter: Interpreter, values: Sequence[Values]) -> dict[int, NDArray[Any]]:
        """Run the model in a runtime and return the file's outputs, by the numbers of their tensors."""
        given = {
            seen: _to_file(value, self._original.tensors[seen], self._inner.tensors[inner])
            for value, seen, inner in zip(values, self._original.inputs, self._inner.inputs, strict=False)
        }
        outputs = interpreter.run([given[number] for number in interpreter.about.inputs])
        for number, value in zip(interpreter.about.outputs, outputs, strict=True):
            tensor = self._original.tensors[number]
            if value.shape != tensor.shape:
                raise ModelError(f'output "{tensor.name}" has shape {value.shape} there, not {tensor.shape}')
        return dict(zip(interpreter.about.outputs, outputs, strict=True))

    def _judge(self, judge: _Judge, values: Sequence[Values], done: set[int]) -> None:
        """Compare our references with a runtime, operator by operator, on what the runtime made before.

        Where that is gone, since another tensor took its place, our own goes on, and the next operator whose
        result is there judges both. Those of `done` another has judged.
        """
        tensors = self._made(judge.interpreter, values)
        graph, behind, astray = self._basic, dict[int, set[int]](), set[int]()
        for operator in graph.operators:
            read = [i for i in operator.inputs if i in tensors]
            value = ops.require(graph, operator).reference(graph, operator, [tensors[i] for i in read])
            wrong = operator.index not in judge.most or any(i in astray for i in read)
            judged = {operator.index}.union(*(behind.get(i, set()) for i in read))
            at = operator.outputs[0]
            if at not in tensors:
                tensors[at], behind[at] = value, judged
                astray |= {at} if wrong else set()
            elif not wrong and operator.index not in done:
                self._count(
                    operator, np.abs(value.astype(np.int64) - tensors[at]) > judge.most[operator.index]
                )
                judge.judged |= judged

    def _made(self, interpreter: Interpreter, values: Sequence[Values]) -> dict[int, Values]:
        """Return the values of all tensors that a run leaves in a runtime, as the C has them."""
        self._run(interpreter, values)
        befores = self._inner.inputs[len(self._original.inputs) :]
        numbers = [*befores, *(i for operator in self._inner.operators for i in operator.outputs)]
        tensors = interpreter.tensors([i for i in numbers if i < len(self._original.tensors)])
        made = {
            number: _from_file(value, self._original.tensors[number], self._inner.tensors[number])
            for number, value in tensors.items()
        }
        return made | dict(zip(self._inner.inputs, values, strict=False))

    def _count(self, operator: Operator, wrong: NDArray[np.bool_]) -> None:
        if wrong.any():
            name = self._original.describe(operator)
            self.differing[name] = self.differing.get(name, 0) + int(np.count_nonzero(wrong))


def as_bytes(outputs: Sequence[Sequence[Values]]) -> NDArray[np.int8]:
    """Return all outputs of all inferences in a row."""
    return np.frombuffer(b"".join(value.tobytes() for values in outputs for value in values), np.int8)


def _ruling(oracle: str, operators: Sequence[Operator], why: str) -> Ruling:
    numbers = tuple(operator.index for operator in operators)
    return Ruling(oracle, numbers, tuple(dict.fromkeys(operator.op for operator in operators)), why)


def _to_file(value: Values, seen: Tensor, inner: Tensor) -> NDArray[Any]:
    """Return an integer input of the C as the file's: the float that it stands for, or uint8 of 128 more.

    Raises:
        ModelError: float32 does not hold what tells integers apart.
    """
    if seen.dtype == "float32":
        quantization = quantization_of(inner)
        real = quant.dequantize(value, quantization)
        if not np.array_equal(quant.quantize(real, quantization, inner.dtype), value):
            raise ModelError(f'the scale of input "{seen.name}" is beyond what floats can be told apart by')
        return real
    return value.view(np.uint8) ^ np.uint8(128) if seen.dtype == "uint8" else value


def _from_file(value: NDArray[Any], seen: Tensor, inner: Tensor) -> Values:
    """Return what the file has as the C has it, the reverse of `_to_file`.

    Raises:
        ModelError: a float is none that an integer stands for.
    """
    if seen.dtype == "float32":
        quantization = quantization_of(inner)
        quantized = quant.quantize(value, quantization, inner.dtype)
        if not np.array_equal(quant.dequantize(quantized, quantization), value):
            raise ModelError(f'output "{seen.name}" has floats that no {inner.dtype} stands for')
        return quantized
    return (value ^ np.uint8(128)).view(np.int8) if seen.dtype == "uint8" else value
