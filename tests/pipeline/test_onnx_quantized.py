# SPDX-License-Identifier: Apache-2.0
"""ONNX networks that onnxruntime has quantized: compiled to the bytes of the .tflite that they become."""

import logging
import re
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnxruntime", reason="needs onnxruntime: edgecnn[test], from Python 3.11 on")

import onnx
from onnx import TensorProto, helper, version_converter
from onnx_networks import NETWORKS
from onnx_qdq import Qdq, steps_apart, written
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from tflite_builder import Builder

from edgecnn.cli.program import edgecnn
from edgecnn.compiler import compile_tflite
from edgecnn.compiler.reading import read_network
from edgecnn.compiler.reading.onnx.rows._node import ROWS
from edgecnn.errors import MissingToolError, ModelError
from edgecnn.pipeline.verify import verify

IMAGES = np.random.default_rng(0).random((8, 3, 32, 32)).astype(np.float32)
_MODELS = (Path(__file__).parents[2] / "docs" / "models.md").read_text(encoding="utf-8")
[PAGE] = [part for part in _MODELS.split("\n## ") if part.startswith("Quantized ONNX")]
# As in the page's table: the share of values that differ, and by how many steps at most.
APART = {
    name: (float(share) / 100, int(most))
    for name, share, most in re.findall(r"^\| (\w+) \| ([\d.]+)% \| (\d+) \|$", PAGE, re.MULTILINE)
}


class _Images(CalibrationDataReader):  # type: ignore[misc]
    """What ranges are taken from."""

    def __init__(self) -> None:
        self._left: Iterator[Any] = iter({"x": image[None]} for image in IMAGES)

    def get_next(self) -> Any:
        return next(self._left, None)


def quantized(name: str, folder: Path, form: QuantFormat, activations: QuantType) -> Path:
    """Write a network as onnxruntime quantizes it."""
    float_file, path = folder / "float.onnx", folder / "net.int8.onnx"
    float_file.write_bytes(version_converter.convert_version(NETWORKS[name](), 17).SerializeToString())
    logging.disable(logging.WARNING)  # it advises to preprocess
    try:
        quantize_static(
            str(float_file),
            str(path),
            _Images(),
            quant_format=form,
            activation_type=activations,
            weight_type=QuantType.QInt8,
            per_channel=True,
        )
    finally:
        logging.disable(logging.NOTSET)
    return path


@pytest.mark.parametrize("name", APART)
def test_a_whole_network_is_as_near_as_the_page_says(name: str, tmp_path: Path) -> None:
    path = quantized(name, tmp_path, QuantFormat.QDQ, QuantType.QUInt8)
    apart = steps_apart(onnx.load(path), path, np.random.default_rng(1).random((4, 3, 32, 32), np.float32))
    share, most = APART[name]
    assert float(np.mean(apart > 0)) == pytest.approx(share, abs=0.005)
    assert apart.max() == most


def test_the_page_has_six_networks() -> None:
    assert sorted(APART) == ["mobilenet", "resnet", "shufflenet", "unet", "vgg", "yolo"]


@pytest.mark.parametrize(
    ("name", "form", "activations"),
    [
        ("resnet", QuantFormat.QOperator, QuantType.QInt8),
        ("shufflenet", QuantFormat.QDQ, QuantType.QUInt8),
        ("yolo", QuantFormat.QDQ, QuantType.QInt8),
    ],
)
def test_the_c_of_a_network_equals_its_tflite(
    name: str, form: QuantFormat, activations: QuantType, tmp_path: Path
) -> None:
    verified = verify(quantized(name, tmp_path, form, activations), "c99", 3)
    assert verified.oracle == "tflite-runtime 2.14.0 BUILTIN_REF"
    assert verified.bytes_compared > 0
    assert verified.bytes_different == 0


@pytest.mark.parametrize("form", [QuantFormat.QDQ, QuantFormat.QOperator])
def test_both_forms_and_types_become_the_same(form: QuantFormat, tmp_path: Path) -> None:
    """uint8 is 128 less as int8, and operators over integers stand for those between Q and DQ."""
    codes = []
    for activations in (QuantType.QUInt8, QuantType.QInt8):
        path = quantized("mobilenet", tmp_path, form, activations)
        codes.append(re.sub(r"[0-9a-f]{64}|0x[0-9a-f]+u", "", compile_tflite(path, name="net").source))
    assert codes[0] == codes[1]


@pytest.mark.study
def test_the_commands_of_the_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    quantized("vgg", tmp_path, QuantFormat.QDQ, QuantType.QUInt8)
    monkeypatch.chdir(tmp_path)
    commands = re.findall(r"^\$ edgecnn (.*)$", PAGE, re.MULTILINE)
    assert [command.split()[0] for command in commands] == ["compile", "verify", "inspect", "export"]
    said = []
    for command in commands:
        edgecnn.main(shlex.split(command), standalone_mode=False)
        said.append(capsys.readouterr().out)
    assert "arena" in said[0]
    assert "0 of 15 bytes differ" in said[1]
    assert "int8[1,32,32,3]" in said[2]
    exported = compile_tflite(tmp_path / "firmware2" / "net.tflite", name="net")
    assert exported.plan["steps"] == compile_tflite(tmp_path / "net.int8.onnx", name="net").plan["steps"]


def test_the_page_lists_the_table() -> None:
    [listed] = re.findall(r"<!-- quantized operators -->(.*)<!-- /quantized operators -->", PAGE, re.DOTALL)
    assert re.findall(r"`(\w+)`", listed) == sorted(op for op in ROWS if "." not in op)


def _sin(q: Qdq, x: str) -> str:
    return q.activation(q.node("Sin", [x]))


def _floats(q: Qdq, x: str) -> str:
    return q.activation(q.node("Mul", [q.node("Sigmoid", [x]), x]))


def _open(q: Qdq, x: str) -> str:
    return q.node("Conv", [x, q.weights(4, 3, 1, 1)])


def _plain_weights(q: Qdq, x: str) -> str:
    return q.activation(q.node("Conv", [x, q.constant(np.ones((4, 3, 1, 1), np.float32))]))


def _nine_bits(q: Qdq, x: str) -> str:
    scaling = q.scaling(0.1, 10, "uint8")
    integers = q.constant(np.full((3, 1, 1, 1), 255, np.uint8))
    return q.activation(q.node("Conv", [x, q.node("DequantizeLinear", [integers, *scaling])], group=3))


def _wide(q: Qdq, x: str) -> str:
    scaling = q.scaling(0.1, 0, "int16")
    made = q.node("Relu", [x])
    return q.node("DequantizeLinear", [q.node("QuantizeLinear", [made, *scaling]), *scaling])


def _dynamic(q: Qdq, x: str) -> str:
    q.node("DynamicQuantizeLinear", [x], ["d", "scale", "zero"])
    return q.node("DequantizeLinear", ["d", "scale", "zero"])


def _twice(q: Qdq, x: str) -> str:
    made = q.node("Conv", [x, q.weights(4, 3, 1, 1)])
    return q.activation(q.node("Add", [q.activation(made, -3, 3), q.activation(made, -1, 1)]))


def _mean_without_padding(q: Qdq, x: str) -> str:
    return q.activation(q.node("AveragePool", [x], kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2]))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (_sin, 'Sin "/body/Sin_2": the op is not possible in a quantized network; those that are: Abs,'),
        (
            _floats,
            'Mul "/body/Mul_3": it takes floats that nothing has quantized in input 0; quantize it, too',
        ),
        (_open, 'Conv "/body/Conv_3": nothing quantizes what it makes; quantize it, too'),
        (_plain_weights, "input 1 is floats; weights of int8 are needed: quantize them, too"),
        (
            _nine_bits,
            "weights of uint8 that less their zero point, 10, need 9 bits; quantize weights symmetr",
        ),
        (_wide, "it makes int16; activations of int8 or uint8 are possible"),
        (
            _dynamic,
            'DynamicQuantizeLinear_2": the op is not possible in a quantized network; quantize it stat',
        ),
        (_twice, "it quantizes floats that another operator quantizes to another scale"),
        (_mean_without_padding, "leaves padding [1, 0, 1, 1] (top, bottom, left, right) out of means"),
    ],
)
def test_refusals_name_the_operator(make: Callable[[Qdq, str], str], message: str, tmp_path: Path) -> None:
    q = Qdq()
    path = written(q.model(make(q, q.activation("x")), (1, 3, 8, 9)), tmp_path)
    with pytest.raises(ModelError) as error:
        read_network(path)
    assert str(error.value).startswith(f"{path}: ")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_an_input_of_integers_is_taken_as_it_is(tmp_path: Path) -> None:
    q = Qdq()
    read = q.node("DequantizeLinear", ["x", *q.scaling(0.02, 3, "uint8")])
    made = q.activation(q.node("Conv", [read, q.weights(4, 3, 1, 1)]), -5, 5)
    graph = read_network(written(q.model(made, (1, 3, 8, 8), dtype=TensorProto.UINT8), tmp_path))
    quantization = graph.tensors[graph.inputs[0]].quantization
    assert quantization is not None
    assert (quantization.scale, quantization.zero_point) == (float(np.float32(0.02)), 3 - 128)


def test_floats_are_quantized_first(tmp_path: Path) -> None:
    q = Qdq()
    path = written(q.model(q.node("Relu", ["x"]), (1, 3, 8, 8)), tmp_path)
    with pytest.raises(
        ModelError, match=r"is a network of floats; quantize it first: edgecnn export net.onnx"
    ):
        compile_tflite(path)


def test_without_the_package_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(helper.make_model(helper.make_graph([], "g", [], [])), tmp_path)
    builder = Builder()
    source = builder.input((1, 4))
    tflite = tmp_path / "net.tflite"
    tflite.write_bytes(builder.build((source,), (builder.fully_connected(source, 3),)))
    monkeypatch.setitem(sys.modules, "onnx", None)
    assert compile_tflite(tflite).plan["steps"]  # .tflite files need it for nothing
    with pytest.raises(MissingToolError, match=r"pip install 'edgecnn\[onnx\]'"):
        read_network(path)
