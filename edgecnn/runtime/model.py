# SPDX-License-Identifier: Apache-2.0
"""What every way to run a model has in common: numbers in and out, and what they mean."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import quant
from edgecnn.compiler.ir import Normalization, Quantization, Ranges
from edgecnn.compiler.numbers import as_input
from edgecnn.compiler.picture import as_values, unknown_range
from edgecnn.data.numbers import fits
from edgecnn.errors import ModelError


@dataclass(frozen=True)
class TensorSpec:
    """An input or output; real = scale * (q - zero_point), and scale is 0.0 where it isn't quantized."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    scale: float
    zero_point: int


class Model(ABC):
    """A model with one input and one output, ready to run.

    Attributes:
        name: What messages call it: its file.
        runtime: What runs it, with its version: "tflite-runtime 2.14.0".
        delegate: "XNNPACK" where that runs any operator, else "none".
        input: The input's spec.
        output: The output's spec.
        normalization: What a byte of a picture is to it; None where nothing tells.
        ranges: Of numbers, which become bytes by them; None where it tells none.
    """

    name: str
    runtime: str
    delegate: str
    input: TensorSpec
    output: TensorSpec
    normalization: Normalization | None
    ranges: Ranges | None

    @abstractmethod
    def invoke(self, values: NDArray[Any]) -> NDArray[Any]:
        """Run the model on its own numbers: `values` and the result are of the specs' shapes and dtypes."""

    def time(self, values: NDArray[Any], count: int) -> list[float]:
        """Return how many microseconds each of `count` inferences on the same `values` takes."""
        return microseconds(lambda: self.invoke(values), count)

    def predict(self, images: NDArray[Any]) -> NDArray[np.float32]:
        """Run the model on images of bytes, or on numbers, one by one, and return real numbers.

        Args:
            images: as `values` takes them.

        Returns:
            (N, outputs) float32; for an output with more dimensions than two, (N, ...) of its shape.

        Raises:
            ModelError: the images are not of the model's input size.
        """
        results = np.empty((len(images), *self.output.shape[1:]), np.float32)
        for index, result in enumerate(results):
            values = self.values(images[index : index + 1])
            result[...] = dequantize(self.invoke(values)[0], self.output)
        return results

    def values(self, images: NDArray[Any]) -> NDArray[Any]:
        """Return what the input takes for images of bytes, by `quant.byte_table`, or for numbers.

        Args:
            images: (N, H, W, C) bytes; or (N, ...) float32 numbers, which become bytes by the model's own
                ranges or the scale of its input, and stay as they are where it has neither; they may lack
                sides of 1.

        Raises:
            ModelError: the images are not of the model's input size, or nothing tells what a byte is to it.
        """
        if images.dtype == np.float32 and fits(images.shape[1:], self.input.shape[1:]):
            images = images.reshape(-1, *self.input.shape[1:])
        if (1, *images.shape[1:]) != self.input.shape or images.dtype not in (np.uint8, np.float32):
            raise ModelError(
                f"{self.name} takes images of {'x'.join(map(str, self.input.shape[1:]))} bytes, "
                f"not {'x'.join(map(str, images.shape[1:]))} {images.dtype}"
            )
        spec, dtype = self.input, np.dtype(self.input.dtype).name
        if images.dtype == np.float32:
            if self.ranges and len(self.ranges) not in (1, images.shape[-1]):
                raise ModelError(
                    f"{self.name} tells {len(self.ranges)} ranges for {images.shape[-1]} channels"
                )
            return as_input(images, self.ranges, spec.scale, spec.zero_point, dtype)
        if self.normalization is None:
            held = Quantization((spec.scale,), (spec.zero_point,))
            raise ModelError(unknown_range(self.name, held, dtype))
        return as_values(images, quant.byte_table(self.normalization, spec.scale, spec.zero_point, dtype))

    def classify(self, images: NDArray[Any]) -> NDArray[np.float32]:
        """Run a classifier as `predict` does; a single output says how probable the second of two classes is.

        Returns:
            (N, classes) float32.

        Raises:
            ModelError: the images are not of the model's input size, or it doesn't answer with one row.
        """
        if len(self.output.shape) != 2:
            raise ModelError(
                f"{self.name} answers with {list(self.output.shape)}; a classifier with [1, classes]"
            )
        answers = self.predict(images)
        return np.hstack([1 - answers, answers]) if answers.shape[1] == 1 else answers


def microseconds(call: Callable[[], object], count: int) -> list[float]:
    """Return how long each of `count` calls takes, by the monotonic clock."""
    clock, times = time.perf_counter_ns, []
    for _ in range(count):
        start = clock()
        call()
        times.append((clock() - start) / 1000)
    return times


def dequantize(values: NDArray[Any], spec: TensorSpec) -> NDArray[np.float32]:
    """Return the reals that a tensor of `spec` holds, as float32."""
    if not spec.scale:
        return values.astype(np.float32)
    return np.float32(spec.scale) * (values.astype(np.int32) - spec.zero_point).astype(np.float32)
