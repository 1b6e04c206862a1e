# SPDX-License-Identifier: Apache-2.0
"""The serving signature of a SavedModel, called as a Keras model is: with an image of 0 to 1."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgecnn.compiler.ir import Normalization
from edgecnn.compiler.picture import BYTES, UNIT, require_channels, require_order
from edgecnn.errors import ModelError
from edgecnn.models._input_range import Beginning, Step, Values
from edgecnn.tf import convert_to_constants, tf

# These hold weights.
_LEARNT = ("Conv", "DepthwiseConv", "MatMul", "BatchMatMul", "Einsum", "FusedBatchNorm")


class SignatureModel(tf.Module):  # type: ignore[misc]
    """A SavedModel with `input_shape` (None, h, w, c) and `output_shape`, for an image of 0 to 1."""

    def __init__(
        self, folder: Path, source: Path, normalization: Normalization | None = None, order: str = "RGB"
    ) -> None:
        """Load a SavedModel that has passed the gate; `notes` are what its image's range tells a person.

        Args:
            folder: where it is.
            source: what messages call it.
            normalization: what a picture is to it; None: that is found by what it does to it first.
            order: of the channels that it takes; "BGR" is turned into "RGB".

        Raises:
            ModelError: it takes or answers anything but one tensor of floats, or has other channels than
                `normalization`.
        """
        super().__init__()
        self._loaded = tf.saved_model.load(folder)
        signature = self._loaded.signatures.get("serving_default")
        if (
            signature is None
            or len(signature.structured_input_signature[1]) != 1
            or len(signature.outputs) != 1
        ):
            raise ModelError(f"{source} has no signature 'serving_default' with one input and one output")
        self._signature = signature
        [(self._input, spec)] = signature.structured_input_signature[1].items()
        if not spec.dtype.is_floating:
            raise ModelError(
                f"{source} takes {spec.dtype.name} and not float32; save its model with a float32 input"
            )
        self.input_shape = tuple(spec.shape)
        self.output_shape = tuple(signature.outputs[0].shape)
        self._normalization, self.notes = normalization or UNIT, list[str]()
        require_channels(self._normalization, self.input_shape[-1], str(source))
        require_order(order, self.input_shape[-1], str(source))
        self._order = order
        if len(self.input_shape) == 4 and normalization is None:
            wants_bytes, self.notes = _beginning(signature).told(str(source))
            self._normalization = BYTES if wants_bytes else UNIT

    def __call__(self, image: Any, training: bool = False) -> Any:
        """Return the answer to images of 0 to 1, (n, h, w, c)."""
        if self._normalization != UNIT:
            mean, deviation = (np.array(values, np.float32) for values in self._normalization)
            image = image * (255 / deviation) - mean / deviation if mean.any() else image * (255 / deviation)
        if self._order == "BGR":  # as a convolution of one tap, which has an int8 form
            image = tf.nn.conv2d(image, np.eye(3, dtype=np.float32)[::-1][None, None], 1, "VALID")
        [output] = self._signature(**{self._input: image}).values()
        return output


def _beginning(signature: Any) -> Beginning:
    """Return what a signature does to its image before any weights."""
    flat = _inlined(signature)
    image, *_ = (tensor for tensor in flat.inputs if tensor.dtype != tf.resource)
    captured = {inner.name: outer for outer, inner in signature.graph.captures}
    others = [tensor for tensor in flat.inputs if tensor.name in captured]
    values = [captured[tensor.name] for tensor in others]

    def fetch(wanted: Sequence[Any], images: Any) -> Sequence[Any]:
        return flat.prune([image, *others], list(wanted))(images, *values)  # type: ignore[no-any-return]

    numbers, tensors = {image.name: 0}, [image]
    steps = []
    for operation in flat.graph.get_operations():
        takes = [numbers[tensor.name] for tensor in operation.inputs if tensor.name in numbers]
        if takes and operation.outputs:
            makes = list(range(len(tensors), len(tensors) + len(operation.outputs)))
            numbers |= zip((tensor.name for tensor in operation.outputs), makes, strict=True)
            tensors += operation.outputs
            learnt = operation.type.startswith(_LEARNT)
            name = "" if operation.type == "Identity" else "/".join(operation.name.split("/")[-2:])
            steps.append(Step(name, takes, makes, not learnt, _statistics(operation, fetch)))

    def run(wanted: Sequence[int], images: npt.NDArray[np.float32]) -> list[Values]:
        kept = [tensors[number] for number in wanted]
        if image.shape[0] is None:
            return [np.asarray(result, np.float64) for result in fetch(kept, tf.constant(images))]
        single = [fetch(kept, tf.constant(images[index : index + 1])) for index in range(len(images))]
        return [
            np.concatenate([np.atleast_1d(part) for part in parts]) for parts in zip(*single, strict=True)
        ]

    return Beginning(0, image.shape[1:], steps, run)


def _inlined(signature: Any) -> Any:
    """Return a signature as one graph, without calls of functions; its variables are inputs of it.

    TensorFlow's own way to constants fails where a model changes variables, as Keras's flips do.
    """
    graph = convert_to_constants._run_inline_graph_optimization(signature, False, False)
    return convert_to_constants._construct_concrete_function(signature, graph, set())


def _statistics(operation: Any, fetch: Callable[..., Sequence[Any]]) -> tuple[Values, Values] | None:
    if not operation.type.startswith("FusedBatchNorm") or operation.get_attr("is_training"):
        return None
    shape = [side or 1 for side in operation.graph.inputs[0].shape]
    mean, variance = fetch(operation.inputs[3:5], tf.zeros(shape))
    deviation = np.sqrt(np.asarray(variance, np.float64) + operation.get_attr("epsilon"))
    return np.asarray(mean, np.float64), deviation
