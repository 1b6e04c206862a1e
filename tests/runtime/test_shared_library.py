# SPDX-License-Identifier: Apache-2.0
"""A model as a shared library: the bytes of TFLite's reference kernels, and who is refused."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edgecnn.compiler.compile import compile_tflite
from edgecnn.compiler.reading.tflite import parse
from edgecnn.compiler.reference import run
from edgecnn.errors import ModelError
from edgecnn.pipeline.shared import best_target, build_shared
from edgecnn.runtime.shared_library import SharedLibrary, cpu_features

ROOT = Path(__file__).parents[2]
TINY = ROOT / "tests" / "assets" / "tiny_int8.tflite"

pytestmark = pytest.mark.needs_tool("gcc", package="gcc")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shared")
    compiled = compile_tflite(TINY, name="tiny", target=best_target().name)
    return build_shared(compiled, folder)[-1]


def test_two_instances_compute_the_references_bytes(library: Path) -> None:
    graph, rng = parse(TINY.read_bytes()), np.random.default_rng(0)
    one, other = SharedLibrary(library), SharedLibrary(library)
    for _ in range(5):
        values = rng.integers(-128, 128, one.input.shape, np.int8)
        expected = run(graph, [values])[0]
        np.testing.assert_array_equal(one.invoke(values), expected)
        np.testing.assert_array_equal(other.invoke(np.asfortranarray(values)), expected)


def test_it_says_of_itself_what_the_file_says(library: Path) -> None:
    model, graph = SharedLibrary(library), parse(TINY.read_bytes())
    for spec, number in ((model.input, graph.inputs[0]), (model.output, graph.outputs[0])):
        quantization = graph.tensors[number].quantization
        assert quantization is not None
        assert spec.shape == graph.tensors[number].shape
        assert (spec.scale, spec.zero_point) == (quantization.scale, quantization.zero_point)
    assert model.runtime.endswith(f"C for {best_target().name}")


def test_other_shapes_and_types_are_refused(library: Path) -> None:
    model = SharedLibrary(library)
    for values in (np.zeros((1, 12, 12), np.int8), np.zeros((1, 12, 12, 1), np.uint8)):
        with pytest.raises(ModelError, match=r"tiny\.so takes int8\[1, 12, 12, 1\], not "):
            model.invoke(values)


def test_what_is_no_library_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.so").write_text("text")
    with pytest.raises(ModelError, match=r"text\.so is no library that edgecnn compile --shared built"):
        SharedLibrary(tmp_path / "text.so")


def test_a_library_for_another_processor_is_not_run(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not best_target().features:
        pytest.skip("the fastest target of this machine needs no feature")
    monkeypatch.setattr("edgecnn.runtime.shared_library.cpu_features", set)
    with pytest.raises(ModelError, match="is for processors with avx2"):
        SharedLibrary(library)


def test_it_needs_nothing_but_numpy(library: Path) -> None:
    code = "import sys; from pathlib import Path; from edgecnn.runtime.shared_library import SharedLibrary\n"
    code += "SharedLibrary(Path(sys.argv[1]))\n"
    code += "print([name for name in ('tflite', 'click', 'PIL', 'tflite_runtime') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code, library], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_script_for_devices_runs_it_too(library: Path, tmp_path: Path) -> None:
    script, figures = ROOT / "benchmarks" / "on_device.py", tmp_path / "figures.json"
    command = [sys.executable, script, library, "--runs", "3", "--warmup", "1", "--json", figures]
    subprocess.run(command, check=True, capture_output=True)
    [found] = json.loads(figures.read_text())["models"].values()
    assert found["runtime"] == SharedLibrary(library).runtime
    assert found["latency_us"]["median"] > 0
    assert found["input"]["dtype"] == "int8"


def test_the_best_target_runs_here() -> None:
    assert best_target().native
    assert cpu_features().issuperset(best_target().features)
