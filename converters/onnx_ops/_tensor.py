# SPDX-License-Identifier: Apache-2.0
"""A Keras tensor in the place of an ONNX one, whose axes may lie in another order in memory.

ONNX has images as (n, c, h, w), what is trained and quantized here as (n, h, w, c). A transposition is
therefore none but a note of the order, until something needs the values in a certain one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from edgecnn.errors import ModelError
from edgecnn.tf import keras

L = keras.layers
Array = npt.NDArray[Any]
Order = tuple[int, ...]
CHANNELS_LAST: Order = (0, 2, 3, 1)  # in which Keras has the axes of an image, by ONNX's numbers


@dataclass(frozen=True)
class Tensor:
    """What an operator makes.

    Attributes:
        keras: the Keras tensor; its first axis, the batch, is ONNX's first, too.
        shape: ONNX's, with the batch that the file has, or 1 where it has any.
        order: axis `i` of the Keras tensor is axis `order[i]` of `axes`.
        axes: `shape`; or, of a tensor that ONNX has flattened since and Keras has not yet, that before.
    """

    keras: Any
    shape: tuple[int, ...]
    order: Order
    axes: tuple[int, ...]

    @staticmethod
    def of(tensor: Any, batch: int, order: Order | None = None) -> "Tensor":
        """Return a Keras tensor as an ONNX one, whose axes lie in `order`; None: in the same."""
        sides = (batch, *tensor.shape[1:])
        order = order or tuple(range(len(sides)))
        shape = tuple(sides[order.index(axis)] for axis in range(len(sides)))
        return Tensor(tensor, shape, order, shape)

    @property
    def rank(self) -> int:
        """Return how many axes ONNX sees."""
        return len(self.shape)

    @property
    def is_flattened(self) -> bool:
        """Say whether ONNX has flattened it, and Keras has not yet."""
        return self.axes != self.shape

    def like(self, tensor: Any) -> "Tensor":
        """Return what a function of single values has made of it."""
        return replace(self, keras=tensor)

    def axis(self, axis: int) -> int:
        """Return where Keras has an axis of ONNX's, which may be negative."""
        return self.order.index(axis % self.rank)

    def ordered(self, order: Order | None = None, name: str = "") -> "Tensor":
        """Return it in an order, ONNX's own by default, by a layer called `name` where it lies otherwise."""
        flat = self._flat(name) if self.is_flattened else self
        order = order or tuple(range(flat.rank))
        if order == flat.order:
            return flat
        sides = [flat.shape[axis] for axis in flat.order]
        moved = _permuted(flat.keras, sides, [flat.order.index(axis) for axis in order], name)
        return replace(flat, keras=moved, order=order)

    def with_last(self, axis: int, name: str) -> "Tensor":
        """Return it with an axis of ONNX's last in Keras."""
        flat = self.ordered(name=name) if self.is_flattened else self
        axis %= flat.rank
        return flat.ordered((*(other for other in flat.order if other != axis), axis), name)

    def columns(self) -> Array | None:
        """Return which column ONNX has where Keras has each, of a flattened one; None: the same."""
        if not self.is_flattened:
            return None
        numbers = np.arange(prod(self.axes[1:])).reshape(self.axes[1:])
        return numbers.transpose([axis - 1 for axis in self.order[1:]]).reshape(-1)

    def transposed(self, permutation: Sequence[int]) -> "Tensor":
        """Return it, which is not flattened, with ONNX's axes in another order, by no layer.

        Raises:
            ModelError: the batch would not be the first.
        """
        if permutation[0] != 0 or sorted(permutation) != list(range(self.rank)):
            raise ModelError(f"it orders the axes as {list(permutation)}; the batch must stay the first")
        shape = tuple(self.shape[axis] for axis in permutation)
        order = tuple(permutation.index(axis) for axis in self.order)
        return Tensor(self.keras, shape, order, shape)

    def reshaped(self, shape: Sequence[int], name: str) -> "Tensor":
        """Return it in another shape, of the same batch; rows of numbers stay flattened in ONNX's view alone.

        Raises:
            ModelError: the batch would not be the first axis, or there would be more or fewer values.
        """
        source, shape = self.ordered(name=name) if self.is_flattened else self, tuple(shape)
        if not shape or shape[0] != source.shape[0] or prod(shape) != prod(source.shape):
            raise ModelError(
                f"it makes {list(shape)} of {list(source.shape)}; allowed is what leaves the first axis, the "
                "batch, alone"
            )
        if shape == source.shape:
            return source
        blocks = list(_blocks(source.shape, shape))
        order = _within_blocks(source, [old for old, _ in blocks])
        if order != source.order and len(shape) == 2:
            return replace(source, shape=shape)
        moved = source.ordered(order, f"{name}_order")
        begins = {old[0]: new for old, new in blocks}
        new_order = [new for axis in order for new in begins.get(axis, ())]
        new_order += [axis for axis in range(len(shape)) if axis not in new_order]
        target = tuple(shape[axis] for axis in new_order[1:])
        tensor = moved.keras
        if target != tuple(tensor.shape[1:]):
            tensor = L.Reshape(target, name=name)(tensor)
        return Tensor(tensor, shape, tuple(new_order), shape)

    def _flat(self, name: str) -> "Tensor":
        """Return it flattened by Keras, too, in ONNX's order of columns."""
        whole = replace(self, shape=self.axes).ordered(name=f"{name}_order")
        return Tensor.of(L.Reshape(self.shape[1:], name=f"{name}_flat")(whole.keras), self.shape[0])


def _blocks(old: Sequence[int], new: Sequence[int]) -> Iterator[tuple[list[int], list[int]]]:
    """Yield the smallest runs of axes of two shapes that hold the same values; sides of 1 are in none."""
    olds = [axis for axis, side in enumerate(old) if side != 1 or axis == 0]
    news = [axis for axis, side in enumerate(new) if side != 1 or axis == 0]
    yield [olds.pop(0)], [news.pop(0)]
    while olds:
        before, after = [olds.pop(0)], [news.pop(0)]
        while (has := prod(old[axis] for axis in before)) != (wants := prod(new[axis] for axis in after)):
            if has < wants:
                before.append(olds.pop(0))
            else:
                after.append(news.pop(0))
        yield before, after


def _within_blocks(tensor: Tensor, blocks: Sequence[Sequence[int]]) -> Order:
    """Return the order nearest to a tensor's in which the axes of each block follow each other.

    Axes of side 1, which are in no block, come last.
    """
    block_of = {axis: number for number, block in enumerate(blocks) for axis in block}
    order: list[int] = []
    for axis in tensor.order:
        if axis not in order and axis in block_of:
            order += blocks[block_of[axis]]
    if [axis for axis in tensor.order if axis in block_of] == order:
        return tensor.order
    return (*order, *(axis for axis in tensor.order if axis not in block_of))


def _permuted(tensor: Any, sides: Sequence[int], permutation: Sequence[int], name: str) -> Any:
    """Return a Keras tensor with its axes in another order, by as few axes as possible.

    Axes that stay together move as one: TFLite's kernels, and the C, move three and no more.
    """
    long = [axis for axis in permutation if sides[axis] != 1 and axis != 0]
    runs = [[axis] for axis in long[:1]]
    for axis in long[1:]:
        if _follows(axis, runs[-1][-1], sides):
            runs[-1].append(axis)
        else:
            runs.append([axis])
    target = tuple(sides[axis] for axis in permutation[1:])
    if len(runs) < 2:
        return L.Reshape(target, name=name)(tensor)
    before = sorted(runs)
    merged = tuple(prod(sides[axis] for axis in run) for run in before)
    if merged != tuple(tensor.shape[1:]):
        tensor = L.Reshape(merged, name=f"{name}_from")(tensor)
    tensor = L.Permute([before.index(run) + 1 for run in runs], name=name)(tensor)
    return tensor if tuple(tensor.shape[1:]) == target else L.Reshape(target, name=f"{name}_to")(tensor)


def _follows(axis: int, before: int, sides: Sequence[int]) -> bool:
    """Say whether nothing but sides of 1 lies between two axes, so that they are one in memory."""
    return before < axis and all(side == 1 for side in sides[before + 1 : axis])
