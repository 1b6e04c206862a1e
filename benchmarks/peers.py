# SPDX-License-Identifier: Apache-2.0
"""The compiled C beside other runtimes on this machine: one thread, the same model, in turn.

    pip install onnx onnxruntime tf2onnx apache-tvm
    EDGECNN_DATA=... python benchmarks/peers.py runs/demo/model_int8.tflite

It writes benchmarks/results/peers.json and peers.svg. The file is a trained cainvas; ResNet8 and
person_detect are others' files, found through EDGECNN_DATA. A figure is the time of one inference from
Python, without preparing its input: in each round every runtime makes AT_ONCE inferences, and the median of
the rounds counts. Other programs on the machine make all of them slower; ratios hold for this run only. The
C is compiled with gcc -O3, by rows and tensor by tensor, and must give the bytes of TFLite's reference
kernels before it is timed. onnxruntime runs the same int8 file, converted by tf2onnx; Apache TVM compiles
it for this processor by its default pipeline, without tuning.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import tflite
from bars import bar_chart
from provenance import RESULTS, first_line, package_versions, provenance

from edgecnn.compiler import compile_tflite
from edgecnn.compiler.targets import TARGETS
from edgecnn.files import write_bytes, write_json, write_text
from edgecnn.pipeline.shared import build_shared
from edgecnn.runtime.patches import with_valid_axes
from edgecnn.runtime.shared_library import SharedLibrary, cpu_features
from edgecnn.runtime.tflite import TfliteModel

COMMAND = "python benchmarks/peers.py runs/demo/model_int8.tflite"
OTHERS = {
    "resnet8": "mlperf-tiny/pretrainedResnet_quant.tflite",
    "person_detect": "tflite-micro/person_detect.tflite",
}
TFLITE = {"ai-edge-litert": "ai_edge_litert", "tflite-runtime": "tflite_runtime"}
PACKAGES = ("ai-edge-litert", "tflite-runtime", "onnxruntime", "tf2onnx", "apache-tvm", "numpy")
SHOWN = {"edgecnn x86-64-vnni, rows": "C, AVX-512 VNNI", "edgecnn x86-64, rows": "C, AVX2"}
PEERS_SHOWN = ("ai-edge-litert", "onnxruntime")
ROUNDS, WARM_UP, AT_ONCE = 60, 5, 20
Call = Callable[[], object]


def main() -> None:
    """Measure, print the figures and write them down."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("cainvas", type=Path, help="an int8 cainvas, such as the demo's")
    files = {"cainvas": parser.parse_args().cainvas}
    if "EDGECNN_DATA" not in os.environ:
        sys.exit("Error: EDGECNN_DATA is not set; it names the folder that holds edge-models")
    data = Path(os.environ["EDGECNN_DATA"]) / "edge-models"
    files |= {name: data / file for name, file in OTHERS.items()}
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as folder:
        models = {
            name: measured(with_valid_axes(file.read_bytes()), Path(folder) / name)
            for name, file in files.items()
        }
    versions = {"gcc": first_line(["gcc", "--version"]), **package_versions(PACKAGES)}
    isa = sorted(cpu_features() & {"avx2", "fma", "avx512f", "avx512_vnni", "avx_vnni"})
    write_json(
        RESULTS / "peers.json",
        {"command": COMMAND, **provenance(), "isa": isa, **versions, "microseconds": models},
    )
    write_text(RESULTS / "peers.svg", chart(models))
    for name, times in models.items():
        for runtime, value in times.items():
            ratio = value / times["ai-edge-litert"]
            print(f"{name:14} {runtime:24} {value:8.1f} us  {ratio:.2f} of ai-edge-litert")


def measured(model: bytes, folder: Path) -> dict[str, float]:
    """Return microseconds of an inference, by runtime."""
    calls = ours(model, folder) | interpreters(model) | onnx(model, folder) | tvm(model)
    times: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(WARM_UP + ROUNDS):
        for name, call in calls.items():
            start = time.perf_counter()
            for _ in range(AT_ONCE):
                call()
            if number >= WARM_UP:
                times[name].append(1e6 * (time.perf_counter() - start) / AT_ONCE)
    return {name: round(statistics.median(values), 1) for name, values in times.items()}


def ours(model: bytes, folder: Path) -> dict[str, Call]:
    """Return calls of the compiled C: each native target that runs here, by rows and tensor by tensor."""
    oracle = TfliteModel(model, kernels="reference")
    given = np.random.default_rng(0).integers(-128, 128, oracle.input.shape, np.int8)
    expected = oracle.invoke(given)
    calls: dict[str, Call] = {}
    for target in TARGETS.values():
        if not target.native or set(target.features) - cpu_features():
            continue
        for rows in (True, False):
            name = f"edgecnn {target.name}, {'rows' if rows else 'whole'}"
            place = folder / f"{target.name}-{rows}"
            compiled = compile_tflite(model, name="net", target=target.name, rows=rows)
            library = SharedLibrary(build_shared(compiled, place)[-1])
            if not np.array_equal(library.invoke(given), expected):
                sys.exit(f"Error: {name}: bytes differ from the reference kernels'")
            calls[name] = lambda library=library: library.invoke(given)  # type: ignore[misc]
    return calls


def interpreters(model: bytes) -> dict[str, Call]:
    """Return calls of the TFLite runtimes that are installed, with their default kernels."""
    calls: dict[str, Call] = {}
    for name, package in TFLITE.items():
        try:
            module = import_module(f"{package}.interpreter")
        except ImportError:
            continue
        interpreter = module.Interpreter(model_content=model, num_threads=1)
        interpreter.allocate_tensors()
        calls[name] = interpreter.invoke
    return calls


def onnx(model: bytes, folder: Path) -> dict[str, Call]:
    """Return a call of onnxruntime, or none where it or tf2onnx is missing or refuses the model."""
    try:
        runtime = import_module("onnxruntime")
        import_module("tf2onnx")
    except ImportError as error:
        print(f"onnxruntime is left out: {error}")
        return {}
    write_bytes(folder / "net.tflite", model)
    command = [sys.executable, "-m", "tf2onnx.convert", "--opset", "13"]
    command += ["--tflite", str(folder / "net.tflite"), "--output", str(folder / "net.onnx")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"onnxruntime is left out: tf2onnx says {done.stderr.strip().splitlines()[-1]}")
        return {}
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = runtime.InferenceSession(str(folder / "net.onnx"), options, ["CPUExecutionProvider"])
    taken = session.get_inputs()[0]
    shape = [length if isinstance(length, int) else 1 for length in taken.shape]
    dtype: Any = np.uint8 if "uint8" in taken.type else np.int8
    given = {taken.name: np.zeros(shape, dtype)}
    return {"onnxruntime": lambda: session.run(None, given)}


def tvm(model: bytes) -> dict[str, Call]:
    """Return a call of Apache TVM, which compiles the file with its default pipeline, or none without it."""
    os.environ["TVM_NUM_THREADS"] = "1"
    try:
        module, frontend = import_module("tvm"), import_module("tvm.relax.frontend.tflite")
    except ImportError as error:
        print(f"apache-tvm is left out: {error}")
        return {}
    relax = module.relax
    imported = relax.transform.LegalizeOps()(frontend.from_tflite(tflite.Model.GetRootAs(model, 0)))
    target = module.target.Target({"kind": "llvm", "mcpu": module.target.codegen.llvm_get_system_cpu()})
    machine = relax.VirtualMachine(relax.build(imported, target), module.cpu())
    shape = TfliteModel(model, kernels="reference").input.shape
    given = module.runtime.tensor(np.zeros(shape, np.int8))
    return {"apache-tvm": lambda: machine["main"](given)}


def chart(models: dict[str, dict[str, float]]) -> str:
    """Return an SVG of the times of vector kernels; others take so long that they would hide these."""
    panels = {}
    for name, times in models.items():
        mine = {label: times[key] for key, label in SHOWN.items() if key in times}
        panels[name] = mine, {label: times[label] for label in PEERS_SHOWN if label in times}
    title = "Microseconds of an inference, one thread of an x86-64 machine (less is better)"
    return bar_chart(title, ("edgecnn", "others"), panels, lambda value: f"{value:.0f}")


if __name__ == "__main__":
    main()
