# SPDX-License-Identifier: Apache-2.0
"""Each row of the table of ONNX's ops, against onnxruntime: awkward sizes, each form that an opset has."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnxruntime", reason="needs onnxruntime: edgecnn[test], from Python 3.11 on")

from onnx import TensorProto, helper
from onnx_files import NEWEST, largest_difference, onnx_model

from edgecnn.converters.onnx_ops._node import ROWS
from edgecnn.converters.onnx_to_keras import onnx_to_keras

IMAGE = (2, 3, 7, 9)


@dataclass(frozen=True)
class Case:
    """One operator, behind others if need be."""

    op: str
    constants: tuple[Any, ...] = ()  # its inputs behind the first; None: left out
    shape: tuple[int, ...] = IMAGE
    opsets: tuple[int, ...] = (11, NEWEST)
    before: tuple[tuple[Any, ...], ...] = ()  # operators from the image to its first input
    after: tuple[tuple[Any, ...], ...] = ()  # operators behind its first output
    outputs: int = 1
    first: bool = True  # the image is its first input, and not its last
    attributes: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        parts = [self.op, *(f"{name}={value}" for name, value in self.attributes.items())]
        return " ".join(
            [*parts, *(np.array2string(np.asarray(x).ravel()[:4]) for x in self.constants if x is not None)]
        )

    def model(self, opset: int) -> Any:
        constants, nodes, last = {}, [], "x"
        steps = [(op, values, attributes, 1) for op, values, attributes in self.before]
        steps += [(self.op, self.constants, self.attributes, self.outputs)]
        steps += [(op, values, attributes, 1) for op, values, attributes in self.after]
        outputs: list[str] = []
        for number, (op, values, attributes, count) in enumerate(steps):
            names = []
            for index, value in enumerate(values):
                if isinstance(value, str) or value is None:
                    names.append(value or "")
                    continue
                names.append(f"c{number}_{index}")
                constants[names[-1]] = np.asarray(value)
            outputs = [f"t{number}_{index}" for index in range(count)]
            inputs = [last, *names] if self.first or op != self.op else [*names, last]
            nodes.append(helper.make_node(op, inputs, outputs, name=f"/{op}_{number}", **attributes))
            last = outputs[0]
        return onnx_model(nodes, self.shape, outputs, constants, opset)


def case(op: str, *constants: Any, **options: Any) -> Case:
    own = {name: options.pop(name) for name in list(options) if name in Case.__dataclass_fields__}
    return Case(op, constants, attributes=options, **own)


def rand(*shape: int) -> Any:
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)


def ints(*values: int) -> Any:
    return np.array(values, np.int64)


def floats(*values: float) -> Any:
    return np.array(values, np.float32)


def conv(
    filters: int = 4, kernel: Sequence[int] = (3, 3), group: int = 1, *, bias: bool = True, **options: Any
) -> Case:
    shape = options.get("shape", IMAGE)
    weights = rand(filters, shape[1] // group, *kernel)
    return case("Conv", weights, *([rand(filters)] if bias else []), group=group, **options)


SIX = (1, 6, 8, 7)
RELU = (("Relu", (), {}),)
FLAT = (("Flatten", (), {}),)
CONVOLUTIONS = [
    conv(),
    conv(bias=False, kernel_shape=[3, 3]),
    conv(pads=[1, 1, 1, 1]),
    conv(pads=[1, 1, 1, 1], strides=[2, 2]),
    conv(pads=[1, 1, 1, 1], strides=[2, 2], shape=(1, 3, 8, 8)),
    conv(pads=[0, 1, 2, 3]),
    conv(pads=[2, 0, 1, 1], strides=[3, 2]),
    conv(kernel=(1, 1), strides=[2, 2]),
    conv(kernel=(2, 5), pads=[0, 2, 1, 2]),
    conv(pads=[2, 2, 2, 2], dilations=[2, 2]),
    conv(pads=[2, 1, 0, 2], dilations=[2, 1], strides=[2, 2]),
    conv(pads=[2, 2, 2, 2], dilations=[2, 2], strides=[2, 2], shape=(1, 3, 9, 9)),
    conv(auto_pad="SAME_UPPER", strides=[2, 2]),
    conv(auto_pad="SAME_LOWER", strides=[2, 2], shape=(1, 3, 8, 8)),
    conv(auto_pad="VALID"),
    conv(6, group=3, shape=SIX, pads=[1, 1, 1, 1]),
    conv(4, group=2, shape=SIX, strides=[2, 1], bias=False),
    conv(6, group=6, shape=SIX, pads=[1, 1, 1, 1], strides=[2, 2]),
    conv(12, group=6, shape=SIX, strides=[2, 1], pads=[1, 0, 1, 1]),
    conv(6, group=6, shape=SIX, dilations=[2, 2], pads=[2, 2, 2, 2], bias=False),
    case("ConvTranspose", rand(3, 4, 2, 2), rand(4), strides=[2, 2]),
    case("ConvTranspose", rand(3, 4, 3, 3), strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 1]),
    case("ConvTranspose", rand(3, 4, 4, 4), rand(4), strides=[2, 2], pads=[1, 1, 1, 1]),
    case("ConvTranspose", rand(3, 2, 3, 2), rand(2), strides=[1, 3], pads=[0, 0, 1, 0]),
    case("ConvTranspose", rand(3, 2, 1, 1), rand(2), strides=[2, 2]),
]
DENSE = [
    case("Gemm", rand(5, 189), rand(5), transB=1, before=FLAT),
    case("Gemm", rand(189, 5), rand(1, 5), before=FLAT, alpha=0.5, beta=2.0),
    case("Gemm", rand(5, 189), transB=1, before=(*FLAT, ("Dropout", (), {}), ("Relu", (), {}))),
    case("Gemm", rand(5, 189), rand(5), transB=1, before=(("Reshape", (ints(0, -1),), {}),)),
    case("Gemm", rand(5, 189), rand(5), transB=1, before=(("Transpose", (), {"perm": [0, 2, 3, 1]}), *FLAT)),
    case("Gemm", rand(5, 189), rand(5), transB=1, before=(*FLAT, ("Mul", (floats(2),), {}))),
    case("Gemm", rand(5, 189), rand(5), transB=1, before=(*FLAT, ("Mul", (rand(189),), {}))),
    case("Gemm", rand(4, 3), rand(4), transB=1, before=(("GlobalAveragePool", (), {}), *FLAT)),
    case("MatMul", rand(189, 5), before=FLAT),
    case("MatMul", rand(9, 4)),
    case(
        "MatMul", rand(9, 4), before=(("Reshape", (ints(2, 21, 9),), {}),), after=(("Add", (rand(4),), {}),)
    ),
    case("MatMul", rand(3, 4), before=(("Transpose", (), {"perm": [0, 2, 3, 1]}),)),
    case("BatchNormalization", rand(189), rand(189), rand(189), abs(rand(189)), before=FLAT),
    case("BatchNormalization", rand(3), rand(3), rand(3), abs(rand(3)), epsilon=1e-3),
]
POOLS = [
    case("MaxPool", kernel_shape=[2, 2], strides=[2, 2]),
    case("MaxPool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
    case("MaxPool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], shape=(1, 3, 8, 8)),
    case("MaxPool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], shape=(1, 3, 8, 8), before=RELU),
    case("MaxPool", kernel_shape=[3, 2], strides=[2, 3], pads=[1, 0, 0, 1]),
    case("MaxPool", kernel_shape=[5, 5], strides=[1, 1], pads=[2, 2, 2, 2]),
    case("MaxPool", kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1),
    case("MaxPool", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1, shape=(1, 3, 8, 8)),
    case("MaxPool", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1, shape=(1, 3, 8, 8), before=RELU),
    case("MaxPool", kernel_shape=[2, 2], strides=[2, 2], auto_pad="SAME_LOWER", before=RELU),
    case("AveragePool", kernel_shape=[2, 2], strides=[2, 2]),
    case("AveragePool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], shape=(1, 3, 8, 8)),
    case(
        "AveragePool",
        kernel_shape=[3, 3],
        strides=[2, 2],
        pads=[1, 1, 1, 1],
        count_include_pad=1,
        shape=(1, 3, 8, 8),
    ),
    case("AveragePool", kernel_shape=[3, 3], strides=[1, 1], pads=[1, 1, 1, 1]),
    case("AveragePool", kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1, opsets=(19, NEWEST)),
    case("AveragePool", kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER"),
    case("GlobalAveragePool"),
    case("GlobalMaxPool"),
    *(case(f"Reduce{kind}", axes=[2, 3], opsets=(11, 17)) for kind in ("Mean", "Max", "Min")),
    *(
        case(f"Reduce{kind}", ints(-1, -2), opsets=(18, NEWEST), keepdims=0)
        for kind in ("Mean", "Max", "Min", "Sum")
    ),
    case("ReduceMean", axes=[1], opsets=(11, 17)),
    case("ReduceMax", ints(1), opsets=(18, NEWEST)),
    case("ReduceMean", ints(1, 3), opsets=(18, NEWEST), keepdims=0),
    case("ReduceMean", ints(2), opsets=(18, NEWEST), keepdims=0),
    case("ReduceMean", ints(1), opsets=(18,), before=FLAT),
    case("ReduceSum", axes=[1], opsets=(11, 12)),
    case("ReduceMean", opsets=(18,), noop_with_empty_axes=1),
]
ELEMENTWISE = [
    *(
        case(op)
        for op in ("Relu", "LeakyRelu", "Elu", "HardSigmoid", "Sigmoid", "Tanh", "Softplus", "Softsign")
    ),
    *(case(op) for op in ("Abs", "Erf", "Exp", "Neg", "Identity", "Dropout")),
    *(case(op, before=(("Sigmoid", (), {}),)) for op in ("Log", "Sqrt", "Reciprocal")),
    case("LeakyRelu", alpha=0.2),
    case("Elu", alpha=0.5),
    case("HardSwish", opsets=(14, NEWEST)),
    case("HardSigmoid", alpha=1 / 6, beta=0.5),
    case("Gelu", opsets=(20, NEWEST)),
    case("Gelu", opsets=(20,), approximate="tanh"),
    case("Clip", np.float32(0), np.float32(6)),
    case("Clip", np.float32(0)),
    case("Clip", None, np.float32(0.3)),
    case("Clip", np.float32(-1), np.float32(0.5)),
    case("PRelu", rand(3, 1, 1)),
    case("PRelu", rand(1)),
    case("PRelu", rand(189), before=FLAT),
    case("Softmax", axis=1, opsets=(13, NEWEST)),
    case("Softmax", axis=-1, before=(("GlobalAveragePool", (), {}), *FLAT)),
    case("Softmax", axis=3),
    case("Softmax", axis=2, opsets=(13,)),
    case("LogSoftmax", axis=1, before=(("GlobalAveragePool", (), {}), *FLAT)),
    case("Cast", to=TensorProto.FLOAT),
    *(case(op, rand(3, 1, 1)) for op in ("Add", "Sub", "Mul", "Div")),
    *(case(op, rand(3, 1, 1), first=False) for op in ("Add", "Sub", "Mul")),
    *(case(op, np.float32(1.5), first=False) for op in ("Add", "Sub", "Mul")),
    *(case(op, np.float32(1.5)) for op in ("Add", "Sub", "Mul", "Div")),
    *(case(op, rand(1, 3, 7, 9)) for op in ("Add", "Sub", "Mul", "Div")),
    *(case(op, rand(9)) for op in ("Add", "Mul")),
    *(case(op, rand(3, 1, 1), opsets=(12, NEWEST)) for op in ("Max", "Min", "Sum")),
    case("Div", rand(3, 1, 1), first=False, before=(("Exp", (), {}),)),
    case("Pow", np.float32(2), opsets=(12, NEWEST)),
    case("Pow", np.float32(0.5), opsets=(12, NEWEST), before=(("Abs", (), {}),)),
    *(
        case(op, "x", before=(("Relu", (), {}),), opsets=(12, NEWEST))
        for op in ("Add", "Sub", "Mul", "Max", "Min", "Sum")
    ),
    case("Div", "x", before=(("Sigmoid", (), {}),)),
    case("Mul", "x", before=(("GlobalAveragePool", (), {}), ("Sigmoid", (), {}))),
    case("Mul", "x", before=(("GlobalAveragePool", (), {}), *FLAT, ("Reshape", (ints(-1, 3, 1, 1),), {}))),
    case(
        "Add",
        "x",
        before=(("Transpose", (), {"perm": [0, 1, 3, 2]}), ("Transpose", (), {"perm": [0, 1, 3, 2]})),
    ),
    case("MatMul", "x", before=(("Transpose", (), {"perm": [0, 1, 3, 2]}),)),
]
SHAPES = [
    case("Flatten"),
    case("Flatten", axis=-3, opsets=(11, NEWEST)),
    case("Reshape", ints(2, -1)),
    case("Reshape", ints(0, 0, 63)),
    case("Reshape", ints(0, 63, -1)),
    case("Reshape", ints(2, 3, 7, 3, 3)),
    case("Reshape", ints(2, 7, 3, 9)),
    case("Reshape", ints(2, 9, 3, 7), before=(("Transpose", (), {"perm": [0, 3, 1, 2]}),)),
    case("Reshape", ints(-1, 1, 3, 63)),
    case("Reshape", ints(2, 21, 9), before=FLAT),
    case(
        "Reshape",
        ints(2, 6, 8, 7),
        shape=(2, 6, 8, 7),
        before=(("Reshape", (ints(2, 2, 3, 8, 7),), {}), ("Transpose", (), {"perm": [0, 2, 1, 3, 4]})),
    ),
    case("Squeeze", axes=[1], shape=(2, 1, 5, 4), opsets=(11, 12)),
    case("Squeeze", ints(3, 2), opsets=(13, NEWEST), before=(("GlobalMaxPool", (), {}),)),
    case("Unsqueeze", axes=[1, -1], opsets=(11, 12)),
    case("Unsqueeze", ints(2), opsets=(13, NEWEST)),
    case("Transpose", perm=[0, 2, 3, 1]),
    case("Transpose", perm=[0, 3, 2, 1], after=(("Relu", (), {}),)),
    case("Transpose", perm=[0, 2, 1], before=(("Reshape", (ints(2, 3, 63),), {}),)),
    case("Expand", ints(1, 3, 1, 9)),
    case("Concat", "x", axis=1, before=RELU),
    case("Concat", "x", axis=-1, before=RELU),
    case("Concat", "x", axis=2, before=(("Transpose", (), {"perm": [0, 1, 2, 3]}), *RELU)),
    case("Concat", "t0_0", axis=1, before=FLAT),
    case("Split", axis=1, split=[1, 2], outputs=2, opsets=(11, 12)),
    case("Split", ints(2, 5), axis=2, outputs=2, opsets=(13, NEWEST)),
    case("Split", axis=1, outputs=3, opsets=(11, 13)),
    case("Split", axis=3, outputs=2, num_outputs=2, opsets=(18, NEWEST)),
    case("Slice", ints(1), ints(3), ints(1)),
    case("Slice", ints(1, 2), ints(-1, 9223372036854775807), ints(2, 3)),
    case("Slice", ints(0, 1), ints(100, 100), ints(2, 3), ints(2, 2)),
    case("Slice", ints(-2), ints(100), ints(-3)),
    case("Slice", ints(0), ints(50), ints(1), before=FLAT),
    case("Slice", ints(0, 0), ints(2, 2)),
    case("Gather", ints(2, 0, 1), axis=1),
    case("Gather", ints(1, 2), axis=1),
    case("Gather", np.int64(-1), axis=2),
    case("Pad", ints(0, 0, 1, 2, 0, 0, 0, 3)),
    case("Pad", ints(0, 1, 0, 0, 0, 0, 0, 0)),
    case("Pad", ints(0, 0, 1, 2, 0, 0, 0, 3), np.float32(1.5)),
    case("Pad", ints(0, 0, 1, 2, 0, 0, 2, 3), mode="reflect"),
    case("Pad", ints(1, 2, 0, 1), None, ints(2, 3), opsets=(18, NEWEST)),
    case("DepthToSpace", blocksize=2, shape=(1, 12, 3, 5), opsets=(11, 13)),
    case("DepthToSpace", blocksize=2, mode="CRD", shape=(1, 12, 3, 5), opsets=(11, 13)),
    case("SpaceToDepth", blocksize=2, shape=(1, 3, 4, 6), opsets=(11, 13)),
]
_NONE = np.zeros(0, np.float32)


def resize(scales: Any = None, sizes: Any = None, **options: Any) -> Case:
    last = [] if sizes is None else [ints(*IMAGE[:2], *sizes)]
    factors = _NONE if scales is None else floats(1, 1, *scales)
    return case("Resize", options.pop("roi", _NONE), factors, *last, **options)


PYTORCH = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
RESIZES = [
    resize((2, 2), **PYTORCH),
    resize((2, 3), **PYTORCH),
    resize((1.5, 1.5), **PYTORCH),
    resize(None, (14, 18), **PYTORCH),
    resize(None, (10, 6), **PYTORCH),
    resize((2, 2), mode="nearest"),
    resize((0.5, 0.5), **PYTORCH),
    resize((2, 2), mode="linear", coordinate_transformation_mode="half_pixel"),
    resize((2, 2), mode="linear", coordinate_transformation_mode="pytorch_half_pixel", cubic_coeff_a=-0.75),
    resize(None, (10, 12), mode="linear", coordinate_transformation_mode="half_pixel"),
    resize((2, 2), mode="linear", coordinate_transformation_mode="align_corners"),
    resize(None, (14, 18), mode="linear", coordinate_transformation_mode="align_corners"),
    resize((2, 2), mode="linear", coordinate_transformation_mode="asymmetric"),
    case("Resize", None, floats(2, 2), axes=[2, 3], opsets=(18, NEWEST), **PYTORCH),
]
CASES = [*CONVOLUTIONS, *DENSE, *POOLS, *ELEMENTWISE, *SHAPES, *RESIZES]


def converted(model: Any, folder: Path) -> Any:
    path = folder / "case.onnx"
    path.write_bytes(model.SerializeToString())
    return onnx_to_keras(path)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_row_computes_what_onnxruntime_does(case: Case, tmp_path: Path) -> None:
    image = np.random.default_rng(1).normal(size=case.shape).astype(np.float32)
    for opset in case.opsets:
        model = case.model(opset)
        assert largest_difference(model, converted(model, tmp_path), image) < 1e-5


def test_every_row_has_a_case() -> None:
    tried = {case.op for case in CASES}
    assert set(ROWS) == tried
