# SPDX-License-Identifier: Apache-2.0
"""Constants of constants: exporters leave them where a shape or a weight is computed."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from edgecnn.compiler.reading.onnx.node import MOST_ELEMENTS, Array, Node, meant_shape, require_size
from edgecnn.errors import ModelError

Arrays = Sequence[Array]
Fold = Callable[[Node, Arrays], Array]
FOLDS: dict[str, Fold] = {}  # by op: what it becomes of constants
_ELEMENTWISE: dict[str, Callable[..., Any]] = {
    "Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Max": np.maximum, "Min": np.minimum,
    "Mod": np.mod, "Pow": np.power, "Equal": np.equal, "Greater": np.greater, "Less": np.less,
    "Where": np.where, "Neg": np.negative, "Sqrt": np.sqrt, "Exp": np.exp, "Floor": np.floor,
    "Ceil": np.ceil, "Reciprocal": np.reciprocal,
}  # fmt: skip


def fold(*ops: str) -> Callable[[Fold], Fold]:
    """Enter a function into the table, for ops that are computed of constants alone."""

    def enter(function: Fold) -> Fold:
        FOLDS.update(dict.fromkeys(ops, function))
        return function

    return enter


@fold("Constant")
def constant(node: Node, arrays: Arrays) -> Array:
    """Return what the operator holds."""
    for kind in ("value", "value_float", "value_floats", "value_int", "value_ints"):
        if (value := node.get(kind)) is not None:
            dtype = np.float32 if "float" in kind else np.int64 if "int" in kind else None
            return np.asarray(value, dtype)
    raise ModelError("it holds text or sparse values; allowed are numbers")


@fold(*_ELEMENTWISE)
def elementwise(node: Node, arrays: Arrays) -> Array:
    """Compute each value."""
    require_size(np.broadcast_shapes(*(array.shape for array in arrays)) or (1,))
    result: Array = np.asarray(_ELEMENTWISE[node.op](*arrays))
    return result.astype(np.float32) if result.dtype.kind == "f" else result


@fold("Div")
def division(node: Node, arrays: Arrays) -> Array:
    """Divide; whole numbers are cut toward zero."""
    dividend, divisor = arrays
    require_size(np.broadcast_shapes(dividend.shape, divisor.shape) or (1,))
    if dividend.dtype.kind != "f" and not np.all(divisor):
        raise ModelError("it divides by zero")
    quotient: Array = np.asarray(dividend / divisor)
    whole = dividend.dtype.kind != "f"
    return (np.trunc(quotient) if whole else quotient).astype(dividend.dtype)


@fold("Identity", "Dropout")
def same(node: Node, arrays: Arrays) -> Array:
    """Return the input."""
    return arrays[0]


@fold("Cast")
def cast(node: Node, arrays: Arrays) -> Array:
    """Return the input as another type; floats of any width as float32."""
    from onnx import helper

    dtype = np.dtype(helper.tensor_dtype_to_np_dtype(node.get("to")))
    return arrays[0].astype(dtype if dtype.kind in "iub" else np.float32)


@fold("Shape")
def shape(node: Node, arrays: Arrays) -> Array:
    """Return the shape, or a part of it."""
    return np.asarray(arrays[0].shape[node.get("start", 0) : node.get("end")], np.int64)


@fold("Gather")
def gather(node: Node, arrays: Arrays) -> Array:
    """Return entries along an axis."""
    require_size((max(arrays[0].size, 1), max(arrays[1].size, 1)))
    return np.take(arrays[0], arrays[1], node.get("axis", 0))


@fold("Concat")
def concatenation(node: Node, arrays: Arrays) -> Array:
    """Join along an axis."""
    return np.concatenate(arrays, node.get("axis", 0))


@fold("Reshape")
def reshape(node: Node, arrays: Arrays) -> Array:
    """Return the input in another shape."""
    zeros = bool(node.get("allowzero", 0))
    return arrays[0].reshape(meant_shape(arrays[0].shape, arrays[1].tolist(), zeros=zeros))


@fold("Squeeze")
def squeeze(node: Node, arrays: Arrays) -> Array:
    """Drop axes of one value."""
    axes = node.integers("axes", 1)
    return np.squeeze(arrays[0], None if axes is None else tuple(axes))


@fold("Unsqueeze")
def unsqueeze(node: Node, arrays: Arrays) -> Array:
    """Add axes of one value."""
    return np.expand_dims(arrays[0], tuple(node.integers("axes", 1) or ()))


@fold("Transpose")
def transpose(node: Node, arrays: Arrays) -> Array:
    """Put the axes in another order."""
    return arrays[0].transpose(node.get("perm"))


@fold("Slice")
def part(node: Node, arrays: Arrays) -> Array:
    """Return some of each axis."""
    starts, ends = (array.reshape(-1).tolist() for array in arrays[1:3])
    axes = node.integers("axes", 3) or range(len(starts))
    steps = node.integers("steps", 4) or [1] * len(starts)
    cuts = [slice(None)] * arrays[0].ndim
    for axis, *cut in zip(axes, starts, ends, steps, strict=True):
        cuts[axis] = slice(*cut)
    return arrays[0][tuple(cuts)]


@fold("ConstantOfShape")
def constant_of_shape(node: Node, arrays: Arrays) -> Array:
    """Return one value many times."""
    sides = [int(side) for side in arrays[0]]
    require_size(sides or (1,))
    value = node.get("value", np.zeros(1, np.float32)).reshape(())
    return np.full(sides, value)


@fold("Expand")
def expand(node: Node, arrays: Arrays) -> Array:
    """Return the values more than once."""
    sides = np.broadcast_shapes(arrays[0].shape, tuple(int(side) for side in arrays[1]))
    require_size(sides or (1,))
    return np.broadcast_to(arrays[0], sides)


@fold("Tile")
def tile(node: Node, arrays: Arrays) -> Array:
    """Return the values more than once."""
    repeats = [int(number) for number in arrays[1]]
    require_size([side * number for side, number in zip(arrays[0].shape, repeats, strict=True)])
    return np.tile(arrays[0], repeats)


@fold("Range")
def range_(node: Node, arrays: Arrays) -> Array:
    """Return numbers that are equally far apart."""
    start, end, step = (array.reshape(()).item() for array in arrays)
    if not step or not 0 <= (end - start) / step <= MOST_ELEMENTS:
        raise ModelError(f"it counts from {start} to {end} by {step}")
    return np.arange(start, end, step, arrays[0].dtype)


@fold("Flatten")
def flatten(node: Node, arrays: Arrays) -> Array:
    """Return a matrix, whose rows end at an axis."""
    axis = node.get("axis", 1)
    shape = arrays[0].shape
    return arrays[0].reshape(int(np.prod(shape[: axis % len(shape) if axis < 0 else axis])), -1)


@fold("DepthToSpace")
def depth_to_space(node: Node, arrays: Arrays) -> Array:
    """Return channels of one pixel as pixels of a block."""
    batch, channels, height, width = arrays[0].shape
    block = int(node.get("blocksize", 1))
    if node.get("mode", "DCR") == "CRD":
        apart = arrays[0].reshape(batch, -1, block, block, height, width).transpose(0, 1, 4, 2, 5, 3)
    else:
        apart = arrays[0].reshape(batch, block, block, -1, height, width).transpose(0, 3, 4, 1, 5, 2)
    return apart.reshape(batch, channels // block**2, height * block, width * block)


@fold("SpaceToDepth")
def space_to_depth(node: Node, arrays: Arrays) -> Array:
    """Return pixels of a block as channels of one."""
    batch, channels, height, width = arrays[0].shape
    block = int(node.get("blocksize", 1))
    apart = arrays[0].reshape(batch, channels, height // block, block, width // block, block)
    return apart.transpose(0, 3, 5, 1, 2, 4).reshape(batch, -1, height // block, width // block)
