# SPDX-License-Identifier: Apache-2.0
"""A .tflite model in the TFLite runtime that is installed: tflite_runtime, ai_edge_litert or TensorFlow."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler.flatbuffer import parse
from edgecnn.errors import MissingToolError, ModelError


@dataclass(frozen=True)
class TensorSpec:
    """An input or output; real = scale * (q - zero_point), and scale is 0.0 where it isn't quantized."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    scale: float
    zero_point: int


class TfliteModel:
    """A model with one input and one output, ready to run.

    Attributes:
        runtime: What runs it, with its version: "tflite-runtime 2.14.0".
        delegate: "XNNPACK" where that runs any operator, else "none".
        input: The input's spec.
        output: The output's spec.
    """

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
        self._content = model if isinstance(model, bytes) else _read(model)
        _check(self._content, name)
        with _quiet():
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
        self._name = name

    def invoke(self, values: NDArray[Any]) -> NDArray[Any]:
        """Run the model on its own numbers: `values` and the result are of the specs' shapes and dtypes."""
        self._interpreter.set_tensor(self._indices[0], values)
        self._interpreter.invoke()
        result: NDArray[Any] = self._interpreter.get_tensor(self._indices[1])
        return result

    def predict(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Run the model on images of bytes, one by one, and return real numbers.

        A byte means byte / 255. For a quantized input that becomes round(byte / 255 / scale) + zero_point,
        half up, within the dtype: byte - 128 for scale 1/255 and zero point -128.

        Args:
            images: (N, H, W, C) bytes of the input's size.

        Returns:
            (N, outputs) float32; for an output with more dimensions than two, (N, ...) of its shape.

        Raises:
            ModelError: the images are not of the model's input size.
        """
        if images.ndim != 4 or (1, *images.shape[1:]) != self.input.shape or images.dtype != np.uint8:
            raise ModelError(
                f"{self._name} takes images of {'x'.join(map(str, self.input.shape[1:]))} bytes, "
                f"not {'x'.join(map(str, images.shape[1:]))} {images.dtype}"
            )
        table = byte_table(self.input)
        results = np.empty((len(images), *self.output.shape[1:]), np.float32)
        for image, result in zip(images, results, strict=True):
            result[...] = dequantize(self.invoke(table[image][None])[0], self.output)
        return results

    def classify(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Run a classifier as `predict` does; a single output says how probable the second of two classes is.

        Returns:
            (N, classes) float32.

        Raises:
            ModelError: the images are not of the model's input size, or it doesn't answer with one row.
        """
        if len(self.output.shape) != 2:
            raise ModelError(
                f"{self._name} answers with {list(self.output.shape)}; a classifier with [1, classes]"
            )
        answers = self.predict(images)
        return np.hstack([1 - answers, answers]) if answers.shape[1] == 1 else answers


def byte_table(spec: TensorSpec) -> NDArray[Any]:
    """Return the 256 values that an input of `spec` takes for the bytes of an image: (256,) of its dtype."""
    real = np.arange(256) / 255
    if spec.scale:
        limits = np.iinfo(spec.dtype)
        real = np.clip(np.floor(real / spec.scale + 0.5) + spec.zero_point, limits.min, limits.max)
    return np.asarray(real.astype(spec.dtype))


def dequantize(values: NDArray[Any], spec: TensorSpec) -> NDArray[np.float32]:
    """Return the reals that a tensor of `spec` holds, as float32."""
    if not spec.scale:
        return values.astype(np.float32)
    return np.float32(spec.scale) * (values.astype(np.int32) - spec.zero_point).astype(np.float32)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"can't read {path}: {error.strerror}") from error


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
        raise MissingToolError(
            "no TFLite runtime is installed: install one with: pip install 'edgecnn[runtime]'"
        ) from error
    return f"tensorflow {tf.__version__}", tf.lite.Interpreter, tf.lite.experimental.OpResolverType


@contextmanager
def _quiet() -> Iterator[None]:
    """Drop what is written to standard error: runtimes note their delegates there, past Python."""
    sys.stderr.flush()
    terminal, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(terminal, 2)
        os.close(terminal)
        os.close(nowhere)


def _spec(details: dict[str, Any]) -> TensorSpec:
    scale, zero_point = details["quantization"]
    shape = tuple(int(size) for size in details["shape"])
    return TensorSpec(details["name"], shape, np.dtype(details["dtype"]), float(scale), int(zero_point))
