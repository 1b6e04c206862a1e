# SPDX-License-Identifier: Apache-2.0
"""ONNX files: what is read, what is computed of constants, and what is refused, in one line."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnxruntime", reason="needs onnxruntime: edgecnn[test], from Python 3.11 on")

from onnx import TensorProto, helper, numpy_helper
from onnx_files import NEWEST, answers, largest_difference, onnx_model

from edgecnn.compiler.reading.onnx.file import OPSETS, read_onnx
from edgecnn.converters.onnx_to_keras import onnx_to_keras
from edgecnn.errors import ModelError
from edgecnn.tf import keras

SHAPE = ("batch", 3, 8, 8)
IMAGE = np.random.default_rng(0).random((2, 3, 8, 8)).astype(np.float32)
FILTERS = np.random.default_rng(1).normal(size=(4, 3, 3, 3)).astype(np.float32)


def node(op: str, inputs: str, outputs: str, **attributes: Any) -> Any:
    return helper.make_node(op, inputs.split(), outputs.split(), **{"name": f"/body/{op}", **attributes})


def convolution(**options: Any) -> Any:
    nodes = [node("Conv", "x w", "a", pads=[1, 1, 1, 1]), node("Relu", "a", "y")]
    return onnx_model(nodes, SHAPE, constants={"w": FILTERS}, **options)


def written(model: Any, folder: Path) -> Path:
    path = folder / "net.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def refusal(model: Any, folder: Path) -> str:
    with pytest.raises(ModelError) as error:
        onnx_to_keras(written(model, folder))
    message = str(error.value)
    assert "\n" not in message
    return message.replace(f"{folder}/", "")


@pytest.mark.parametrize("opset", OPSETS)
def test_every_opset_is_read(opset: int, tmp_path: Path) -> None:
    model = convolution(opset=opset)
    assert largest_difference(model, onnx_to_keras(written(model, tmp_path)), IMAGE) < 1e-6
    assert read_onnx(tmp_path / "net.onnx").opset == opset


@pytest.mark.parametrize("opset", [9, 10, NEWEST + 1])
def test_other_opsets_are_said(opset: int, tmp_path: Path) -> None:
    assert refusal(convolution(opset=opset), tmp_path) == (
        f"net.onnx has opset {opset}; allowed are 11 to 28: export it with opset_version=18, say"
    )


def test_layers_have_the_names_of_the_file(tmp_path: Path) -> None:
    model = onnx_to_keras(written(convolution(), tmp_path))
    assert [layer.name for layer in model.layers] == ["x", "body_Conv", "body_Relu"]


def test_shapes_that_a_file_computes_are_constants(tmp_path: Path) -> None:
    """As exporters write x.view(x.size(0), -1), and interpolate to the size of another map."""
    nodes = [
        node("Shape", "x", "shape"),
        node("Constant", "", "zero", value=numpy_helper.from_array(np.int64(0))),
        node("Gather", "shape zero", "batch"),
        node("Unsqueeze", "batch axes", "row"),
        node("Constant", "", "rest", value_ints=[-1], name=""),
        node("Concat", "row rest", "target", axis=0),
        node("Slice", "shape two four", "sides"),
        node("Mul", "sides factor", "larger"),
        node("Div", "larger three", "odd"),
        node("Cast", "odd", "whole", to=TensorProto.INT64),
        node("Slice", "shape nought two", "front", name="/body/Slice_1"),
        node("Concat", "front whole", "size", axis=0, name="/body/Concat_1"),
        node(
            "Resize",
            "x none none size",
            "big",
            mode="nearest",
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        ),
        node("Reshape", "big target", "y"),
    ]
    constants = {name: np.array([number]) for name, number in (("nought", 0), ("two", 2), ("four", 4))}
    constants |= {"axes": np.array([0]), "factor": np.array([7]), "three": np.array([3])}
    constants |= {"none": np.zeros(0, np.float32)}
    model = onnx_model(nodes, SHAPE, constants=constants)
    made = onnx_to_keras(written(model, tmp_path))
    assert made.output_shape == (None, 18 * 18 * 3)
    assert largest_difference(model, made, IMAGE) == 0


def test_constants_of_constants(tmp_path: Path) -> None:
    """A weight that is normalized in the file, and a grid."""
    nodes = [
        node("Mul", "w w", "squared"),
        node("Sqrt", "squared", "root"),
        node("Max", "root tiny", "positive"),
        node("Div", "w positive", "signs"),
        node("Transpose", "signs", "kernel", perm=[0, 1, 3, 2]),
        node("Conv", "x kernel", "a"),
        node("Range", "first last step", "numbers"),
        node("Reshape", "numbers four", "column"),
        node("Expand", "column wide", "grid"),
        node("Tile", "column twice", "tiled"),
        node("ConstantOfShape", "wide", "ones", value=numpy_helper.from_array(np.array([2], np.float32))),
        node("Sub", "grid ones", "moved"),
        node("Where", "where moved tiled", "chosen"),
        node("Add", "a chosen", "y"),
    ]
    number = [np.float32(value) for value in (0, 6, 1)]
    constants = dict(zip(("first", "last", "step"), number, strict=True))
    constants |= {"w": FILTERS, "tiny": np.float32(1e-9), "four": np.array([1, 1, 6, 1])}
    constants |= {"wide": np.array([1, 1, 6, 6]), "twice": np.array([1, 1, 1, 6])}
    constants |= {"where": np.arange(36).reshape(1, 1, 6, 6) % 2 == 0}
    model = onnx_model(nodes, SHAPE, constants=constants)
    assert largest_difference(model, onnx_to_keras(written(model, tmp_path)), IMAGE) < 1e-5


def test_images_of_bytes_and_channels_last(tmp_path: Path) -> None:
    """As exporters of TensorFlow write them: the file turns the axes itself."""
    nodes = [
        node("Transpose", "x", "a", perm=[0, 3, 1, 2]),
        node("Conv", "a w", "b"),
        helper.make_node("Transpose", ["b"], ["y"], perm=[0, 2, 3, 1]),
    ]
    model = onnx_model(nodes, ("n", 8, 8, 3), constants={"w": FILTERS})
    made = onnx_to_keras(written(model, tmp_path))
    assert [type(layer) for layer in made.layers] == [keras.layers.InputLayer, keras.layers.Conv2D]
    image = IMAGE.transpose(0, 2, 3, 1)
    [expected] = answers(model, image)
    np.testing.assert_allclose(made(image), expected, atol=1e-5)

    nodes = [node("Cast", "x", "a", to=TensorProto.FLOAT), node("Conv", "a w", "y")]
    model = onnx_model(nodes, SHAPE, constants={"w": FILTERS}, dtype=TensorProto.UINT8)
    bytes_ = (255 * IMAGE).astype(np.uint8)
    assert largest_difference(model, onnx_to_keras(written(model, tmp_path)), bytes_) < 1e-5


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_weights_of_other_widths_become_float32(dtype: Any, tmp_path: Path) -> None:
    model = onnx_model([node("Conv", "x w", "y")], SHAPE, constants={"w": FILTERS.astype(dtype)})
    [kernel] = onnx_to_keras(written(model, tmp_path)).get_weights()
    np.testing.assert_array_equal(kernel, FILTERS.astype(dtype).astype(np.float32).transpose(2, 3, 1, 0))


def external(location: str, **entries: int) -> Any:
    """A network whose filters lie in another file."""
    model = convolution()
    [weights] = model.graph.initializer
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, **entries}.items():
        weights.external_data.add(key=key, value=str(value))
    return model


def test_data_beside_the_file_are_read(tmp_path: Path) -> None:
    (tmp_path / "net.onnx.data").write_bytes(b"1234" + FILTERS.tobytes() + b"5678")
    path = written(external("net.onnx.data", offset=4, length=FILTERS.nbytes), tmp_path)
    assert largest_difference(convolution(), onnx_to_keras(path), IMAGE) < 1e-6


@pytest.mark.parametrize("location", ["../data", "/etc/hostname", "", "..", "sub/data", "link", "a\0b"])
def test_other_data_are_not_read(location: str, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    (folder / "sub").mkdir(parents=True)
    for file in (tmp_path / "data", folder / "sub" / "data"):
        file.write_bytes(FILTERS.tobytes())
    (folder / "link").symlink_to(tmp_path / "data")
    assert "must be in a file beside it, and no link" in refusal(external(location), folder)


def test_data_that_are_short_or_missing_are_said(tmp_path: Path) -> None:
    assert "can't be read: No such file" in refusal(external("data"), tmp_path)
    (tmp_path / "data").write_bytes(bytes(100))
    assert "at bytes 50 to 150 of" in refusal(external("data", offset=50, length=100), tmp_path)
    assert "at bytes -1 to 3 of" in refusal(external("data", offset=-1, length=4), tmp_path)
    assert "or a damaged one: cannot reshape" in refusal(external("data"), tmp_path)


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        (
            [node("Det", "x", "y")],
            'net.onnx: Det "/body/Det": the op is not known; those that are: Abs, Add, AveragePool, ',
        ),
        ([node("Conv", "x w", "y", group=3)], 'net.onnx: Conv "/body/Conv": it has filters '),
        ([node("Conv", "x x", "y")], 'net.onnx: Conv "/body/Conv": input 1 must be a constant'),
        ([node("Conv", "x gone", "y")], 'Conv "/body/Conv" takes "gone", which no operator before it makes'),
        ([node("Transpose", "x", "y", perm=[1, 0, 2, 3])], "the batch must stay the first"),
        ([node("Flatten", "x", "y", axis=2)], "it has axis 2; allowed is 1, so that the batch stays"),
        ([node("Add", "x w", "y")], 'net.onnx: Add "/body/Add": it takes a constant of [4, 3, 3, 3] for'),
        ([node("Relu", "w", "y")], "it is known of what is made of the image only, and takes constants"),
        ([node("Range", "x x x", "y")], "it is known of constants only, and takes what is made of the image"),
        ([node("Identity", "w", "y")], 'net.onnx answers with "y", which is not made of the image'),
        ([node("Relu", "x", "a")], 'net.onnx answers with "y", which is not made of the image'),
        (
            [node("Resize", "x none none size", "y", mode="cubic")],
            'it has mode "cubic", or antialias; allowed are nearest and linear, without',
        ),
        (
            [node("Pad", "x huge", "y")],
            "it makes a tensor of [1, 3, 1000000008, 1000000008]; allowed are 1 to",
        ),
        ([node("ConstantOfShape", "huge", "y")], "it makes a tensor of [0, 0, 1000000000"),
        ([node("Dropout", "x ratio yes", "y")], "export the network after .eval()"),
        ([node("MaxPool", "x", "y z", kernel_shape=[2, 2])], "allowed are the values alone"),
        ([node("QuantizeLinear", "x s z", "y")], "is quantized already, by QuantizeLinear"),
        ([node("ConvInteger", "x w", "y")], "is quantized already, by ConvInteger"),
        ([node("Gelu", "x", "y", domain="com.microsoft")], "com.microsoft.Gelu"),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, str) else "",
)
def test_refusals_name_the_operator(nodes: Any, message: str, tmp_path: Path) -> None:
    constants = {"w": FILTERS, "none": np.zeros(0, np.float32), "size": np.array([1, 3, 9, 9])}
    constants |= {"ratio": np.float32(0.5), "yes": np.array(True)}
    constants |= {"huge": np.array([0, 0, *[10**9] * 2, 0, 0, 0, 0])}
    assert message in refusal(onnx_model(nodes, SHAPE, constants=constants), tmp_path)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (
            (1, 3, "height", "width"),
            'takes "x" of shape [1, 3, height, width]; all but the batch must be fixed',
        ),
        ((1, 3, 0, 8), 'takes "x" of shape [1, 3, 0, 8]; all but the batch must be fixed'),
        ((1, 3, 10**6, 10**6), "allowed are 1 to"),
    ],
)
def test_inputs_of_no_size_are_refused(shape: Any, message: str, tmp_path: Path) -> None:
    assert message in refusal(onnx_model([node("Relu", "x", "y")], shape), tmp_path)


def test_constants_that_fill_the_memory_are_refused(tmp_path: Path) -> None:
    side = np.array([1 << 20])
    nodes = [
        helper.make_node("ConstantOfShape", ["side"], [f"c{index}"], name=f"/{index}") for index in range(300)
    ]
    model = onnx_model([*nodes, node("Relu", "x", "y")], SHAPE, constants={"side": side})
    assert refusal(model, tmp_path).startswith('net.onnx: ConstantOfShape "/255": it makes a tensor of')


def test_graphs_as_no_network_has_them_end_soon(tmp_path: Path) -> None:
    """A tensor added to itself again and again has very many ways to the image; a chain is too deep."""
    nodes = [node("Relu", "x", "t0")]
    nodes += [helper.make_node("Add", [f"t{number}"] * 2, [f"t{number + 1}"]) for number in range(60)]
    pool = node("MaxPool", "t60", "y", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    model = onnx_model([*nodes, pool], SHAPE)
    assert largest_difference(model, onnx_to_keras(written(model, tmp_path)), IMAGE) < 1e-6

    names = ["x", *(f"t{number}" for number in range(1500)), "y"]
    chain = [helper.make_node("Relu", list(pair[:1]), list(pair[1:])) for pair in pairwise(names)]
    message = refusal(onnx_model(chain, SHAPE), tmp_path)
    assert message == "net.onnx has 1,501 operators, too many one behind the other for Keras"


def test_other_things_in_a_file_are_refused(tmp_path: Path) -> None:
    model = convolution()
    model.graph.input.append(helper.make_tensor_value_info("second", TensorProto.FLOAT, [1]))
    assert 'net.onnx has the inputs "x", "second"; it must have one, an image' in refusal(model, tmp_path)
    model = convolution(dtype=TensorProto.INT64)
    assert 'net.onnx takes "x" of int64; it must be float32' in refusal(model, tmp_path)
    model = convolution()
    model.functions.add(name="mine", domain="own")
    assert 'net.onnx has functions of its own, such as "mine"' in refusal(model, tmp_path)
    model = convolution()
    model.graph.initializer.append(helper.make_tensor("text", TensorProto.STRING, [1], [b"a"]))
    assert 'net.onnx: constant "text" holds text; allowed are numbers' in refusal(model, tmp_path)


@pytest.mark.parametrize("content", [b"", b"no protobuf", b"\x08\x09", bytes(1000), b"\x0a" + b"\xff" * 50])
def test_what_is_no_onnx_file_is_said(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"net\.onnx is no ONNX file"):
        onnx_to_keras(path)


def test_damaged_files_are_refused_or_read(tmp_path: Path) -> None:
    """Whatever a byte becomes, what comes is a model or one line."""
    good, rng, refused = convolution().SerializeToString(), np.random.default_rng(0), 0
    for number in range(300):
        content = bytearray(good)
        for place in rng.integers(0, 250, 2):  # before the weights
            content[place] = rng.integers(0, 256)
        end = rng.integers(1, len(content)) if number % 10 == 0 else len(content)
        (tmp_path / "net.onnx").write_bytes(content[:end])
        try:
            onnx_to_keras(tmp_path / "net.onnx")
        except ModelError:
            refused += 1
    assert 100 < refused < 300
