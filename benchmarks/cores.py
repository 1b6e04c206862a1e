# SPDX-License-Identifier: Apache-2.0
"""Instructions per inference of the generated C on every emulated core, beside what TFLM is quoted to need.

    EDGECNN_DATA=... python benchmarks/cores.py      writes benchmarks/results/cores.json and .svg

ResNet8 and person_detect are others' files, found through EDGECNN_DATA; cainvas has random weights, as the
tests build it. Counts are exact and the same on every machine, for one version of the compiler. Every model
is verified first: a byte that differs from TFLite's reference kernels ends the run. TFLM's figures, quoted
and not measured here, are in results/tflm.json. `edgecnn targets` says what has to be installed.
"""

import json
import os
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

from bars import bar_chart
from provenance import RESULTS, ROOT, first_line, provenance

from edgecnn.compiler.targets import TARGETS
from edgecnn.files import write_json, write_text
from edgecnn.pipeline.verify import verify
from edgecnn.runtime.emulator import has_emulator

COMMAND = "python benchmarks/cores.py"
CORES = tuple(name for name, target in TARGETS.items() if has_emulator(target))
OTHERS = {
    "resnet8": "mlperf-tiny/pretrainedResnet_quant.tflite",
    "person_detect": "tflite-micro/person_detect.tflite",
}
FIGURES = (
    "instructions",
    "cycles_estimated",  # of cortex-m4
    "macs_computed",
    "code_bytes",
    "const_bytes",
    "arena_bytes",
    "stack_bytes",
)


def main() -> None:
    """Measure, print a table and write it down."""
    data = os.environ.get("EDGECNN_DATA")
    if data is None:
        sys.exit("Error: EDGECNN_DATA is not set; it names the folder that holds edge-models")
    with tempfile.TemporaryDirectory() as folder:
        rows = {
            name: {core: measure(path, core) for core in CORES}
            for name, path in models(Path(folder), Path(data)).items()
        }
    versions = {"compilers": {core: compiler(core) for core in CORES}, "qemu": qemu()}
    write_json(RESULTS / "cores.json", {"command": COMMAND, **provenance(), **versions, "models": rows})
    write_text(RESULTS / "cores.svg", chart(rows, quoted()))
    _print(rows)


def quoted() -> dict[str, dict[str, int]]:
    """Return the instructions that TFLM is quoted to need, by model and core."""
    models = json.loads((RESULTS / "tflm.json").read_text())["models"]
    return {name: model["instructions"] for name, model in models.items()}


def chart(rows: dict[str, dict[str, dict[str, Any]]], tflm: dict[str, dict[str, int]]) -> str:
    """Return an SVG of all instructions, TFLM's beside ours."""
    panels = {
        name: ({core: row["instructions"] for core, row in cores.items()}, tflm[name])
        for name, cores in rows.items()
    }
    title = "Millions of instructions per inference (less is better)"
    names = ("edgecnn", "TFLM with CMSIS-NN, quoted")
    return bar_chart(title, names, panels, lambda value: f"{value / 1e6:.1f}")


def compiler(core: str) -> str:
    """Return the version of a target's compiler, on which the counts depend."""
    return first_line([TARGETS[core].cc, "--version"])


def qemu() -> str:
    """Return the version of the emulator."""
    return first_line(["qemu-system-arm", "--version"])


def models(folder: Path, data: Path | None) -> dict[str, Path]:
    """Return the files to measure; cainvas is written to `folder`, others' are left out without `data`."""
    sys.path.append(str(ROOT / "tests" / "helpers"))
    networks = import_module("networks")
    (folder / "cainvas.tflite").write_bytes(networks.cainvas())
    paths = {"cainvas": folder / "cainvas.tflite"}
    return paths | ({name: data / "edge-models" / file for name, file in OTHERS.items()} if data else {})


def measure(path: Path, core: str) -> dict[str, Any]:
    """Return the figures of one model on one core; a byte that differs ends the program."""
    verified = verify(path, core, 1).as_json()
    if verified["bytes_different"]:
        sys.exit(f"Error: {path.name} on {core}: {verified['bytes_different']} bytes differ")
    return {name: verified[name] for name in FIGURES if verified[name] is not None}


def _print(rows: dict[str, dict[str, dict[str, Any]]]) -> None:
    others = quoted()
    for name, cores in rows.items():
        for core, row in cores.items():
            tflm = others[name].get(core)
            share = f", {row['instructions'] / tflm:.2f} of TFLM's" if tflm else ""
            print(f"{name:14} {core:14} {row['instructions']:>12,} instructions{share}")


if __name__ == "__main__":
    main()
