# SPDX-License-Identifier: Apache-2.0
"""Joints, parts, padding and other sizes of images; what only moves values has a table of its own."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from edgecnn.compiler.reading.onnx.constants import FOLDS
from edgecnn.compiler.reading.onnx.network import Value, canonical
from edgecnn.compiler.reading.onnx.node import Array
from edgecnn.compiler.reading.onnx.rows._node import Node, in_steps, row
from edgecnn.errors import ModelError

# As of constants, on the numbers of the values.
MOVING = (
    "DepthToSpace", "Dropout", "Expand", "Flatten", "Gather", "Identity", "Reshape", "Slice", "SpaceToDepth",
    "Squeeze", "Tile", "Transpose", "Unsqueeze",
)  # fmt: skip


@row(*MOVING)
def moved(node: Node) -> Value:
    """Make nothing yet: which value goes where is noted."""
    value = node.moving()
    if node.op in ("Identity", "Dropout"):
        return value
    numbers = node.network.numbers(value)
    constants = [node.constant(index) if node.has(index) else None for index in range(1, len(node.inputs))]
    given = node.but([numbers, *constants])
    arrays = [numbers, *(constant for constant in constants if constant is not None)]
    view = np.asarray(FOLDS[node.op](given, arrays))
    return replace(value, shape=view.shape, view=view, made={})


@row("Split")
def split(node: Node) -> Sequence[Value]:
    """Make nothing yet, as above."""
    value, numbers = node.moving(), node.network.numbers(node.moving())
    axis, sizes = node.get("axis", 0) % numbers.ndim, node.integers("split", 1)
    side = numbers.shape[axis]
    if sizes is None:
        count = int(node.get("num_outputs", node.outputs))
        each = -(-side // count)
        sizes = [min(each, side - each * index) for index in range(count)]
    if sum(sizes) != side or min(sizes) < 1:
        raise ModelError(f"it makes parts {sizes} of {side}")
    parts = np.split(numbers, np.cumsum(sizes)[:-1], axis)
    return [replace(value, shape=view.shape, view=view, made={}) for view in parts]


@row("Concat")
def concatenation(node: Node) -> Value:
    """Make a CONCATENATION, and a QUANTIZE before it of what has another scale."""
    network, values = node.network, [node.value(index) for index in range(len(node.inputs))]
    rank = len(values[0].shape)
    axis = canonical(rank).index(node.get("axis", 0) % rank)
    scalings = [network.quantization(value) for value in values]
    wanted = node.wanted or max(scalings, key=lambda scaling: scaling.scale)
    tensors = [network.ordered(network.rescaled(value, wanted)) for value in values]
    shapes = [network.tensors[number].shape for number in tensors]
    shape = list(shapes[0])
    shape[axis] = sum(one[axis] for one in shapes)
    made = network.tensor(shape, wanted)
    network.add("CONCATENATION", tensors, made, axis=axis, fused_activation_function=0)
    return network.value(made, pending=any(scaling != wanted for scaling in scalings) and node.wanted is None)


@row("Pad")
def pad(node: Node) -> Value:
    """Make a PAD, PADV2 or MIRROR_PAD."""
    value, network, mode = node.moving(), node.network, node.get("mode", "constant")
    rank, pads = len(value.shape), node.integers("pads", 1) or []
    axes = [axis % rank for axis in node.integers("axes", 3) or range(rank)]
    around = {axis: pair for axis, *pair in zip(axes, pads, pads[len(axes) :], strict=False)}
    if len(pads) != 2 * len(axes) or min(pads, default=0) < 0 or mode not in ("constant", "reflect"):
        raise ModelError(f'it has mode "{mode}" and pads {pads}; allowed are constant and reflect, from 0 up')
    amounts = np.array([around.get(axis, [0, 0]) for axis in canonical(rank)], np.int32)
    if not amounts.any():
        return value
    source = network.ordered(value)
    tensor, quantization = network.tensors[source], network.quantization(value)
    shape = [side + int(sum(pair)) for side, pair in zip(tensor.shape, amounts, strict=True)]
    filled = node.inputs[2] if node.has(2) else np.array(node.get("value", 0.0))
    real = float(np.asarray(filled.real if hasattr(filled, "integers") else filled).reshape(()))
    inputs, made = [source, network.constant(amounts)], network.tensor(shape, quantization)
    if mode == "reflect":
        return network.value(network.add("MIRROR_PAD", inputs, made, mode=0), pending=value.pending)
    if real:
        step = np.array([in_steps(real, quantization)], np.int8)
        inputs.append(network.constant(step, quantization))
    return network.value(network.add("PADV2" if real else "PAD", inputs, made), pending=value.pending)


@row("ArgMax")
def arg_max(node: Node) -> Value:
    """Make an ARG_MAX."""
    value, network = node.value(), node.network
    rank = len(value.shape)
    axis = node.get("axis", 0) % rank
    if node.get("select_last_index", 0) or axis == 0:
        raise ModelError("it takes the last of equal values, or goes over the batch; neither is possible")
    order = (*(one for one in range(rank) if one != axis), axis)
    source = network.ordered(value, order)
    made = network.tensor(network.tensors[source].shape[:-1], None, "int64")
    position = network.constant(np.array([rank - 1], np.int32))
    network.add("ARG_MAX", (source, position), made, output_type=4)
    kept = order[:-1] if node.get("keepdims", 1) else ()
    shape = tuple(side for one, side in enumerate(value.shape) if one != axis)
    numbers = np.arange(np.prod(shape, dtype=int)).reshape(shape)
    view = np.expand_dims(numbers, axis) if kept else numbers
    return Value(made, view.shape, (), view)


@row("Resize")
def resize(node: Node) -> Value:
    """Make a RESIZE_NEAREST_NEIGHBOR or RESIZE_BILINEAR; other rules than its own are GATHERs."""
    value, network, mode = node.moving(), node.network, node.get("mode", "nearest")
    sides = _sides(node, value)
    if len(value.shape) != 4 or sides[:2] != list(value.shape[:2]) or min(sides) < 1:
        raise ModelError(f"it makes {sides} of {list(value.shape)}; other sides of images are possible")
    rule = node.get("coordinate_transformation_mode", "half_pixel")
    if mode == "nearest":
        return _nearest(node, value, sides[2:], rule)
    halves = rule in ("half_pixel", "pytorch_half_pixel") and min(sides[2:]) > 1
    if (
        mode != "linear"
        or not (halves or rule in ("align_corners", "asymmetric"))
        or node.get("antialias", 0)
    ):
        raise ModelError(
            f'it has mode "{mode}" by the rule {rule}, or antialias; nearest and linear are possible'
        )
    source = network.ordered(value)
    return node.scaled(_resized(node, "RESIZE_BILINEAR", source, sides[2:], rule))


def _resized(node: Node, op: str, source: int, sides: Sequence[int], rule: str) -> Value:
    network = node.network
    tensor = network.tensors[source]
    made = network.tensor((1, *sides, tensor.shape[3]), tensor.quantization)
    size = network.constant(np.array(sides, np.int32))
    align = rule == "align_corners"
    half = rule.endswith("half_pixel")
    network.add(op, (source, size), made, align_corners=align, half_pixel_centers=half)
    return network.value(made, pending=op == "RESIZE_BILINEAR" or node.moving().pending)


def _sides(node: Node, value: Value) -> list[int]:
    """Return the shape that is asked for, by sizes or by scales."""
    axes = [axis % len(value.shape) for axis in node.get("axes", range(len(value.shape)))]
    sides = list(value.shape)
    if node.has(3) and node.constant(3).size:
        if node.get("keep_aspect_ratio_policy", "stretch") != "stretch":
            raise ModelError("it keeps the aspect ratio; give the sizes that follow")
        given = [int(size) for size in node.constant(3)]
    else:
        given = [
            int(np.floor(sides[axis] * scale)) for axis, scale in zip(axes, node.constant(2), strict=True)
        ]
    for axis, size in zip(axes, given, strict=True):
        sides[axis] = size
    return sides


def _nearest(node: Node, value: Value, sides: Sequence[int], rule: str) -> Value:
    network, lengths = node.network, value.shape[2:]
    wanted = [_places(node, *pair, rule) for pair in zip(lengths, sides, strict=True)]
    for own in ("asymmetric", "align_corners", "half_pixel"):
        of_tflite = [_own_places(*pair, own) for pair in zip(lengths, sides, strict=True)]
        if all(map(np.array_equal, wanted, of_tflite)):
            source = network.ordered(value)
            return node.scaled(_resized(node, "RESIZE_NEAREST_NEIGHBOR", source, sides, own))
    view = network.numbers(value)[:, :, wanted[0]][:, :, :, wanted[1]]
    return replace(value, shape=view.shape, view=view, made={})


def _places(node: Node, length: int, count: int, rule: str) -> Array:
    """Return which pixel ONNX takes for each along an axis."""
    at, scale = np.arange(count, dtype=np.float32), np.float32(count / length)
    rules = {
        "asymmetric": at / scale,
        "half_pixel": (at + np.float32(0.5)) / scale - np.float32(0.5),
        "align_corners": at * np.float32((length - 1) / max(count - 1, 1)),
    }
    rules["pytorch_half_pixel"] = rules["half_pixel"] if count > 1 else np.zeros(1)
    if rule not in rules:
        raise ModelError(f"it has the rule {rule}; {', '.join(rules)} are possible")
    real = rules[rule]
    ways = {
        "floor": np.floor(real),
        "ceil": np.ceil(real),
        "round_prefer_floor": np.ceil(real - np.float32(0.5)),
        "round_prefer_ceil": np.floor(real + np.float32(0.5)),
    }
    return np.asarray(np.clip(ways[node.get("nearest_mode", "round_prefer_floor")], 0, length - 1), int)


def _own_places(length: int, count: int, rule: str) -> Array:
    """Return which pixel TensorFlow Lite takes: GetNearestNeighbor, in float32."""
    scale = np.float32(length) / np.float32(count)
    if rule == "align_corners" and count > 1:
        scale = np.float32(length - 1) / np.float32(count - 1)
    places = (np.arange(count, dtype=np.float32) + np.float32(0.5 * (rule == "half_pixel"))) * scale
    nearest = np.floor(places + np.float32(0.5)) if rule == "align_corners" else np.floor(places)
    return np.asarray(np.minimum(nearest, length - 1), int)
