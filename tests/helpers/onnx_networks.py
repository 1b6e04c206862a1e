# SPDX-License-Identifier: Apache-2.0
"""Whole networks in the form that torch.onnx.export gives them, small: its names, constants and shape chains.

Modules are named as in torchvision and its like; convolutions have their batch normalization folded in, as
the exporter leaves them, but for the U-Net, which is exported with its own.
"""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnx_files import Array, onnx_model


class Exported:
    """Collects nodes and weights under the names that the exporter gives them."""

    def __init__(self, seed: int = 0) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: dict[str, Array] = {}
        self._rng = np.random.default_rng(seed)
        self._counts: dict[str, int] = {}

    def add(self, module: str, op: str, *inputs: str, **attributes: Any) -> str:
        """Add a node of a module, such as "layer1.0.conv1"; return its output."""
        return self.several(module, op, *inputs, outputs=1, **attributes)[0]

    def several(self, module: str, op: str, *inputs: str, outputs: int, **attributes: Any) -> list[str]:
        """Add a node; return all of its outputs."""
        path = "".join(f"/{part}" for part in _scopes(module)) + f"/{op}"
        number = self._counts.setdefault(path, 0)
        self._counts[path] += 1
        name = f"{path}_{number}" if number else path
        made = [f"{name}_output_{index}" for index in range(outputs)]
        self.nodes.append(helper.make_node(op, inputs, made, name=name, **attributes))
        return made

    def constant(self, module: str, value: Any) -> str:
        """Add a Constant node."""
        tensor = numpy_helper.from_array(np.asarray(value))
        return self.add(module, "Constant", value=tensor)

    def weight(self, name: str, *shape: int, spread: float | None = None) -> str:
        """Add a weight, drawn so that values keep their size from layer to layer."""
        spread = spread or (2 / prod(shape[1:])) ** 0.5
        self.weights[name] = self._rng.normal(0, spread, shape).astype(np.float32)
        return name

    def conv(self, module: str, x: str, wide: int, out: int, kernel: int, **options: Any) -> str:
        """Add a convolution with a bias."""
        group, stride, pad = (
            options.get("group", 1),
            options.get("stride", 1),
            options.get("pad", kernel // 2),
        )
        return self.add(
            module,
            "Conv",
            x,
            self.weight(f"{module}.weight", out, wide // group, kernel, kernel),
            self.weight(f"{module}.bias", out, spread=0.1),
            dilations=[1, 1],
            group=group,
            kernel_shape=[kernel, kernel],
            pads=[pad] * 4,
            strides=[stride] * 2,
        )

    def linear(self, module: str, x: str, wide: int, out: int) -> str:
        """Add a dense layer."""
        weights = self.weight(f"{module}.weight", out, wide), self.weight(f"{module}.bias", out, spread=0.1)
        return self.add(module, "Gemm", x, *weights, alpha=1.0, beta=1.0, transB=1)

    def pool(self, module: str, x: str, kernel: int, stride: int, pad: int = 0) -> str:
        """Add a max pool."""
        options = {"ceil_mode": 0, "dilations": [1, 1], "kernel_shape": [kernel] * 2}
        return self.add(module, "MaxPool", x, pads=[pad] * 4, strides=[stride] * 2, **options)

    def sides(self, module: str, x: str, axes: Sequence[int]) -> list[str]:
        """Add what x.size(axis) becomes, for each axis."""
        found = []
        for axis in axes:
            shape, index = self.add(module, "Shape", x), self.constant(module, np.int64(axis))
            found.append(self.add(module, "Gather", shape, index, axis=0))
        return found

    def view(self, module: str, x: str, sides: Sequence[str | int]) -> str:
        """Add what x.view(...) becomes, where some sides are computed."""
        axes = self.constant(module, [0])
        rows = [
            self.add(module, "Unsqueeze", side, axes)
            if isinstance(side, str)
            else self.constant(module, [side])
            for side in sides
        ]
        return self.add(module, "Reshape", x, self.add(module, "Concat", *rows, axis=0))

    def grid(self, *sides: int) -> Array:
        """Return the middles of all pixels of square maps, (1, 2, pixels)."""
        axes = [np.arange(side, dtype=np.float32) + 0.5 for side in sides]
        return np.concatenate([np.stack(np.meshgrid(axis, axis)).reshape(1, 2, -1) for axis in axes], 2)

    def model(
        self, last: str, shape: Sequence[int | str], output: Sequence[int | str], opset: int
    ) -> onnx.ModelProto:
        """Return the whole, whose output is called "y"."""
        for node in self.nodes:
            node.output[:] = ["y" if name == last else name for name in node.output]
        return onnx_model(self.nodes, shape, {"y": output}, self.weights, opset)


def _scopes(module: str) -> list[str]:
    """Return how the exporter names a module's scopes: layer1.0.conv1 is layer1, layer1.0, conv1."""
    scopes: list[str] = []
    for part in module.split(".") if module else []:
        scopes.append(f"{scopes[-1]}.{part}" if part.isdigit() and scopes else part)
    return scopes


def resnet() -> onnx.ModelProto:
    """ResNet: blocks of two convolutions, with a projection where the size changes."""
    net = Exported()
    x = net.add("relu", "Relu", net.conv("conv1", "x", 3, 8, 7, stride=2))
    x = net.pool("maxpool", x, 3, 2, 1)
    for block, wide, out, stride in (("layer1.0", 8, 8, 1), ("layer2.0", 8, 16, 2)):
        y = net.add(f"{block}.relu", "Relu", net.conv(f"{block}.conv1", x, wide, out, 3, stride=stride))
        y = net.conv(f"{block}.conv2", y, out, out, 3)
        if stride > 1:
            x = net.conv(f"{block}.downsample.0", x, wide, out, 1, stride=stride)
        x = net.add(f"{block}.relu", "Relu", net.add(block, "Add", y, x))
    x = net.add("", "Flatten", net.add("avgpool", "GlobalAveragePool", x), axis=1)
    return net.model(net.linear("fc", x, 16, 3), ("batch", 3, 32, 32), ("batch", 3), 17)


def mobilenet() -> onnx.ModelProto:
    """MobileNet v2: depthwise convolutions between wide ones, and ReLU6 as Clip with a Constant each."""
    net = Exported()

    def relu6(module: str, x: str) -> str:
        return net.add(
            module, "Clip", x, net.constant(module, np.float32(0)), net.constant(module, np.float32(6))
        )

    x = relu6("features.0.2", net.conv("features.0.0", "x", 3, 8, 3, stride=2))
    for index, wide, out, stride in ((1, 8, 8, 1), (2, 8, 12, 2), (3, 12, 12, 1)):
        block = f"features.{index}.conv"
        y = relu6(f"{block}.0.2", net.conv(f"{block}.0.0", x, wide, 4 * wide, 1))
        y = net.conv(f"{block}.1.0", y, 4 * wide, 4 * wide, 3, stride=stride, group=4 * wide)
        y = net.conv(f"{block}.2", relu6(f"{block}.1.2", y), 4 * wide, out, 1)
        x = net.add(f"features.{index}", "Add", x, y) if (wide, stride) == (out, 1) else y
    x = relu6("features.4.2", net.conv("features.4.0", x, 12, 32, 1))
    x = net.add("", "Flatten", net.add("", "GlobalAveragePool", x), axis=1)
    return net.model(net.linear("classifier.1", x, 32, 3), ("batch", 3, 32, 32), ("batch", 3), 13)


def shufflenet() -> onnx.ModelProto:
    """ShuffleNet v2: half of the channels go on as they are, then both halves are shuffled."""
    net = Exported()

    def shuffle(module: str, x: str) -> str:
        batch, channels, height, width = net.sides(module, x, range(4))
        half = net.add(
            module, "Cast", net.add(module, "Div", channels, net.constant(module, np.int64(2))), to=7
        )
        x = net.view(module, x, [batch, 2, half, height, width])
        x = net.add(module, "Transpose", x, perm=[0, 2, 1, 3, 4])
        return net.view(module, x, [batch, -1, height, width])

    def branch(module: str, x: str, wide: int, stride: int) -> str:
        x = net.add(f"{module}.2", "Relu", net.conv(f"{module}.0", x, wide, 8, 1))
        x = net.conv(f"{module}.3", x, 8, 8, 3, stride=stride, group=8)
        return net.add(f"{module}.7", "Relu", net.conv(f"{module}.5", x, 8, 8, 1))

    x = net.add("conv1.2", "Relu", net.conv("conv1.0", "x", 3, 8, 3, stride=2))
    block = "stage2.0"
    y = net.conv(f"{block}.branch1.0", x, 8, 8, 3, stride=2, group=8)
    y = net.add(f"{block}.branch1.4", "Relu", net.conv(f"{block}.branch1.2", y, 8, 8, 1))
    x = shuffle(block, net.add(block, "Concat", y, branch(f"{block}.branch2", x, 8, 2), axis=1))
    block = "stage2.1"
    kept, other = net.several(block, "Split", x, net.constant(block, [8, 8]), axis=1, outputs=2)
    x = shuffle(block, net.add(block, "Concat", kept, branch(f"{block}.branch2", other, 8, 1), axis=1))
    x = net.add("conv5.2", "Relu", net.conv("conv5.0", x, 16, 24, 1))
    x = net.add("", "ReduceMean", x, axes=[2, 3], keepdims=0)
    return net.model(net.linear("fc", x, 24, 3), ("batch", 3, 32, 32), ("batch", 3), 16)


def unet() -> onnx.ModelProto:
    """U-Net: down, and up again by a transposed convolution and by a bilinear Upsample."""
    net = Exported()

    def double(module: str, x: str, wide: int, out: int) -> str:
        for index, channels in ((0, wide), (3, out)):
            x = net.conv(f"{module}.{index}", x, channels, out, 3)
            norm = f"{module}.{index + 1}"
            names = [net.weight(f"{norm}.{name}", out, spread=0.2) for name in ("bias", "running_mean")]
            scales = [f"{norm}.weight", f"{norm}.running_var"]
            net.weights |= {scale: np.linspace(0.8, 1.4, out).astype(np.float32) for scale in scales}
            x = net.add(
                norm, "BatchNormalization", x, scales[0], *names, scales[1], epsilon=1e-5, momentum=0.9
            )
            x = net.add(f"{module}.{index + 2}", "Relu", x)
        return x

    first = double("inc.double_conv", "x", 3, 8)
    second = double("down1.conv", net.pool("down1.pool", first, 2, 2), 8, 16)
    x = double("down2.conv", net.pool("down2.pool", second, 2, 2), 16, 16)
    weights = net.weight("up1.up.weight", 16, 16, 2, 2), net.weight("up1.up.bias", 16, spread=0.1)
    up = {"dilations": [1, 1], "group": 1, "kernel_shape": [2, 2], "pads": [0, 0, 0, 0], "strides": [2, 2]}
    x = net.add("up1.up", "ConvTranspose", x, *weights, **up)
    x = double("up1.conv", net.add("up1", "Concat", second, x, axis=1), 32, 8)
    scales = net.constant("up2.up", np.array([1, 1, 2, 2], np.float32))
    rule = {"coordinate_transformation_mode": "align_corners", "mode": "linear", "nearest_mode": "floor"}
    x = net.add("up2.up", "Resize", x, "", scales, cubic_coeff_a=-0.75, **rule)
    x = double("up2.conv", net.add("up2", "Concat", first, x, axis=1), 16, 8)
    x = net.add("", "Sigmoid", net.conv("outc.conv", x, 8, 1, 1))
    return net.model(x, ("batch", 3, 32, 32), ("batch", 1, 32, 32), 18)


def vgg() -> onnx.ModelProto:
    """VGG: the first dense layer's weights are of an image with channels first."""
    net = Exported()
    x, wide = "x", 3
    for index, out in ((0, 8), (3, 12), (6, 16)):
        x = net.add(f"features.{index + 1}", "Relu", net.conv(f"features.{index}", x, wide, out, 3))
        x, wide = net.pool(f"features.{index + 2}", x, 2, 2), out
    x = net.add(
        "avgpool", "AveragePool", x, ceil_mode=0, count_include_pad=1, kernel_shape=[1, 1], strides=[1, 1]
    )
    x = net.add("", "Flatten", x, axis=1)
    x = net.add("classifier.1", "Relu", net.linear("classifier.0", x, 256, 24))
    x = net.add("classifier.2", "Identity", x)  # dropping out, outside of training
    return net.model(net.linear("classifier.3", x, 24, 3), ("batch", 3, 32, 32), ("batch", 3), 11)


def _silu(net: Exported, module: str, x: str, wide: int, out: int, kernel: int, stride: int = 1) -> str:
    x = net.conv(f"{module}.conv", x, wide, out, kernel, stride=stride)
    return net.add(f"{module}.act", "Mul", x, net.add(f"{module}.act", "Sigmoid", x))


def _two_scales(net: Exported) -> tuple[str, str]:
    """Add a body: pools of growing reach, and the coarse map enlarged beside the fine one; return both."""
    fine = _silu(net, "model.1", _silu(net, "model.0", "x", 3, 8, 3, 2), 8, 16, 3, 2)
    first = _silu(net, "model.9.cv1", _silu(net, "model.5", fine, 16, 16, 3, 2), 16, 8, 1)
    second = net.pool("model.9.m", first, 5, 1, 2)
    pools = [first, second, net.pool("model.9.m", second, 5, 1, 2)]
    coarse = _silu(net, "model.9.cv2", net.add("model.9", "Concat", *pools, axis=1), 24, 16, 1)
    scales = net.constant("model.11", np.array([1, 1, 2, 2], np.float32))
    rule = {"coordinate_transformation_mode": "asymmetric", "mode": "nearest", "nearest_mode": "floor"}
    up = net.add("model.11", "Resize", coarse, "", scales, cubic_coeff_a=-0.75, **rule)
    return _silu(net, "model.13", net.add("model.12", "Concat", up, fine, axis=1), 32, 16, 1), coarse


def yolo() -> onnx.ModelProto:
    """YOLO with a head as of version 8: a softmax over distances, [1, 4 + classes, boxes]."""
    net, head, reach, classes, boxes = Exported(), "model.22", 4, 3, 80
    maps = []
    for index, x in enumerate(_two_scales(net)):
        sides = net.conv(f"{head}.cv2.{index}", x, 16, 4 * reach, 1)
        scores = net.conv(f"{head}.cv3.{index}", x, 16, classes, 1)
        both = net.add(head, "Concat", sides, scores, axis=1)
        maps.append(net.add(head, "Reshape", both, net.constant(head, [1, 4 * reach + classes, -1])))
    x = net.add(head, "Concat", *maps, axis=2)
    sizes = net.constant(head, [4 * reach, classes])
    x, scores = net.several(head, "Split", x, sizes, axis=1, outputs=2)
    x = net.add(f"{head}.dfl", "Reshape", x, net.constant(head, [1, 4, reach, boxes]))
    x = net.add(f"{head}.dfl", "Transpose", x, perm=[0, 2, 1, 3])
    net.weights["model.22.dfl.conv.weight"] = np.arange(reach, dtype=np.float32).reshape(1, reach, 1, 1)
    x = net.add(f"{head}.dfl", "Softmax", x, axis=1)
    x = net.add(f"{head}.dfl.conv", "Conv", x, "model.22.dfl.conv.weight", kernel_shape=[1, 1])
    x = net.add(f"{head}.dfl", "Reshape", x, net.constant(head, [1, 4, boxes]))
    one, ends = net.constant(head, [1]), [net.constant(head, [end]) for end in (0, 2, 4)]
    near, far = (net.add(head, "Slice", x, *ends[index : index + 2], one) for index in (0, 1))
    centers = net.constant(head, net.grid(8, 4))
    near, far = net.add(head, "Sub", centers, near), net.add(head, "Add", centers, far)
    middle = net.add(head, "Div", net.add(head, "Add", near, far), net.constant(head, np.float32(2)))
    x = net.add(head, "Concat", middle, net.add(head, "Sub", far, near), axis=1)
    strides = np.repeat([4, 8], [64, 16]).astype(np.float32)[None]
    x = net.add(head, "Mul", x, net.constant(head, strides))
    x = net.add(head, "Concat", x, net.add(head, "Sigmoid", scores), axis=1)
    return net.model(x, (1, 3, 32, 32), (1, 4 + classes, boxes), 17)


def yolo_v5() -> onnx.ModelProto:
    """YOLO with a head as of version 5: tensors of five axes, [1, boxes, 5 + classes]."""
    net, head, anchors, numbers = Exported(), "model.24", 3, 7
    found = []
    for index, (features, side) in enumerate(zip(_two_scales(net), (8, 4), strict=True)):
        maps = net.conv(f"{head}.m.{index}", features, 16, anchors * numbers, 1)
        x = net.add(head, "Reshape", maps, net.constant(head, [1, anchors, numbers, side, side]))
        x = net.add(head, "Sigmoid", net.add(head, "Transpose", x, perm=[0, 1, 3, 4, 2]))
        sizes = net.constant(head, [2, 2, 3])
        center, size, scores = net.several(head, "Split", x, sizes, axis=4, outputs=3)
        two, stride = net.constant(head, np.float32(2)), net.constant(head, np.float32(32 // side))
        grid = net.grid(side).reshape(1, 1, 2, side, side).transpose(0, 1, 3, 4, 2) - 1
        center = net.add(head, "Add", net.add(head, "Mul", center, two), net.constant(head, grid))
        size = net.add(head, "Pow", net.add(head, "Mul", size, two), two)
        boxes = np.arange(1, 7, dtype=np.float32).reshape(1, 3, 1, 1, 2).repeat(side, 2).repeat(side, 3)
        size = net.add(head, "Mul", size, net.constant(head, boxes))
        x = net.add(head, "Concat", net.add(head, "Mul", center, stride), size, scores, axis=4)
        found.append(net.add(head, "Reshape", x, net.constant(head, [1, anchors * side**2, numbers])))
    return net.model(net.add(head, "Concat", *found, axis=1), (1, 3, 32, 32), (1, 240, numbers), 17)


NETWORKS: dict[str, Callable[[], onnx.ModelProto]] = {
    "resnet": resnet,
    "mobilenet": mobilenet,
    "shufflenet": shufflenet,
    "unet": unet,
    "vgg": vgg,
    "yolo": yolo,
    "yolo_v5": yolo_v5,
}
