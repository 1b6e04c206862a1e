# SPDX-License-Identifier: Apache-2.0
"""The serving signature of a SavedModel, called as a Keras model is: with an image of 0 to 1."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgecnn.errors import ModelError
from edgecnn.models._input_range import Beginning, Step, Values
from edgecnn.tf import convert_variables_to_constants_v2, tf

# These hold weights.
_LEARNT = ("Conv", "DepthwiseConv", "MatMul", "BatchMatMul", "Einsum", "FusedBatchNorm")


class SignatureModel(tf.Module):  # type: ignore[misc]
    """A SavedModel with `input_shape` (None, h, w, c) and `output_shape`, for an image of 0 to 1."""

    def __init__(self, folder: Path, source: Path) -> None:
        """Load a SavedModel that has passed the gate; `notes` are what its image's range tells a person.

        Args:
            folder: where it is.
            source: what messages call it.

        Raises:
            ModelError: it takes or answers anything but one tensor of floats.
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
        wants_bytes, self.notes = False, list[str]()
        if len(self.input_shape) == 4:
            wants_bytes, self.notes = _beginning(signature).told(str(source))
        self._factor = 255 if wants_bytes else 1

    def __call__(self, image: Any, training: bool = False) -> Any:
        """Return the answer to images of 0 to 1, (n, h, w, c)."""
        image = image * self._factor if self._factor != 1 else image
        [output] = self._signature(**{self._input: image}).values()
        return output


def _beginning(signature: Any) -> Beginning:
    """Return what a signature does to its image before any weights."""
    frozen = convert_variables_to_constants_v2(signature)
    [image, *_] = frozen.inputs
    numbers, tensors = {image.name: 0}, [image]
    steps = []
    for operation in frozen.graph.get_operations():
        takes = [numbers[tensor.name] for tensor in operation.inputs if tensor.name in numbers]
        if takes and operation.outputs:
            makes = list(range(len(tensors), len(tensors) + len(operation.outputs)))
            numbers |= zip((tensor.name for tensor in operation.outputs), makes, strict=True)
            tensors += operation.outputs
            learnt = operation.type.startswith(_LEARNT)
            steps.append(Step(operation.name, takes, makes, not learnt, _statistics(operation)))

    def run(wanted: Sequence[int], images: npt.NDArray[np.float32]) -> list[Values]:
        function = frozen.prune(image, [tensors[number] for number in wanted])
        if image.shape[0] is None:
            return [np.asarray(values, np.float64) for values in function(tf.constant(images))]
        single = [function(tf.constant(images[index : index + 1])) for index in range(len(images))]
        return [np.concatenate([np.atleast_1d(v) for v in values]) for values in zip(*single, strict=True)]

    return Beginning(0, image.shape[1:], steps, run)


def _statistics(operation: Any) -> tuple[Values, Values] | None:
    if not operation.type.startswith("FusedBatchNorm") or operation.get_attr("is_training"):
        return None
    mean, variance = (tf.get_static_value(tensor) for tensor in operation.inputs[3:5])
    if mean is None or variance is None:
        return None
    deviation = np.sqrt(np.asarray(variance, np.float64) + operation.get_attr("epsilon"))
    return np.asarray(mean, np.float64), deviation
