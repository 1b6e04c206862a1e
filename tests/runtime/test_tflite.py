# SPDX-License-Identifier: Apache-2.0
"""Running a .tflite: specs, images in, real numbers out, and files that no runtime may see."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edgecnn.errors import MissingToolError, ModelError
from edgecnn.runtime import tflite
from edgecnn.runtime.model import TensorSpec, byte_table, dequantize
from edgecnn.runtime.tflite import TfliteModel

ASSETS = Path(__file__).parents[1] / "assets"
INT8, FLOAT = ASSETS / "tiny_int8.tflite", ASSETS / "tiny_float32.tflite"
BYTE_MINUS_128 = float(np.float32(1 / 255))


def have_runtime():
    try:
        tflite._load_runtime()
    except MissingToolError:
        return False
    return True


needs_runtime = pytest.mark.skipif(not have_runtime(), reason="needs a TFLite runtime: edgecnn[runtime]")


def images(count, shape=(12, 12, 1)):
    return np.random.default_rng(3).integers(0, 256, (count, *shape)).astype(np.uint8)


def spec(dtype, scale, zero_point):
    return TensorSpec("t", (1, 3), np.dtype(dtype), scale, zero_point)


def test_an_int8_input_of_scale_1_255_is_the_byte_minus_128():
    np.testing.assert_array_equal(byte_table(spec("int8", BYTE_MINUS_128, -128)), np.arange(256) - 128)


def test_other_inputs():
    np.testing.assert_array_equal(byte_table(spec("uint8", BYTE_MINUS_128, 0)), np.arange(256))
    np.testing.assert_array_equal(byte_table(spec("float32", 0.0, 0)), np.float32(np.arange(256) / 255))
    coarse = byte_table(spec("int8", 2 / 255, 0))
    assert coarse[[0, 1, 2, 3, 255]].tolist() == [0, 1, 1, 2, 127]  # half up; 127.5 is cut to int8
    assert coarse.dtype == np.int8


def test_dequantize():
    np.testing.assert_array_equal(
        dequantize(np.array([-128, 0, 127], np.int8), spec("int8", 0.5, -128)), [0, 64, 127.5]
    )
    np.testing.assert_array_equal(dequantize(np.array([0.25], np.float32), spec("float32", 0.0, 0)), [0.25])


@needs_runtime
def test_the_model_describes_itself():
    model = TfliteModel(INT8)
    assert model.runtime.split()[0] in ("tflite-runtime", "ai-edge-litert", "tensorflow")
    assert model.delegate in ("XNNPACK", "none")
    assert (model.input.shape, model.input.dtype, model.input.zero_point) == ((1, 12, 12, 1), np.int8, -128)
    assert model.input.scale == pytest.approx(1 / 255)
    assert (model.output.shape, model.output.scale, model.output.zero_point) == ((1, 3), 1 / 256, -128)
    assert TfliteModel(FLOAT).input.scale == 0.0


@needs_runtime
def test_predict_is_invoke_on_bytes_minus_128():
    model, batch = TfliteModel(INT8), images(5)
    answers = model.predict(batch)
    assert (answers.shape, answers.dtype) == ((5, 3), np.float32)
    for image, answer in zip(batch, answers, strict=True):
        raw = model.invoke((image.astype(np.int16) - 128).astype(np.int8)[None])
        np.testing.assert_array_equal(answer, (raw[0].astype(np.float32) + 128) / 256)


@needs_runtime
def test_float_and_int8_agree_and_probabilities_add_up():
    batch = images(50)
    real, quantized = TfliteModel(FLOAT).predict(batch), TfliteModel(INT8.read_bytes()).predict(batch)
    np.testing.assert_allclose(real.sum(axis=1), 1, atol=1e-5)
    assert np.abs(real - quantized).max() < 0.02


@needs_runtime
def test_reference_kernels_run_without_a_delegate():
    batch = images(20)
    model = TfliteModel(FLOAT, kernels="reference")
    assert model.delegate == "none"
    np.testing.assert_allclose(model.predict(batch), TfliteModel(FLOAT).predict(batch), atol=1e-6)


@needs_runtime
def test_loading_writes_nothing_to_standard_error(capfd):
    TfliteModel(FLOAT).predict(images(1))
    assert capfd.readouterr().err == ""


@needs_runtime
@pytest.mark.parametrize(
    ("batch", "message"),
    [
        (images(1, (12, 12, 3)), "takes images of 12x12x1 bytes, not 12x12x3 uint8"),
        (images(1)[0], "not 12x1 uint8"),
        (images(1) / 255, "not 12x12x1 float64"),
    ],
)
def test_images_of_another_kind_are_refused(batch, message):
    with pytest.raises(ModelError, match=message):
        TfliteModel(INT8).predict(batch)


@pytest.mark.parametrize("cut", [0, 7, 100, 1000, 2000, 2500])
def test_truncated_files_are_refused_before_a_runtime_sees_them(tmp_path, cut):
    path = tmp_path / "cut.tflite"
    path.write_bytes(INT8.read_bytes()[:cut])
    with pytest.raises(ModelError, match=r"cut\.tflite"):
        TfliteModel(path)


def test_a_missing_file_and_a_missing_runtime_are_one_line(tmp_path, monkeypatch):
    with pytest.raises(ModelError, match=r"no\.tflite can't be read: No such file"):
        TfliteModel(tmp_path / "no.tflite")
    monkeypatch.delitem(sys.modules, "edgecnn.tf", raising=False)
    for package in ("tensorflow", "tflite_runtime.interpreter", "ai_edge_litert.interpreter"):
        monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingToolError, match=r"pip install 'edgecnn\[runtime\]'"):
        TfliteModel(INT8)


@needs_runtime
@pytest.mark.slow
def test_models_run_where_tensorflow_was_loaded_before():
    pytest.importorskip("tensorflow", reason="needs TensorFlow: edgecnn[train]")
    program = "import edgecnn.tf, sys; from edgecnn.runtime.tflite import *; TfliteModel(Path(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", program, INT8], check=True)
