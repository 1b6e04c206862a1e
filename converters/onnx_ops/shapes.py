# SPDX-License-Identifier: Apache-2.0
"""Shapes, orders of axes and joints: what moves values and computes none."""

from math import prod

import numpy as np

from edgecnn.compiler.reading.onnx.node import meant_shape
from edgecnn.converters.onnx_ops._node import Node, row
from edgecnn.converters.onnx_ops._tensor import CHANNELS_LAST, Tensor
from edgecnn.errors import ModelError
from edgecnn.tf import keras, tf

L = keras.layers


@row("Flatten")
def flatten(node: Node) -> Tensor:
    """Make nothing yet: a Dense layer takes an image in its own order."""
    tensor = node.tensor()
    if node.get("axis", 1) % tensor.rank != 1:
        raise ModelError(f"it has axis {node.get('axis')}; allowed is 1, so that the batch stays")
    return node.shaped(tensor, (tensor.shape[0], prod(tensor.shape[1:])))


@row("Reshape")
def reshape(node: Node) -> Tensor:
    """Make a Reshape, with a Permute before it where values move."""
    tensor, zeros = node.tensor(), bool(node.get("allowzero", 0))
    return node.shaped(tensor, meant_shape(tensor.shape, node.constant(1).tolist(), zeros=zeros))


@row("Squeeze")
def squeeze(node: Node) -> Tensor:
    """Make a Reshape that drops axes of one value."""
    tensor, axes = node.tensor(), node.integers("axes", 1)
    gone = [axis for axis in range(1, tensor.rank) if tensor.shape[axis] == 1]
    if axes is not None:
        gone = [axis % tensor.rank for axis in axes]
    if 0 in gone or any(tensor.shape[axis] != 1 for axis in gone):
        raise ModelError(
            f"it drops axes {gone} of {list(tensor.shape)}; allowed are those of 1, but the batch"
        )
    return node.shaped(tensor, [side for axis, side in enumerate(tensor.shape) if axis not in gone])


@row("Unsqueeze")
def unsqueeze(node: Node) -> Tensor:
    """Make a Reshape that adds axes of one value."""
    tensor, axes = node.tensor(), node.integers("axes", 1) or []
    rank = tensor.rank + len(axes)
    new, sides = {axis % rank for axis in axes}, iter(tensor.shape)
    return node.shaped(tensor, [1 if axis in new else next(sides) for axis in range(rank)])


@row("Transpose")
def transpose(node: Node) -> Tensor:
    """Make nothing yet: the order is noted."""
    tensor = node.unflattened()
    return tensor.transposed(node.get("perm", list(range(tensor.rank))[::-1]))


@row("Expand")
def expand(node: Node) -> Tensor:
    """Make nothing, where the shape stays."""
    tensor, asked = node.tensor(), tuple(node.constant(1).tolist())
    if np.broadcast_shapes(tensor.shape, asked) != tensor.shape:
        raise ModelError(f"it makes {list(asked)} of {list(tensor.shape)}; allowed is what stays the same")
    return tensor


@row("Concat")
def concatenation(node: Node) -> Tensor:
    """Make a Concatenate."""
    tensors = [node.unflattened(index) for index in range(len(node.inputs))]
    axis, order = node.get("axis", 0) % tensors[0].rank, tensors[0].order
    if axis == 0:
        raise ModelError("it joins along the batch; allowed are other axes")
    if len(tensors) == 1:
        return tensors[0]
    tensors = [tensor.ordered(order, node.aside("moved")) for tensor in tensors]
    joint = L.Concatenate(order.index(axis), name=node.name)([tensor.keras for tensor in tensors])
    return node.of(joint, tensors[0])


@row("DepthToSpace")
def depth_to_space(node: Node) -> Tensor:
    """Make a function of TensorFlow; for the order of pixel shuffles, CRD, the channels are moved first."""
    image, block = node.image(), int(node.get("blocksize", 1))
    if node.get("mode", "DCR") == "CRD":
        batch, channels, *sides = image.shape
        apart = node.shaped(image, (batch, channels // block**2, block**2, *sides))
        image = node.shaped(apart.transposed((0, 2, 1, 3, 4)), image.shape)
        image = image.ordered(CHANNELS_LAST, node.aside("moved"))
    return node.of(tf.nn.depth_to_space(image.keras, block, name=node.name), image)


@row("SpaceToDepth")
def space_to_depth(node: Node) -> Tensor:
    """Make a function of TensorFlow, which orders the channels as ONNX does."""
    image = node.image()
    return node.of(tf.nn.space_to_depth(image.keras, int(node.get("blocksize", 1)), name=node.name), image)
