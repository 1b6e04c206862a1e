# SPDX-License-Identifier: Apache-2.0
"""Networks of PyTorch, by ONNX: exported, trained on, compressed and compiled to the same bytes."""

import re
import shlex
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("onnxruntime", reason="needs onnxruntime: edgecnn[test], from Python 3.11 on")

import onnx
from onnx import helper
from onnx_files import answers, largest_difference, onnx_model
from onnx_networks import NETWORKS

from edgecnn.cli.program import edgecnn
from edgecnn.compiler.reading.onnx.file import OPSETS
from edgecnn.compression.obstacles import obstacles, require_readable
from edgecnn.converters.keras_to_tflite import keras_to_int8
from edgecnn.converters.onnx_ops._node import ROWS
from edgecnn.converters.onnx_to_keras import onnx_to_keras
from edgecnn.errors import MissingToolError, ModelError
from edgecnn.models import load_model
from edgecnn.models._answers import answers_with_logits
from edgecnn.models._normalize import normalized
from edgecnn.pipeline.export import ExportOptions, export
from edgecnn.pipeline.run import Run
from edgecnn.pipeline.verify import verify
from edgecnn.progress import silent
from edgecnn.runtime.tflite import TfliteModel

IMAGES = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3)).astype(np.uint8)
_MODELS = (Path(__file__).parents[2] / "docs" / "models.md").read_text(encoding="utf-8")
[PAGE] = [part for part in _MODELS.split("\n## ") if part.startswith("ONNX")]
SIX = ("resnet", "mobilenet", "shufflenet", "unet", "vgg", "yolo")
SILENT = "doesn't tell which range its image has; edgecnn gives it 0 to 1"


def _written(model: onnx.ModelProto, folder: Path) -> Path:
    path = folder / "net.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def _floats(images: Any) -> Any:
    return (images / np.float32(255)).transpose(0, 3, 1, 2)


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of noise in three classes."""
    folder = tmp_path_factory.mktemp("noise")
    for index, pixels in enumerate(np.random.default_rng(1).integers(0, 256, (72, 32, 32, 3))):
        (folder / f"class{index % 3}").mkdir(exist_ok=True)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"class{index % 3}" / f"{index}.png")
    return folder


@pytest.mark.parametrize("name", NETWORKS)
def test_a_whole_network_computes_what_onnxruntime_does(name: str, tmp_path: Path) -> None:
    exported = NETWORKS[name]()
    onnx.checker.check_model(exported, full_check=True)
    model = onnx_to_keras(_written(exported, tmp_path))
    images = _floats(IMAGES[:1] if name.startswith("yolo") else IMAGES)
    assert largest_difference(exported, model, images) < 1e-5
    require_readable(model)
    model.save(tmp_path / "again.keras")
    assert largest_difference(exported, load_model(tmp_path / "again.keras"), images) < 1e-5
    kinds = {type(layer).__name__ for layer in model.layers}
    assert "Lambda" not in kinds
    assert "TFOpLambda" not in kinds or name.startswith("yolo")  # a grid is added there


@pytest.mark.slow
@pytest.mark.parametrize("name", SIX)
def test_a_whole_network_compiles_to_the_same_bytes(name: str, tmp_path: Path) -> None:
    model, _ = normalized(onnx_to_keras(_written(NETWORKS[name](), tmp_path)), name)
    tflite = tmp_path / "net.tflite"
    tflite.write_bytes(keras_to_int8(model, IMAGES))
    verified = verify(tflite, "c99", 4)
    assert verified.bytes_compared == 4 * np.prod(model.output_shape[1:])
    assert verified.bytes_different == 0


@pytest.mark.study
@pytest.mark.slow(seconds=50)
def test_the_commands_of_the_page(
    noise: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Export, training and compression, as docs/models.md has them."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").symlink_to(noise)
    exported = NETWORKS["vgg"]()
    path = _written(exported, tmp_path)
    commands = re.findall(r"^\$ edgecnn (.*)$", PAGE, re.MULTILINE)
    assert [command.split()[0] for command in commands] == ["export", "train", "compress"]
    told = []
    for command in commands:
        edgecnn.main(shlex.split(command), standalone_mode=False)
        told.append(capsys.readouterr().err)
    assert [SILENT in text for text in told] == [True, True, False]
    assert ["ends in logits" in text for text in told] == [True, True, False]

    logits = answers(exported, _floats(IMAGES))[0]
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(TfliteModel(Path("firmware/net.tflite")).predict(IMAGES), expected, atol=0.1)
    run = Run(Path("runs/net"))
    before, after = (
        model.get_layer("classifier_classifier_0_Gemm").get_weights()[0]
        for model in (onnx_to_keras(path), load_model(run.keras_model))
    )
    assert 0 < np.abs(before - after).max() < 0.1
    assert run.record()["post_training"] == []
    assert verify(run.int8_model, "c99", 2).bytes_different == 0


def test_the_page_lists_the_table() -> None:
    [listed] = re.findall(r"<!-- operators -->(.*)<!-- /operators -->", PAGE, re.DOTALL)
    assert re.findall(r"`(\w+)`", listed) == sorted(ROWS)
    assert f"opset {OPSETS[0]} to {OPSETS[-1]}" in PAGE


@pytest.mark.slow
def test_what_is_a_layer_of_ours_is_quantized_in_training(tmp_path: Path) -> None:
    """Limits other than ReLU6's, groups, every other pixel, and sides by another rule than Keras's."""
    rng = np.random.default_rng(0)
    nodes = [
        helper.make_node("Slice", ["x", "ones", "ends", "axes", "twos"], ["odd"]),
        helper.make_node("Conv", ["odd", "w"], ["a"]),
        helper.make_node("Clip", ["a", "low", "high"], ["b"]),
        helper.make_node("Conv", ["b", "v"], ["c"], group=2, pads=[1, 1, 1, 1]),
        helper.make_node("Clip", ["c", "", "high"], ["d"]),
        helper.make_node(
            "Resize",
            ["d", "", "scales"],
            ["e"],
            mode="linear",
            coordinate_transformation_mode="align_corners",
        ),
        helper.make_node("GlobalAveragePool", ["e"], ["f"]),
        helper.make_node("HardSwish", ["f"], ["g"]),
        helper.make_node("Flatten", ["g"], ["y"]),
    ]
    constants = {"ones": np.array([1, 1]), "ends": np.array([32, 32]), "axes": np.array([2, 3])}
    constants |= {"twos": np.array([2, 2]), "low": np.float32(-0.5), "high": np.float32(0.7)}
    constants |= {"scales": np.array([1, 1, 2, 2], np.float32)}
    constants |= {
        name: rng.normal(0, 0.3, (4, side, 3, 3)).astype(np.float32) for name, side in (("w", 3), ("v", 2))
    }
    exported = onnx_model(nodes, (1, 3, 32, 32), constants=constants)
    model = onnx_to_keras(_written(exported, tmp_path))
    assert largest_difference(exported, model, _floats(IMAGES[:1])) < 1e-5
    assert obstacles(model) == []


def _image_first(*steps: Sequence[Any]) -> onnx.ModelProto:
    """A network that does something to its image before a convolution: (op, constant) each."""
    rng = np.random.default_rng(0)
    constants = {f"c{index}": np.asarray(value, np.float32) for index, (_, value) in enumerate(steps)}
    names = ["x", *(f"t{index}" for index in range(len(steps)))]
    nodes = [
        helper.make_node(op, [names[index], f"c{index}"], [names[index + 1]], name=f"/{op}_{index}")
        for index, (op, _) in enumerate(steps)
    ]
    constants["w"] = rng.normal(size=(4, 3, 3, 3)).astype(np.float32)
    return onnx_model(
        [*nodes, helper.make_node("Conv", [names[-1], "w"], ["y"])], (1, 3, 8, 8), constants=constants
    )


MEAN, DEVIATION = (
    np.reshape(numbers, (3, 1, 1)) for numbers in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
)


@pytest.mark.parametrize(
    ("steps", "factor", "note"),
    [
        ([], 1, SILENT),
        ([("Sub", MEAN), ("Div", DEVIATION)], 1, None),
        ([("Div", 255.0), ("Sub", MEAN), ("Div", DEVIATION)], 255, "scales bytes of 0 to 255 by"),
        ([("Sub", 255 * MEAN), ("Div", 255 * DEVIATION)], 255, "scales bytes of 0 to 255 by"),
        ([("Mul", 2.0), ("Sub", 1.0)], 1, None),
    ],
)
def test_the_range_of_the_image_is_found_as_in_keras(
    steps: Any, factor: int, note: str | None, tmp_path: Path
) -> None:
    exported = _image_first(*steps)
    path = _written(exported, tmp_path)
    model, notes = normalized(onnx_to_keras(path), str(path))
    image = IMAGES[:1, :8, :8] / np.float32(255)
    [expected] = answers(exported, factor * image.transpose(0, 3, 1, 2))
    np.testing.assert_allclose(model(image), expected.transpose(0, 2, 3, 1), atol=1e-4)
    assert len(notes) == (note is not None)
    assert note is None or note in notes[0]


def test_many_ways_through_a_graph_are_gone_once(tmp_path: Path) -> None:
    """From the first step to what scales bytes, and from the answer back to what makes probabilities."""
    names = ["a", *(f"a{number}" for number in range(60)), "b"]
    nodes = [helper.make_node("Div", ["x", "c"], ["a"], name="bytes")]
    nodes += [helper.make_node("Max", [before] * 2, [behind]) for before, behind in pairwise(names)]
    nodes += [helper.make_node("Conv", ["b", "w"], ["d"]), helper.make_node("Sigmoid", ["d"], ["e"])]
    names = ["e", *(f"e{number}" for number in range(60)), "y"]
    nodes += [helper.make_node("Max", [before] * 2, [behind]) for before, behind in pairwise(names)]
    constants = {"c": np.float32(255), "w": np.ones((1, 3, 1, 1), np.float32)}
    path = _written(onnx_model(nodes, (1, 3, 8, 8), constants=constants), tmp_path)
    model, [note] = normalized(onnx_to_keras(path), str(path))
    assert 'scales bytes of 0 to 255 by "bytes", "a0", "a1"' in note
    assert not answers_with_logits(model)


def test_several_outputs_are_refused_by_name(noise: Path, tmp_path: Path) -> None:
    nodes = [helper.make_node("Relu", ["x"], ["y"]), helper.make_node("Sigmoid", ["y"], ["z"])]
    path = _written(onnx_model(nodes, (1, 3, 8, 8), ("y", "z")), tmp_path)
    with pytest.raises(ModelError, match=r"net\.onnx has 1 inputs and 2 outputs, not one of each"):
        export(path, tmp_path / "out", ExportOptions(("tflite",)), silent, data=noise)
    assert not (tmp_path / "out").exists()


def test_without_the_package_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _written(NETWORKS["resnet"](), tmp_path)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingToolError, match=r"pip install 'edgecnn\[onnx\]'"):
        onnx_to_keras(path)
