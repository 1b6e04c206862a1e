# SPDX-License-Identifier: Apache-2.0
"""From arrays to the batches of an epoch: as fast as memory allows, and the same for the same seed.

Images are decoded once, by edgecnn.data.arrays, and kept as bytes, a quarter of what a cache of floats takes.
What an epoch shows is drawn with NumPy beforehand; TensorFlow then gathers, converts and moves several
batches at a time, in order, while the network learns from an earlier one.
"""

import os
from typing import Any

import numpy as np
import numpy.typing as npt

from edgecnn.data.arrays import Arrays
from edgecnn.tf import tf
from edgecnn.training.augmentation import NONE, Augmentation, augment
from edgecnn.training.objective import MASK, objective, targets_of


class Batches:
    """The images of `arrays`, and what `model` is to answer to them, ready to be shown in any order."""

    def __init__(self, model: Any, arrays: Arrays, batch_size: int) -> None:
        with tf.device("CPU"):  # where batches are made; the memory of a GPU is for the network
            self._images, self._answers = tf.constant(arrays.images), targets_of(model, arrays)
        self._masks = objective(model) == MASK
        self._size = batch_size

    def in_order(self, weights: npt.NDArray[np.float32] | None = None) -> Any:
        """Return a tf.data.Dataset of all images as they are: (float32 (n, h, w, c) in 0..1, answers).

        With `weights`, float32 (images,), a third part is how much each counts in the loss.
        """
        index = np.arange(len(self._images))
        if weights is None:
            return self._dataset((index,), self._gather)
        return self._dataset((index, weights), self._gather_and_weigh)

    def epoch(self, order: npt.NDArray[np.int64], augmentation: Augmentation, seed: int, epoch: int) -> Any:
        """Return a tf.data.Dataset of the images of `order`, augmented."""
        if augmentation == NONE:
            return self._dataset((order,), self._gather)
        _, height, width, _ = self._images.shape
        transforms = augmentation.transforms(len(order), height, width, seed, epoch)
        offsets = augmentation.offsets(len(order), seed, epoch)
        return self._dataset((order, transforms, offsets), self._gather_and_move)

    def _dataset(self, per_image: tuple[npt.NDArray[Any], ...], make: Any) -> Any:
        options = tf.data.Options()
        # TensorFlow's own threads are pinned, so that training is repeatable; these don't add anything up.
        options.threading.private_threadpool_size = os.cpu_count() or 1
        # Where several workers train, each makes whole batches and shows its own part of them.
        options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
        batches = tf.data.Dataset.from_tensor_slices(per_image).batch(self._size)
        return batches.map(make, tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE).with_options(options)

    def _gather(self, index: Any) -> Any:
        images = tf.cast(tf.gather(self._images, index), tf.float32) / 255.0
        return images, tf.gather(self._answers, index)

    def _gather_and_weigh(self, index: Any, weights: Any) -> Any:
        return *self._gather(index), weights

    def _gather_and_move(self, index: Any, transforms: Any, offsets: Any) -> Any:
        """Move a mask as its image; a pixel is inside where more than half of it is."""
        images, answers = self._gather(index)
        if self._masks:
            masks = augment(answers, transforms, tf.zeros_like(offsets))
            answers = tf.cast(masks > 0.5, tf.float32)
        return augment(images, transforms, offsets), answers
