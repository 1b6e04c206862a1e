# SPDX-License-Identifier: Apache-2.0
"""A .tflite model in a TFLite runtime that is installed: tflite_runtime, ai_edge_litert or TensorFlow.

Runtimes are others' C++, which ends the process on some models. So each model has a process of its own, and
what that dies of becomes a ModelError that names the operator.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from edgecnn.compiler import ops
from edgecnn.compiler.ir import Graph
from edgecnn.compiler.picture import normalization_of
from edgecnn.compiler.reading.tflite import parse
from edgecnn.errors import MissingToolError, ModelError, OtherRuntimeWarning
from edgecnn.files import read_bytes
from edgecnn.runtime.interpreter import Description, Kernels, LocalInterpreter, Package, RefusedError
from edgecnn.runtime.isolation import ProcessDiedError, Remote
from edgecnn.runtime.model import Model
from edgecnn.runtime.patches import with_operators, with_valid_axes

_PACKAGES: tuple[Package, ...] = ("tflite_runtime", "ai_edge_litert", "tensorflow")  # in this order


class MisreadError(ModelError):
    """A runtime reads other ops in a file than our reader does."""


class Interpreter:
    """A model with any number of inputs and outputs, in a process of its own.

    Attributes:
        about: What the interpreter says of itself and of the model.
    """

    about: Description

    def __init__(
        self,
        content: bytes,
        graph: Graph,
        package: Package,
        *,
        kernels: Kernels = "default",
        threads: int = 1,
        keep_all: bool = False,
    ) -> None:
        """Load a model.

        Args:
            content: The bytes of a .tflite file.
            graph: What `parse` reads in them; inputs get its shapes.
            package: The runtime.
            kernels: "reference" takes TFLite's plain C++ ones: slow, and with tflite-runtime 2.14 what this
                project means by bit-exact; "optimized" ones are the default without delegates.
            threads: How many the kernels may use.
            keep_all: Keep what every operator makes, for `tensors`.

        Raises:
            MissingToolError: the runtime can't be used here.
            RefusedError: it refuses the model.
            MisreadError: it reads other ops in it than we do.
            ModelError: it dies of it.
        """
        shapes = {number: graph.tensors[number].shape for number in graph.inputs}
        self._graph, self._load = graph, (package, kernels, threads, shapes, keep_all)
        self._content = with_valid_axes(content)
        try:
            self._remote = Remote(LocalInterpreter, self._content, *self._load)
            self.about = self._remote.call("describe")
        except ProcessDiedError as error:
            raise self._crash(error, None) from error
        _check_ops(graph, self.about)

    def run(self, inputs: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        """Run the model on values of all inputs, in the file's order, and return those of all outputs.

        Raises:
            ModelError: the runtime fails, or dies.
        """
        try:
            outputs: list[NDArray[Any]] = self._remote.call("run", list(inputs))
        except ProcessDiedError as error:
            raise self._crash(error, inputs) from error
        return outputs

    def tensors(self, numbers: Sequence[int]) -> dict[int, NDArray[Any]]:
        """Return what is left of what operators made in the last run, by the numbers of their tensors."""
        values: dict[int, NDArray[Any]] = self._remote.call("tensors", list(numbers))
        return values

    def time(self, inputs: Sequence[NDArray[Any]], count: int) -> list[float]:
        """Return the microseconds of each of `count` inferences, measured in the interpreter's process."""
        times: list[float] = self._remote.call("time", list(inputs), count)
        return times

    def _crash(self, error: ProcessDiedError, inputs: Sequence[NDArray[Any]] | None) -> ModelError:
        """Return what to say of a death: which operator the runtime dies of, and why where that is known."""
        runtime = self._load[0].replace("_", "-")
        least, most = 0, len(self._graph.operators)  # so many run, and so many don't
        while most - least > 1:
            middle = (least + most) // 2
            least, most = (least, middle) if self._dies(middle, inputs) else (middle, most)
        if most == 0 or not self._dies(most, inputs):
            return ModelError(f"{runtime} died of it ({error.cause}), but not once more")
        operator = self._graph.operators[most - 1]
        try:
            ops.check_ranges(self._graph, operator)
        except ModelError as reason:
            return ModelError(f"{reason} ({runtime} dies of it: {error.cause})")
        return ModelError(
            f"{runtime} dies of {self._graph.describe(operator)}: {error.cause}; "
            "its shapes or scales are nothing that the runtime expects: convert the model anew"
        )

    def _dies(self, count: int, inputs: Sequence[NDArray[Any]] | None) -> bool:
        try:
            remote = Remote(LocalInterpreter, with_operators(self._content, count), *self._load)
            if inputs is not None:
                remote.call("run", list(inputs))
        except ProcessDiedError:
            return True
        except (ModelError, MissingToolError):
            pass
        return False


class TfliteModel(Model):
    """A .tflite model with one input and one output, ready to run.

    Where the first runtime that is installed can't run it, the next one does, with an OtherRuntimeWarning.
    """

    def __init__(
        self,
        model: Path | bytes,
        *,
        threads: int = 1,
        kernels: Kernels = "default",
        packages: Sequence[Package] = _PACKAGES,
    ) -> None:
        """Load a model.

        Args:
            model: A .tflite file or its bytes.
            threads: How many the kernels may use.
            kernels: As for `Interpreter`.
            packages: The runtimes to choose from, in this order.

        Raises:
            ModelError: the model can't be read or run.
            MissingToolError: no runtime is installed, or none can be used.
        """
        self.name = str(model) if isinstance(model, Path) else "the model"
        content = model if isinstance(model, bytes) else read_bytes(model, error=ModelError)
        try:
            graph = parse(content)  # before a runtime sees it: tflite-runtime dies of truncated ones
            graph.refuse_variables("here each input stands for itself; verify and compile take such a model")
            self._interpreter, obstacles = open_interpreter(
                content, graph, threads=threads, kernels=kernels, packages=packages
            )
        except ModelError as error:
            raise ModelError(f"{self.name}: {error}") from error
        about = self._interpreter.about
        self.runtime, self.delegate = about.runtime, about.delegate
        if obstacles:
            message = f"{self.name} runs on {self.runtime}: {obstacles}"
            warnings.warn(message, OtherRuntimeWarning, stacklevel=2)
        if (len(about.inputs), len(about.outputs)) != (1, 1):
            raise ModelError(
                f"{self.name} has {len(about.inputs)} inputs and {len(about.outputs)} outputs; "
                "one of each is what can be run"
            )
        [self.input], [self.output] = about.inputs.values(), about.outputs.values()
        self.normalization, self.ranges = normalization_of(graph), graph.ranges

    def invoke(self, values: NDArray[Any]) -> NDArray[Any]:
        """Run the model on its own numbers: `values` and the result are of the specs' shapes and dtypes."""
        try:
            [result] = self._interpreter.run([values])
        except ModelError as error:
            raise ModelError(f"{self.name}: {error}") from error
        return result

    def time(self, values: NDArray[Any], count: int) -> list[float]:
        """Return how many microseconds each of `count` inferences takes, without the way to its process."""
        return self._interpreter.time([values], count)


def in_other_runtimes(model: Path, runtime: str, threads: int) -> Iterator[TfliteModel]:
    """Yield a .tflite in each runtime that is installed and can run it, but `runtime`.

    TensorFlow's own is left out: it is no other than ai_edge_litert's, and takes seconds to load.
    """
    for package in _PACKAGES[:-1]:
        if find_spec(package) is not None and not runtime.startswith(package.replace("_", "-")):
            with suppress(ModelError, MissingToolError):
                yield TfliteModel(model, threads=threads, packages=(package,))


def open_interpreter(
    content: bytes,
    graph: Graph,
    *,
    threads: int = 1,
    kernels: Kernels = "default",
    keep_all: bool = False,
    packages: Sequence[Package] = _PACKAGES,
) -> tuple[Interpreter, str]:
    """Load a model into the first runtime that can run it; return why those before it can't.

    What is asked for is as for `Interpreter`.

    Raises:
        ModelError: none can run it, or one dies of it.
        MissingToolError: none is installed, or none can be used.
    """
    refusals: list[str] = []
    missing: list[str] = []
    for package in packages:
        if find_spec(package) is None or (package == "tensorflow" and refusals):  # which would say the same
            continue
        try:
            interpreter = Interpreter(
                content, graph, package, threads=threads, kernels=kernels, keep_all=keep_all
            )
        except RefusedError as error:
            refusals.append(str(error))
        except MissingToolError as error:
            missing.append(str(error))
        else:
            return interpreter, "; ".join(missing + refusals)
    if refusals:
        raise ModelError("; ".join(refusals + missing))
    if missing:
        raise MissingToolError(f"no TFLite runtime can be used here: {'; '.join(missing)}")
    raise MissingToolError("no TFLite runtime is installed; pip install 'edgecnn[runtime]'")


def _check_ops(graph: Graph, about: Description) -> None:
    """Check our reader: the runtime must see the same ops in the file; delegates follow behind them.

    Raises:
        MisreadError: it sees another.
    """
    theirs = about.ops + ("nothing",) * len(graph.operators)
    for operator, op in zip(graph.operators, theirs, strict=False):
        if operator.op.removeprefix("CUSTOM:") != op:
            raise MisreadError(
                f"{graph.describe(operator)} is {op} to {about.runtime}: edgecnn reads this file wrongly; "
                "please report it, with the file"
            )
