# SPDX-License-Identifier: Apache-2.0
"""Parts of tensors, and edges around them."""

import numpy as np

from edgecnn.compiler.reading.onnx.node import require_size
from edgecnn.converters.onnx_ops._node import Node, row
from edgecnn.converters.onnx_ops._tensor import CHANNELS_LAST, Tensor
from edgecnn.errors import ModelError
from edgecnn.models._layers import Slice
from edgecnn.tf import keras, tf

L = keras.layers
Cut = tuple[int, int, int]  # begin, end, step


@row("Split")
def split(node: Node) -> list[Tensor]:
    """Make a Slice for each part."""
    tensor = node.unflattened()
    axis = node.get("axis", 0) % tensor.rank
    sizes = node.integers("split", 1) or _even(tensor.shape[axis], node.get("num_outputs", node.outputs))
    if sum(sizes) != tensor.shape[axis] or min(sizes) < 1 or len(sizes) != node.outputs:
        raise ModelError(f"it makes parts of {sizes} along axis {axis} of {list(tensor.shape)}")
    ends = np.cumsum(sizes).tolist()
    return [_cut(node, tensor, {axis: (end - size, end, 1)}) for size, end in zip(sizes, ends, strict=True)]


def _even(side: int, parts: int) -> list[int]:
    """Return the sizes of equal parts, of which the last may be smaller."""
    size = -(-side // parts)
    return [min(size, side - size * index) for index in range(parts)]


@row("Slice")
def part(node: Node) -> Tensor:
    """Make a Cropping2D of rows and columns, else a Slice."""
    tensor = node.unflattened()
    starts, ends = (node.constant(index).reshape(-1).tolist() for index in (1, 2))
    axes = node.integers("axes", 3) or list(range(len(starts)))
    steps = node.integers("steps", 4) or [1] * len(starts)
    if min(steps) < 1:
        raise ModelError(f"it has steps {steps}; allowed are those of 1 and more")
    return _cut(
        node,
        tensor,
        {
            axis % tensor.rank: slice(start, end, step).indices(tensor.shape[axis])
            for axis, start, end, step in zip(axes, starts, ends, steps, strict=True)
        },
    )


@row("Gather")
def gather(node: Node) -> Tensor:
    """Make a Slice of one entry, or of several equally far apart; else a function of TensorFlow."""
    tensor, indices = node.unflattened(), node.constant(1)
    axis = node.get("axis", 0) % tensor.rank
    side = tensor.shape[axis]
    if indices.ndim > 1 or axis == 0 or not indices.size or abs(indices + 0.5).max() > side:
        raise ModelError(
            f"it takes {indices.tolist()} along axis {axis}; allowed is a list, not of the batch"
        )
    chosen = [int(index) % side for index in indices.reshape(-1)]
    steps = set(np.diff(chosen).tolist()) or {1}
    if len(steps) > 1 or min(steps) < 1:
        return node.of(tf.gather(tensor.keras, chosen, axis=tensor.axis(axis), name=node.name), tensor)
    some = _cut(node, tensor, {axis: (chosen[0], chosen[-1] + 1, steps.pop())})
    if indices.ndim:
        return some
    return node.shaped(some, [length for other, length in enumerate(some.shape) if other != axis])


def _cut(node: Node, tensor: Tensor, cuts: dict[int, Cut]) -> Tensor:
    """Return some of each axis of ONNX's."""
    cuts = {axis: cut for axis, cut in cuts.items() if cut != (0, tensor.shape[axis], 1)}
    if not cuts:
        return tensor
    if 0 in cuts or not all(len(range(*cut)) for cut in cuts.values()):
        raise ModelError(f"it takes {cuts} of {list(tensor.shape)}; allowed are parts that hold something")
    if tensor.order == CHANNELS_LAST and set(cuts) <= {2, 3} and all(cut[2] == 1 for cut in cuts.values()):
        edges = [
            (cuts[axis][0], tensor.shape[axis] - cuts[axis][1]) if axis in cuts else (0, 0) for axis in (2, 3)
        ]
        return node.of(L.Cropping2D(edges, name=node.name)(tensor.keras), tensor)
    layer = Slice([cuts.get(axis) for axis in tensor.order[1:]], name=node.name)
    return node.of(layer(tensor.keras), tensor)


@row("Pad")
def pad(node: Node) -> Tensor:
    """Make a ZeroPadding2D of zeros around an image; else a function of TensorFlow."""
    tensor, mode = node.channels_last(), node.get("mode", "constant")
    value = float(node.constant(2, node.get("value", 0.0)).reshape(()))
    pads = node.integers("pads", 1) or []
    axes = node.integers("axes", 3) or list(range(tensor.rank))
    around = {axis % tensor.rank: pair for axis, *pair in zip(axes, pads, pads[len(axes) :], strict=False)}
    if any(around.get(0, [])) or min(pads, default=0) < 0 or mode not in ("constant", "reflect"):
        raise ModelError(f'it has mode "{mode}" and pads {pads}; allowed are constant and reflect, from 0 up')
    require_size([side + sum(around.get(axis, [])) for axis, side in enumerate(tensor.shape)])
    pairs = [around.get(axis, [0, 0]) for axis in tensor.order]
    if not np.any(pairs):
        return tensor
    if mode == "constant" and value == 0 and tensor.rank == 4 and not any(pairs[3]):
        return node.of(L.ZeroPadding2D(pairs[1:3], name=node.name)(tensor.keras), tensor)
    return node.of(tf.pad(tensor.keras, pairs, mode.upper(), value, name=node.name), tensor)
