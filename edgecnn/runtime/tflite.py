# SPDX-License-Identifier: Apache-2.0
"""A .tflite model in the TFLite runtime that is installed: tflite_runtime, ai_edge_litert or TensorFlow."""

from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler.flatbuffer import parse
from edgecnn.errors import MissingToolError, ModelError
from edgecnn.files import read_bytes
from edgecnn.runtime.model import Model, TensorSpec
from edgecnn.stderr import dropped_stderr


class TfliteModel(Model):
    """A .tflite model with one input and one output, ready to run."""

    def __init__(
        self, model: Path | bytes, *, threads: int = 1, kernels: Literal["default", "reference"] = "default"
    ) -> None:
        """Load a model; the runtime's notes on standard error are dropped.

        Args:
            model: A .tflite file or its bytes.
            threads: How many the kernels may use.
            kernels: "reference" takes TFLite's plain C++ ones: slow, and with tflite-runtime 2.14 what this
                project means by bit-exact.

        Raises:
            ModelError: the model can't be read or run.
            MissingToolError: no runtime is installed.
        """
        name = str(model) if isinstance(model, Path) else "the model"
        self._content = model if isinstance(model, bytes) else read_bytes(model, error=ModelError)
        _check(self._content, name)
        with dropped_stderr():  # runtimes note their delegates there
            self.runtime, interpreter_class, resolvers = _load_runtime()
            resolver = resolvers.BUILTIN_REF if kernels == "reference" else resolvers.AUTO
            try:
                self._interpreter = interpreter_class(
                    model_content=self._content, num_threads=threads, experimental_op_resolver_type=resolver
                )
                self._interpreter.allocate_tensors()
            except (RuntimeError, ValueError) as error:
                reason = str(error).split(". ")[0].strip()
                raise ModelError(f"{name} can't be run by {self.runtime}: {reason[:300]}") from error
        inputs, outputs = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        if (len(inputs), len(outputs)) != (1, 1):
            raise ModelError(
                f"{name} has {len(inputs)} inputs and {len(outputs)} outputs; one of each is what can be run"
            )
        self._indices = inputs[0]["index"], outputs[0]["index"]
        self.input, self.output = _spec(inputs[0]), _spec(outputs[0])
        operators = self._interpreter._get_ops_details()
        self.delegate = "XNNPACK" if any(op["op_name"] == "DELEGATE" for op in operators) else "none"
        self.name = name

    def invoke(self, values: NDArray[Any]) -> NDArray[Any]:
        """Run the model on its own numbers: `values` and the result are of the specs' shapes and dtypes."""
        self._interpreter.set_tensor(self._indices[0], values)
        self._interpreter.invoke()
        result: NDArray[Any] = self._interpreter.get_tensor(self._indices[1])
        return result


def _check(content: bytes, name: str) -> None:
    """Walk the file before a runtime does: tflite-runtime ends the process on a truncated one."""
    try:
        parse(content)
    except ModelError as error:
        raise ModelError(f"{name}: {error}") from error


def _load_runtime() -> tuple[str, Any, Any]:
    """Return the name of a runtime with its version, its Interpreter and its OpResolverType."""
    for package in ("tflite_runtime", "ai_edge_litert"):
        try:
            module = import_module(f"{package}.interpreter")
        except ImportError:
            continue
        version = import_module(package).__version__
        return f"{package.replace('_', '-')} {version}", module.Interpreter, module.OpResolverType
    try:
        from edgecnn.tf import tf
    except MissingToolError as error:
        raise MissingToolError("no TFLite runtime is installed; pip install 'edgecnn[runtime]'") from error
    return f"tensorflow {tf.__version__}", tf.lite.Interpreter, tf.lite.experimental.OpResolverType


def _spec(details: dict[str, Any]) -> TensorSpec:
    scale, zero_point = details["quantization"]
    shape = tuple(int(size) for size in details["shape"])
    return TensorSpec(details["name"], shape, np.dtype(details["dtype"]), float(scale), int(zero_point))
