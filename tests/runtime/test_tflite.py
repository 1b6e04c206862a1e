# SPDX-License-Identifier: Apache-2.0
"""Running a .tflite: specs, images in, real numbers out, and files that no runtime may see."""

import dataclasses
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import tflite
from tflite_builder import Builder

from edgecnn.compiler import compile_tflite
from edgecnn.compiler.reading.tflite import parse
from edgecnn.errors import MissingToolError, ModelError, OtherRuntimeWarning
from edgecnn.runtime import model as models
from edgecnn.runtime.model import TensorSpec, dequantize, microseconds
from edgecnn.runtime.tflite import Interpreter, TfliteModel

ASSETS = Path(__file__).parents[1] / "assets"
INT8, FLOAT = ASSETS / "tiny_int8.tflite", ASSETS / "tiny_float32.tflite"
BYTE_MINUS_128 = float(np.float32(1 / 255))


def have_runtime():
    try:
        TfliteModel(INT8)
    except MissingToolError:
        return False
    return True


needs_runtime = pytest.mark.skipif(not have_runtime(), reason="needs a TFLite runtime: edgecnn[runtime]")
needs_oracle = pytest.mark.skipif(
    find_spec("tflite_runtime") is None,
    reason="needs tflite-runtime 2.14, of Python 3.11 at most",
)


def images(count, shape=(12, 12, 1)):
    return np.random.default_rng(3).integers(0, 256, (count, *shape)).astype(np.uint8)


def spec(dtype, scale, zero_point):
    return TensorSpec("t", (1, 3), np.dtype(dtype), scale, zero_point)


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
    for package in ("tensorflow", "tflite_runtime", "ai_edge_litert"):
        monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingToolError, match=r"pip install 'edgecnn\[runtime\]'"):
        TfliteModel(INT8)


# As tflite-runtime 2.14 beside NumPy 2, where importing it does and making an interpreter fails.
FOR_NUMPY_1 = """
class OpResolverType:
    AUTO = BUILTIN_REF = 0

def Interpreter(**options):
    try:
        raise ImportError("numpy.core.multiarray failed to import")
    except ImportError as error:
        raise SystemError("CreateWrapperFromFile returned a result with an exception set") from error
"""


@needs_runtime
def test_a_runtime_that_was_built_for_another_numpy_gives_way(tmp_path, monkeypatch):
    package = tmp_path / "tflite_runtime"
    package.mkdir()
    (package / "__init__.py").write_text("__version__ = '9.9'\n")
    (package / "interpreter.py").write_text(FOR_NUMPY_1)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "tflite_runtime", raising=False)
    why = f"tflite-runtime 9.9 can't be used: it was built for another NumPy than {np.__version__}; "
    if find_spec("ai_edge_litert") is not None:
        with pytest.warns(OtherRuntimeWarning, match=rf"the model runs on ai-edge-litert .*: {why}"):
            TfliteModel(INT8.read_bytes())
    for other in ("tensorflow", "ai_edge_litert"):
        monkeypatch.setitem(sys.modules, other, None)
    with pytest.raises(MissingToolError, match=why):
        TfliteModel(INT8)


@needs_oracle
def test_a_runtime_that_lacks_an_op_gives_way_and_says_so():
    pytest.importorskip("ai_edge_litert", reason="needs ai-edge-litert: edgecnn[runtime]")
    content = with_version(INT8.read_bytes(), "FULLY_CONNECTED", 12)
    why = "tflite-runtime 2.14.0 refuses it: Didn't find op for builtin opcode 'FULLY_CONNECTED' version '12'"
    with pytest.warns(OtherRuntimeWarning, match=rf"the model runs on ai-edge-litert .*: {why}"):
        model = TfliteModel(content)
    np.testing.assert_allclose(model.predict(images(3)), TfliteModel(INT8).predict(images(3)), atol=0.02)
    refused = r"the model: tflite-runtime 2\.14\.0 refuses it: .*; ai-edge-litert .* refuses it: "
    with pytest.raises(ModelError, match=refused):
        TfliteModel(with_version(INT8.read_bytes(), "FULLY_CONNECTED", 99))


def with_version(content, op, version):
    """Return a model's bytes with another version of an op."""
    changed = bytearray(content)
    code = next(
        code
        for code in map(tflite.Model.GetRootAs(content, 0).OperatorCodes, range(9))
        if code.DeprecatedBuiltinCode() == getattr(tflite.BuiltinOperator, op)
    )
    changed[code._tab.Pos + code._tab.Offset(8)] = version
    return bytes(changed)


def deadly(op):
    """Return a model whose second operator ends the process of every runtime's reference kernels."""
    builder = Builder()
    source = builder.input((1, 4))
    at = builder.fully_connected(source, 4)
    if op == "SOFTMAX":
        builder.tensors[at].scales = (2.0**-26,)
        return builder.build((source,), (builder.unary("SOFTMAX", at),))
    made = builder.binary(op, at, source)
    builder.tensors[made].scales = (
        max(builder.tensors[number].scales[0] for number in (at, source)) * 2.0**-19,
    )
    return builder.build((source,), (builder.unary("RELU", made),))


@needs_oracle
@pytest.mark.parametrize("op", ["SOFTMAX", "ADD", "SUB"])
def test_what_a_runtime_dies_of_is_named(op):
    content = deadly(op)
    with pytest.raises(ModelError) as error:
        TfliteModel(content, kernels="reference")
    assert str(error.value).startswith(f'the model: {op} "tensor')
    assert "(operator 1) has " in str(error.value)
    assert str(error.value).endswith("(tflite-runtime dies of it: SIGABRT)")
    with pytest.raises(ModelError, match=f'^{op} "tensor.* .operator 1. has '):
        compile_tflite(content, name="net")


@needs_oracle
def test_a_death_of_another_cause_is_put_down_to_its_operator(monkeypatch):
    monkeypatch.setattr("edgecnn.compiler.ops.check_ranges", lambda *_: None)
    with pytest.raises(
        ModelError, match=r'tflite-runtime dies of SOFTMAX "tensor.*" \(operator 1\): SIGABRT; '
    ):
        TfliteModel(deadly("SOFTMAX"), kernels="reference")


@needs_runtime
def test_a_runtime_that_reads_another_op_than_we_do_is_heard():
    content = INT8.read_bytes()
    graph = parse(content)
    operator = dataclasses.replace(graph.operators[0], op="ADD")
    wrong = dataclasses.replace(graph, operators=(operator, *graph.operators[1:]))
    with pytest.raises(
        ModelError, match=r'ADD ".*" \(operator 0\) is CONV_2D to .*: edgecnn reads this file wrongly'
    ):
        Interpreter(content, wrong, "tflite_runtime" if find_spec("tflite_runtime") else "ai_edge_litert")


@needs_runtime
def test_a_model_is_timed_in_its_own_process():
    model = TfliteModel(INT8)
    times = model.time(np.zeros(model.input.shape, np.int8), 5)
    assert len(times) == 5
    assert all(time > 0 for time in times)


def test_times_are_microseconds_between_two_looks_at_the_clock(monkeypatch):
    ticks = iter([0, 2_000, 10_000, 10_500])
    monkeypatch.setattr(models.time, "perf_counter_ns", lambda: next(ticks))
    assert microseconds(lambda: None, 2) == [2.0, 0.5]


@needs_runtime
@pytest.mark.slow
def test_tflite_runtime_works_where_tensorflow_was_loaded_before():
    pytest.importorskip("tensorflow", reason="needs TensorFlow: edgecnn[train]")
    pytest.importorskip("tflite_runtime", reason="needs tflite-runtime 2.14, of Python 3.11 at most")
    program = "import edgecnn.tf, sys; from tflite_runtime.interpreter import *; Interpreter(sys.argv[1])"
    subprocess.run([sys.executable, "-c", program, INT8], check=True)
