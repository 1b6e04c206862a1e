# SPDX-License-Identifier: Apache-2.0
"""The benchmark script that runs alone: its images are edgecnn's to the byte; it is run as a user runs it."""

import ast
import importlib.util
import json
import shutil
import subprocess
import sys
import zlib
from argparse import Namespace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from deep_pictures import WRITERS, write_png
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tflite_builder import Builder

from edgecnn.compiler.ir import Normalization, Window
from edgecnn.compiler.picture import UNIT, as_values, normalization_of
from edgecnn.compiler.quant import byte_table
from edgecnn.compiler.reading.metadata import parse_window
from edgecnn.compiler.reading.tflite import parse
from edgecnn.converters.tflite_metadata import add_metadata
from edgecnn.data import images, resize
from edgecnn.data.sources import read_folder
from edgecnn.errors import DataError, MissingToolError
from edgecnn.runtime.tflite import TfliteModel

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "benchmarks" / "on_device.py"
INT8 = ROOT / "tests" / "assets" / "tiny_int8.tflite"
FLOAT = ROOT / "tests" / "assets" / "tiny_float32.tflite"

spec = importlib.util.spec_from_file_location("on_device", SCRIPT)
on_device = importlib.util.module_from_spec(spec)
spec.loader.exec_module(on_device)


def have_runtime():
    try:
        TfliteModel(INT8)
    except MissingToolError:
        return False
    return True


needs_runtime = pytest.mark.skipif(not have_runtime(), reason="needs a TFLite runtime: edgecnn[runtime]")


def run(*arguments):
    command = [sys.executable, SCRIPT, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def measure(tmp_path, *arguments):
    """Run the script briefly; return what --json wrote."""
    file = tmp_path / "figures.json"
    done = run(*arguments, "--runs", "3", "--warmup", "1", "--json", file)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return json.loads(file.read_text())


@pytest.fixture
def pictures(tmp_path):
    """Six pictures of noise in folders named after three classes."""
    generator = np.random.default_rng(5)
    for index in range(6):
        path = tmp_path / "pictures" / "cab"[index % 3] / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(generator.integers(0, 256, (30, 20 + index), dtype=np.uint8)).save(path)
    return tmp_path / "pictures"


@pytest.mark.parametrize("threshold", [None, 0.25, 0.875])
def test_the_threshold_is_the_one_in_the_metadata(threshold):
    content = add_metadata(INT8.read_bytes(), "tiny", "for tests", ("a", "b", "c"), threshold)
    assert on_device.read_threshold(content) == parse(content).threshold == (threshold or 0.5)


def test_no_metadata_or_damaged_ones_leave_the_threshold_in_the_middle():
    window = Window(0, 4095)
    content = add_metadata(INT8.read_bytes(), "tiny", "for tests", ("a", "b", "c"), 0.25, window)
    assert on_device.read_threshold(INT8.read_bytes()) == 0.5
    draw = np.random.default_rng(0)
    for _ in range(300):
        damaged = bytearray(content)
        for at in draw.integers(0, len(content), 20):
            damaged[at] = draw.integers(256)
        rest = bytes(damaged[: draw.integers(4, len(content))])
        assert 0 < on_device.read_threshold(rest) < 1
        low, high = on_device.read_window(rest) or window
        assert low < high


# ---- the same images as edgecnn's ----


@settings(max_examples=200, deadline=None)
@given(*[st.integers(1, 70)] * 4, st.sampled_from([1, 3]), st.integers(0, 2**32 - 1))
def test_resize_is_edgecnns(rows, columns, height, width, channels, seed):
    image = np.random.default_rng(seed).integers(0, 256, (rows, columns, channels), dtype=np.uint8)
    np.testing.assert_array_equal(on_device.resize(image, height, width), resize.resize(image, height, width))


@pytest.mark.parametrize("shape", [(1234, 987, 3), (40, 2000, 1)])
def test_resize_of_large_pictures_is_edgecnns(shape):
    image = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    np.testing.assert_array_equal(on_device.resize(image, 64, 96), resize.resize(image, 64, 96))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("mode", "suffix"),
    [
        *[("L", "png"), ("LA", "png"), ("1", "png"), ("I;16", "png"), ("RGB", "png"), ("RGBA", "png")],
        *[("L", "jpg"), ("RGB", "jpg"), ("CMYK", "jpg"), ("L", "bmp"), ("P", "gif"), ("I;16", "tif")],
        *[("RGB", "webp"), ("RGB", "ppm")],
    ],
)
def test_files_become_the_same_bytes(tmp_path, mode, suffix, channels):
    path = tmp_path / f"picture.{suffix}"
    noise = np.random.default_rng(2).integers(0, 256, (17, 23, 3), dtype=np.uint8)
    if mode == "I;16":
        Image.fromarray(noise[..., 0].astype(np.uint16) * 251).save(path)
    else:
        exif = Image.Exif()
        exif[0x0112] = 6  # turned by a quarter
        Image.fromarray(noise).convert(mode).save(path, exif=exif)
    mine, edgecnns = (module.load_image(path, 12, 10, channels) for module in (on_device, images))
    np.testing.assert_array_equal(mine, edgecnns)


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("window", [(0, 65535), (-1024, 3071), (1000, 1133), (0.5, 4000.25), None])
def test_more_than_8_bits_become_the_same_bytes(tmp_path, kind, window):
    values = np.random.default_rng(3).integers(0, 4096, (13, 17))
    if window is None and kind != "float32":
        values = values * 7
    if kind == "int8":
        values = values % 256 - 128
        window = window and (-100, 90)
    path = WRITERS[kind](tmp_path / "picture.tif", values)
    if window is None and kind in ("float32", "int8"):
        for module, error in ((on_device, on_device.UndecodableError), (images, DataError)):
            with pytest.raises(error, match=r"its values are .*--window LOW:HIGH"):
                module.load_image(path, 12, 10, 1)
        return
    mine = on_device.load_image(path, 12, 10, 1, window)
    edgecnns = images.load_image(path, 12, 10, 1, window=window and Window(*window))
    np.testing.assert_array_equal(mine, edgecnns)
    assert len(np.unique(mine)) > 10


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_channels_of_16_bits_become_the_same_bytes(tmp_path, channels):
    values = np.random.default_rng(3).integers(0, 65536, (13, 17, channels))
    path = write_png(tmp_path / "picture.png", values)
    mine, edgecnns = (module.load_image(path, 12, 10, 3) for module in (on_device, images))
    np.testing.assert_array_equal(mine, edgecnns)
    write_png(path, values >> 4)
    for module, error in ((on_device, on_device.UndecodableError), (images, DataError)):
        with pytest.raises(error, match="its channels have 16 bits, of which it uses the lower ones"):
            module.load_image(path, 12, 10, 3)


@pytest.mark.parametrize("window", [None, Window(0, 4095), Window(-1024.5, 3071)])
def test_the_window_is_the_one_in_the_file(window):
    content = add_metadata(INT8.read_bytes(), "tiny", "for tests", window=window)
    assert on_device.read_window(content) == parse(content).window == window


@pytest.mark.parametrize("text", ["0:4095", "-1024:3071", "0.5:1.5", "5", "9:1", "nan:1", "0:inf", "a:b", ""])
def test_a_window_is_read_as_edgecnn_reads_it(text):
    try:
        expected = parse_window(text)
    except ValueError:
        expected = None
    assert on_device.parse_window(text) == expected


@needs_runtime
def test_deep_pictures_are_seen_through_the_models_window(tmp_path):
    model, folder = tmp_path / "model.tflite", tmp_path / "pictures"
    model.write_bytes(add_metadata(INT8.read_bytes(), "tiny", "", window=Window(1000, 1133)))
    folder.mkdir()
    draw = np.random.default_rng(0)
    paths = [WRITERS["png"](folder / f"{i}.png", draw.integers(1000, 1134, (12, 12))) for i in range(4)]
    batch = np.stack([images.load_image(path, 12, 12, 1, window=Window(1000, 1133)) for path in paths])
    inputs = (batch.astype(int) - 128).astype(np.int8)
    report = measure(tmp_path, model, "--images", folder)
    assert report["models"][str(model)]["input_crc32"] == zlib.crc32(inputs.tobytes())
    assert (
        report["models"][str(model)]["input_crc32"]
        == (
            measure(tmp_path, INT8, "--images", folder, "--window", "1000:1133")["models"][str(INT8)][
                "input_crc32"
            ]
        )
    )
    done = run(INT8, "--images", folder)
    assert done.returncode == 1
    assert "its values are 1,00" in done.stderr
    Image.new("L", (12, 12)).save(folder / "byte.png")
    done = run(model, INT8, "--images", folder)
    assert done.returncode == 1
    assert f"not every image is one for {INT8} and {model}: " in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_same_files_count_as_images():
    assert on_device.SUFFIXES == images.PILLOW_SUFFIXES


@pytest.mark.parametrize(
    ("dtype", "scale", "zero_point"),
    [
        ("int8", float(np.float32(1 / 255)), -128),
        ("int8", 1.0, -128),
        ("int8", 2 / 255, 3),
        ("int8", 0.00385, -127),
        ("uint8", 1 / 128, 128),
        ("uint8", 0.0186, 114),
        ("int16", 1 / 32768, 0),
        ("float32", 0.0, 0),
    ],
)
@pytest.mark.parametrize("said", [None, Normalization((124.0, 116.0, 104.0), (58.0, 57.0, 57.5)), UNIT])
def test_bytes_become_the_same_input(dtype, scale, zero_point, said, tmp_path):
    content = image_model(dtype, scale, zero_point, said)
    normalization = normalization_of(parse(content))
    spec = {"dtype": dtype, "scale": float(np.float32(scale)), "zero_point": zero_point}
    mine = on_device.read_normalization(content) or on_device.normalization_by_scale(spec)
    assert (mine and tuple(map(tuple, mine))) == normalization
    if normalization is not None:
        pixels = np.random.default_rng(0).integers(0, 256, (9, 7, 3), np.uint8)
        values = on_device.as_input(spec, mine, pixels)
        expected = as_values(pixels, byte_table(normalization, spec["scale"], zero_point, dtype))
        np.testing.assert_array_equal(values, expected)
        assert values.dtype == expected.dtype


def image_model(dtype, scale, zero_point, normalization):
    builder = Builder()
    image = builder.tensor((1, 9, 7, 3), dtype, scale or (), zero_point)
    content = builder.build((image,), (builder.reshape(image, (1, 189)),))
    return content if normalization is None else add_metadata(content, "", "", normalization=normalization)


# ---- the same folders as edgecnn's ----

LAYOUTS = {
    "classes": ["cat/1.png", "cat/2.png", "dog/1.png", "dog/2.png"],
    "deeper": ["cat/anna/1.png", "cat/anna/day 2/2.png", "dog/bob/1.png"],
    "parts": [
        "train/cat/1.png",
        "train/dog/1.png",
        "val/cat/2.png",
        "val/dog/2.png",
        "test/cat/3.png",
        "test/dog/4.png",
    ],
    "parts, deeper": [
        "Training/cat/1.png",
        "Training/dog/1.png",
        "Testing/cat/a/3.png",
        "Testing/dog/b/4.png",
    ],
    "a class called test": ["control/1.png", "test/1.png"],
    "no class": ["1.png", "2.png"],
}
CLUTTER = [".hidden/1.png", "__MACOSX/cat/._1.png", "cat/.2.png", "test/.DS_Store/3.png", "cat/notes.txt"]


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_a_folder_holds_the_images_that_it_holds_for_edgecnn(tmp_path, layout):
    parts = {name.partition("/")[0] for name in layout}
    for name in [*layout, *(name for name in CLUTTER if name[0] in "._" or name.partition("/")[0] in parts)]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    mine = on_device.list_images(tmp_path)
    if layout is LAYOUTS["no class"]:
        assert mine == [(tmp_path / name, "") for name in layout]
        return
    _, entries = read_folder(tmp_path)
    expected = [entry for entry in entries if entry.split in (None, "test") and entry.path.suffix == ".png"]
    assert mine == [(entry.path, entry.label) for entry in expected]
    assert mine


# ---- runtimes ----


class Refusing:
    """A TFLite runtime's Interpreter that raises what it is given."""

    def __init__(self, error):
        self.error = error

    def __call__(self, **_options):
        raise self.error


@pytest.fixture
def refusing(monkeypatch):
    """Put a runtime that refuses every model before those that are there; it is given the error to raise."""

    def install(error, *others):
        package, module = ModuleType("old_runtime"), ModuleType("old_runtime.interpreter")
        package.__version__, module.Interpreter = "1.0", Refusing(error)
        monkeypatch.setitem(sys.modules, "old_runtime", package)
        monkeypatch.setitem(sys.modules, "old_runtime.interpreter", module)
        monkeypatch.setattr(on_device, "RUNTIMES", ("old_runtime", *others))

    return install


OLD_OP = ValueError("Didn't find op for builtin opcode 'CONV_2D' version '9'. An older version might be. Are")
OPTIONS = Namespace(runtime=None, threads=1, window=None)


@needs_runtime
def test_another_runtime_takes_what_the_first_cannot_run(refusing):
    refusing(OLD_OP, *on_device.RUNTIMES)
    model = on_device.Model(INT8, INT8.read_bytes(), OPTIONS)
    assert model.note == (
        "old_runtime 1.0 can't run it (Didn't find op for builtin opcode 'CONV_2D' version '9'); "
        f"{model.runtime} does"
    )
    values = np.random.default_rng(0).integers(-128, 128, (1, 12, 12, 1), np.int8)
    np.testing.assert_array_equal(model.invoke(values), TfliteModel(INT8).invoke(values))


@pytest.mark.parametrize(
    "error", [SystemError("returned a result with an exception set"), ImportError("numpy.core")]
)
def test_a_runtime_that_numpy_2_breaks_says_what_to_install(refusing, monkeypatch, error):
    refusing(error, "absent_runtime")
    monkeypatch.setattr(on_device.np, "__version__", "2.4.6")
    with pytest.raises(on_device.BenchmarkError) as refused:
        on_device.Model(Path("a.tflite"), b"", OPTIONS)
    assert str(refused.value) == (
        "a.tflite: old_runtime 1.0 can't run it (it was built for NumPy 1, and here is NumPy 2.4.6: "
        "pip install 'numpy<2'); or pip install absent-runtime"
    )


def test_where_no_runtime_is_there_they_are_named(monkeypatch):
    monkeypatch.setattr(on_device, "RUNTIMES", ("absent_one", "absent_two"))
    with pytest.raises(
        on_device.BenchmarkError, match=r"no TFLite runtime .*: pip install absent-one or absent-two"
    ):
        on_device.Model(Path("a.tflite"), b"", OPTIONS)


# ---- run as a user runs it ----


@needs_runtime
def test_two_models_side_by_side(tmp_path):
    report = measure(tmp_path, FLOAT, INT8)
    assert list(report["models"]) == [str(FLOAT), str(INT8)]
    for model in report["models"].values():
        times = model["latency_us"]
        assert 0 < times["min"] <= times["median"] <= times["p95"] <= times["max"]
        assert times["first"] > 0
        assert model["init_ms"] > 0
        assert model["peak_memory_mb"] > 5
        assert model["accuracy"] is model["agreement"] is None
    assert report["options"] == {"threads": 1, "warmup": 1, "runs": 3}
    assert report["machine"]["cores"] >= 1


@needs_runtime
def test_accuracy_agreement_and_checksums_are_those_of_edgecnn(tmp_path, pictures):
    model = tmp_path / "model.tflite"
    model.write_bytes(add_metadata(INT8.read_bytes(), "tiny", "", ["c", "a", "b"]))
    report = measure(tmp_path, FLOAT, model, "--images", pictures)
    found = report["models"][str(model)]
    files = sorted(pictures.rglob("*.png"))
    batch = np.stack([images.load_image(file, 12, 12, 1) for file in files])
    inputs = list((batch.astype(int) - 128).astype(np.int8)[:, None])
    outputs = [TfliteModel(model).invoke(values) for values in inputs]
    assert found["input_crc32"] == zlib.crc32(b"".join(values.tobytes() for values in inputs))
    assert found["output_crc32"] == zlib.crc32(b"".join(output.tobytes() for output in outputs))
    answers = np.array([output.argmax() for output in outputs])
    truth = np.array(["cab".index(file.parent.name) for file in files])
    assert found["accuracy"]["correct"] == (answers == truth).sum()
    assert found["agreement"] == np.mean(answers == TfliteModel(FLOAT).predict(batch).argmax(axis=1))
    assert report["models"][str(FLOAT)]["agreement"] == 1
    assert report["images"]["count"] == 6


@needs_runtime
@pytest.mark.parametrize("order", ["abc", "bca"])
def test_labels_beside_the_model_order_its_classes(tmp_path, pictures, order):
    model = tmp_path / "model.tflite"
    shutil.copy(INT8, model)
    (tmp_path / "labels.txt").write_text("\n".join(order))
    files = sorted(pictures.rglob("*.png"))
    answers = TfliteModel(INT8).predict(np.stack([images.load_image(file, 12, 12, 1) for file in files]))
    right = [order[answer.argmax()] == file.parent.name for answer, file in zip(answers, files, strict=True)]
    accuracy = measure(tmp_path, model, "--images", pictures)["models"][str(model)]["accuracy"]
    assert accuracy == {"correct": sum(right), "share": sum(right) / 6}


def test_dicom_is_left_out_in_one_line(tmp_path, capsys):
    (tmp_path / "a.dcm").touch()
    with pytest.raises(
        on_device.BenchmarkError, match=r"^this script reads no DICOM \(1 files\): save them as"
    ):
        on_device.list_images(tmp_path)
    (tmp_path / "b.png").touch()
    assert on_device.list_images(tmp_path) == [(tmp_path / "b.png", "")]
    assert capsys.readouterr().err.startswith(
        "Note: this script reads no DICOM (1 files): save them as 16-bit"
    )


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16-le", "utf-16"])
def test_labels_that_are_no_utf_8_are_named_as_such(encoding):
    with pytest.raises(on_device.BenchmarkError, match="labels is not text in UTF-8; save it as UTF-8"):
        on_device.label_lines("bénin\nb\n".encode(encoding))
    assert on_device.label_lines("bénin\nb\n".encode("utf-8-sig")) == ["bénin", "b"]


@needs_runtime
def test_images_that_are_none_are_left_out_and_said(tmp_path, pictures):
    expected = measure(tmp_path, INT8, "--images", pictures)
    (pictures / "a" / "broken.png").write_bytes(b"no picture")
    report = measure(tmp_path, INT8, "--images", pictures)
    [skipped] = report["images"]["skipped"]
    assert "broken.png can't be decoded" in skipped
    assert report["images"]["count"] == 6
    for key in ("input_crc32", "output_crc32", "accuracy"):
        assert report["models"][str(INT8)][key] == expected["models"][str(INT8)][key]


@needs_runtime
def test_images_without_folders_have_no_accuracy(tmp_path, pictures):
    report = measure(tmp_path, INT8, "--images", pictures / "a")
    assert report["models"][str(INT8)]["accuracy"] is None


@needs_runtime
def test_the_text_holds_the_figures():
    done = run(FLOAT, INT8, "--runs", "2", "--warmup", "1")
    for line in ("machine ", "median, us ", "peak memory, MB ", "SHA-256 ", "delegate "):
        assert any(row.startswith(line) for row in done.stdout.splitlines()), line
    assert done.stdout.splitlines()[-1] == "For research and education, not for diagnosis."


@needs_runtime
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: MODEL"),
        ([INT8, "--runs", "0"], "'0' is not a number of 1 or more"),
        (["absent.tflite"], "absent.tflite is not a file"),
        ([SCRIPT], "on_device.py is not a .tflite file"),
        (["cut.tflite"], "cut.tflite"),
        ([INT8, "--images", "empty"], "empty holds no images"),
        ([INT8, "--images", "absent"], "absent"),
        ([INT8, "--images", "broken"], "broken.png can't be decoded"),
        ([INT8, "--images", "one"], "tells 3 classes apart, not 1: ['other']"),
        (
            ["labelled.tflite", "--images", "one"],
            "knows the classes ['a', 'b', 'c'], but a folder of images is",
        ),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_1(tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    Path("cut.tflite").write_bytes(INT8.read_bytes()[:1000])
    Path("empty").mkdir()
    Path("broken").mkdir()
    Path("broken/broken.png").write_bytes(b"no picture")
    Path("one/other").mkdir(parents=True)
    Image.new("L", (9, 9)).save("one/other/picture.png")
    Path("labelled.tflite").write_bytes(add_metadata(INT8.read_bytes(), "tiny", "", ["a", "b", "c"]))
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1
    assert message in done.stderr


# ---- old Pythons ----


def test_the_syntax_is_python_3_8():
    ast.parse(SCRIPT.read_text(), feature_version=(3, 8))


def test_it_imports_nothing_of_edgecnn():
    tree = ast.parse(SCRIPT.read_text())
    modules = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    modules |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not any(module.startswith("edgecnn") for module in modules)
