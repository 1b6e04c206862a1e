# SPDX-License-Identifier: Apache-2.0
"""A TFLite interpreter in this process, which some models end: `tflite.py` starts another for each."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edgecnn.errors import MissingToolError, ModelError
from edgecnn.runtime.model import TensorSpec, microseconds

Package = Literal["tflite_runtime", "ai_edge_litert", "tensorflow"]
Kernels = Literal["default", "optimized", "reference"]
_RESOLVERS = {
    "default": "AUTO",
    "optimized": "BUILTIN_WITHOUT_DEFAULT_DELEGATES",
    "reference": "BUILTIN_REF",
}
# What tflite-runtime 2.14 raises beside a NumPy that it wasn't built for, when imported or when used.
_BROKEN = (ImportError, AttributeError, SystemError, OSError)


class RefusedError(ModelError):
    """A runtime refuses a model, which another may take."""


@dataclass(frozen=True)
class Description:
    """What an interpreter says of itself and of its model.

    Attributes:
        runtime: The package with its version: "tflite-runtime 2.14.0".
        delegate: "XNNPACK" where that runs any operator, else "none".
        inputs: The specs of the inputs, by the numbers of their tensors, in the file's order.
        outputs: Those of the outputs.
        ops: The op of each operator as the runtime reads the file, custom ones by their own name.
    """

    runtime: str
    delegate: str
    inputs: Mapping[int, TensorSpec]
    outputs: Mapping[int, TensorSpec]
    ops: tuple[str, ...]


class LocalInterpreter:
    """An interpreter of one package with one model, ready to run."""

    def __init__(
        self,
        content: bytes,
        package: Package,
        kernels: Kernels,
        threads: int,
        shapes: Mapping[int, tuple[int, ...]],
        keep_all: bool,
    ) -> None:
        """Load a model.

        Args:
            content: Bytes of a .tflite file, which `flatbuffer.parse` has walked.
            package: The runtime.
            kernels: "optimized" ones are the default without delegates.
            threads: How many the kernels may use.
            shapes: Of the inputs, by the numbers of their tensors; others than the file's are set.
            keep_all: Keep what every operator makes, for `tensors`.

        Raises:
            MissingToolError: the runtime can't be used here.
            RefusedError: it refuses the model.
        """
        self._name = package.replace("_", "-")
        try:
            version, interpreter, resolvers = _package(package)
            self._name += f" {version}"
            loaded = interpreter(
                model_content=content,
                num_threads=threads,
                experimental_op_resolver_type=getattr(resolvers, _RESOLVERS[kernels]),
                experimental_preserve_all_tensors=keep_all,
            )
            for details in loaded.get_input_details():
                shape = shapes[int(details["index"])]
                if tuple(details["shape"]) != shape:
                    loaded.resize_tensor_input(details["index"], shape)
            loaded.allocate_tensors()
            self._indices = [
                [int(details["index"]) for details in edges]
                for edges in (loaded.get_input_details(), loaded.get_output_details())
            ]
        except (RuntimeError, ValueError) as error:
            raise RefusedError(f"{self._name} refuses it: {_reason(error)}") from None
        except _BROKEN as error:
            raise MissingToolError(f"{self._name} can't be used: {_remedy(error)}") from None
        self._interpreter = loaded

    def describe(self) -> Description:
        """Return what the interpreter is and what it makes of the model."""
        interpreter = self._interpreter
        ops = tuple(str(op["op_name"]) for op in interpreter._get_ops_details())
        return Description(
            self._name,
            "XNNPACK" if "DELEGATE" in ops else "none",
            {int(details["index"]): _spec(details) for details in interpreter.get_input_details()},
            {int(details["index"]): _spec(details) for details in interpreter.get_output_details()},
            ops,
        )

    def run(self, inputs: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        """Run the model on values of all inputs and return those of all outputs.

        Raises:
            ModelError: the runtime fails.
        """
        interpreter, (read, written) = self._interpreter, self._indices
        try:
            for index, value in zip(read, inputs, strict=True):
                interpreter.set_tensor(index, value)
            interpreter.invoke()
        except (RuntimeError, ValueError) as error:
            raise ModelError(f"{self._name} fails: {_reason(error)}") from None
        return [interpreter.get_tensor(index) for index in written]

    def tensors(self, numbers: Sequence[int]) -> dict[int, NDArray[Any]]:
        """Return what is left of what operators made in the last run, by the numbers of their tensors.

        Args:
            numbers: in the order in which they were made. Though all are kept, some operators write to the
                place of what they read.
        """
        places: dict[int, int] = {}
        for number in numbers:
            with suppress(ValueError):  # it has no memory
                view = self._interpreter.tensor(number)()
                places[view.__array_interface__["data"][0]] = number
                del view  # the next run needs to know that nobody looks
        return {number: self._interpreter.get_tensor(number) for number in places.values()}

    def time(self, inputs: Sequence[NDArray[Any]], count: int) -> list[float]:
        """Return the microseconds of each of `count` inferences, with handing over inputs and outputs."""
        return microseconds(lambda: self.run(inputs), count)


def _package(name: Package) -> tuple[str, Any, Any]:
    """Return the version of a package, its Interpreter and its OpResolverType."""
    if name == "tensorflow":
        from edgecnn.tf import tf

        return tf.__version__, tf.lite.Interpreter, tf.lite.experimental.OpResolverType
    version, module = import_module(name).__version__, import_module(f"{name}.interpreter")
    return version, module.Interpreter, module.OpResolverType


def _reason(error: Exception) -> str:
    return " ".join(str(error).split(". ")[0].split())[:300]


def _remedy(error: Exception) -> str:
    if "numpy" not in str(error.__cause__ or error).lower():
        return _reason(error)
    remedy = "pip install 'numpy<2'" if int(np.__version__.split(".")[0]) > 1 else "install it anew"
    return f"it was built for another NumPy than {np.__version__}; {remedy}"


def _spec(details: dict[str, Any]) -> TensorSpec:
    scale, zero_point = details["quantization"]
    shape = tuple(int(size) for size in details["shape"])
    return TensorSpec(details["name"], shape, np.dtype(details["dtype"]), float(scale), int(zero_point))
