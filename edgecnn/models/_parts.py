# SPDX-License-Identifier: Apache-2.0
"""What several networks share."""

from typing import Any

from edgecnn.errors import ModelError
from edgecnn.models import Shape


def require_input(name: str, shape: Shape, smallest: int, multiple: int = 1) -> None:
    """Refuse an input that is smaller than the network needs, or no multiple of what it halves.

    Raises:
        ModelError: it is.
    """
    height, width, _ = shape
    if min(height, width) < smallest or height % multiple or width % multiple:
        multiples = f", in multiples of {multiple}" if multiple > 1 else ""
        raise ModelError(
            f'model "{name}" can\'t take an input of {height}x{width}; use {smallest}x{smallest} or more'
            + multiples
        )


def scaled(channels: int, width: float) -> int:
    """Return how many of `channels` a network of that width has."""
    return max(1, round(channels * width))


def probabilities(features: Any, classes: int) -> Any:
    """Return the last layer's output: for two classes the second one's probability, else one for each."""
    from edgecnn.tf import keras

    units, activation = (1, "sigmoid") if classes == 2 else (classes, "softmax")
    return keras.layers.Dense(units, activation=activation, name="probabilities")(features)
