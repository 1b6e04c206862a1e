# SPDX-License-Identifier: Apache-2.0
"""How much each group of channels matters: the first-order Taylor criterion.

Molchanov et al. 2019, arXiv:1906.10771. If all values of a channel were multiplied by a number, the loss
would change by its derivative; at 1 that is the sum of gradient times weight over the weights that read the
channel, wherever it is read. Its square, the mean over batches, estimates what the channel's absence costs.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compression.channels import Channels, Numbers
from edgecnn.data.arrays import Arrays
from edgecnn.tf import tf
from edgecnn.training.batches import Batches
from edgecnn.training.objective import loss_of

BATCH = 16  # of smaller ones more is known of single images, of larger ones they are sooner done


def importance(model: Any, channels: Channels, arrays: Arrays, loss: str) -> NDArray[np.float64]:
    """Return how much each group of `channels` matters, (groups,); what no weight reads matters nothing.

    Args:
        model: what the channels are of.
        channels: its groups.
        arrays: labelled images.
        loss: as training.objective knows it.
    """
    readers = list(_readers(model, channels))
    criterion = loss_of(model, loss)

    @tf.function  # type: ignore[untyped-decorator]
    def derivatives(images: Any, answers: Any) -> Any:
        with tf.GradientTape() as tape:
            value = criterion(answers, model(images, training=False))
        gradients = tape.gradient(value, [weight for weight, _, _ in readers])
        return [
            tf.reduce_sum(gradient * weight, [other for other in range(len(weight.shape)) if other != axis])
            for gradient, (weight, axis, _) in zip(gradients, readers, strict=True)
        ]

    total = np.zeros(channels.count)
    for images, answers in Batches(model, arrays, BATCH).in_order():
        changes = np.zeros(channels.count)
        for change, (_, _, groups) in zip(derivatives(images, answers), readers, strict=True):
            changes += np.bincount(groups, change.numpy(), channels.count)
        total += changes**2
    return total / len(arrays.images) * BATCH


def _readers(model: Any, channels: Channels) -> Iterator[tuple[Any, int, Numbers]]:
    """Yield each weight that adds up channels, the axis along which it does, and their groups."""
    for layer in model.layers:
        for weight, axes in zip(layer.weights, channels.axes.get(layer.name, ()), strict=False):
            for axis, groups in axes.read.items():
                yield weight, axis, groups
