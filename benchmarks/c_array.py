# SPDX-License-Identifier: Apache-2.0
"""A large model as C: how long that takes, and gcc on the result, with edgecnn and with `xxd -i`.

    python benchmarks/c_array.py            writes benchmarks/results/c_array.json

The model is a small one with a buffer of random bytes added, as weights look to all of them. Seconds are of
CPU time, so that a busy machine doesn't count, and of whole processes, Python's start included, from file to
files; "in_process_s" is what a program pays that has edgecnn loaded. Peers run in turn; figures are medians.
Needs gcc and xxd.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from edgecnn.compiler.reading.tflite import read_model
from edgecnn.compiler.writing.tflite import tflite_bytes
from edgecnn.converters.tflite_to_c_array import write_c_array
from edgecnn.files import write_json

ROOT = Path(__file__).resolve().parents[1]
SMALL_MODEL = ROOT / "tests" / "assets" / "tiny_int8.tflite"
GCC = ["gcc", "-std=c99", "-O2", "-c", "-I.", "model.c", "-o", "model.o"]
EDGECNN = (
    "from pathlib import Path; from edgecnn.converters.tflite_to_c_array import write_c_array as write; "
    "write(Path(), Path('../model.tflite').read_bytes(), 'model', incbin={incbin})"
)
EMITTERS = {
    "xxd": ["sh", "-c", "xxd -i ../model.tflite > model.c"],
    "words": [sys.executable, "-c", EDGECNN.format(incbin=False)],
    "incbin": [sys.executable, "-c", EDGECNN.format(incbin=True)],
}


def main() -> None:
    """Measure, print the figures and write them down."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--megabytes", type=float, default=15, help="size of the model (default: 15)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is timed (default: 3)")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "c_array.json")
    options = parser.parse_args()
    for tool in ("gcc", "xxd"):
        if shutil.which(tool) is None:
            sys.exit(f"Error: {tool} is missing; install Debian package {tool}")
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), round(options.megabytes * 1e6), options.rounds)
    command = f"python benchmarks/c_array.py --megabytes {options.megabytes:g} --rounds {options.rounds}"
    result = {"command": command, **environment(), **figures}
    write_json(options.out, result)
    print(json.dumps(result, indent=2))


def measure(folder: Path, size: int, rounds: int) -> dict[str, Any]:
    """Return the figures for a model with `size` random bytes, and what edgecnn's words gain on xxd."""
    model = folder / "model.tflite"
    noise = np.random.default_rng(0).bytes(size)
    small = read_model(SMALL_MODEL)
    model.write_bytes(tflite_bytes(replace(small, metadata=(*small.metadata, ("random", noise)))))
    samples: dict[str, list[dict[str, float]]] = {form: [] for form in EMITTERS}
    for _ in range(rounds):
        for form, emitter in EMITTERS.items():
            (folder / form).mkdir(exist_ok=True)
            samples[form].append(measure_once(emitter, folder / form))
    forms = {
        form: {key: round(statistics.median(sample[key] for sample in taken), 3) for key in taken[0]}
        for form, taken in samples.items()
    }
    for form, figures in forms.items():
        figures["text_bytes_per_byte"] = round(
            (folder / form / "model.c").stat().st_size / model.stat().st_size, 3
        )
    forms["words"]["in_process_s"] = round(statistics.median(in_process(model) for _ in range(rounds)), 3)
    gains = {
        key: round(forms["xxd"][key] / forms["words"][key], 2) for key in ("emit_s", "gcc_s", "gcc_peak_mb")
    }
    return {"model_bytes": model.stat().st_size, "rounds": rounds, "forms": forms, "xxd_over_words": gains}


def measure_once(emitter: list[str], folder: Path) -> dict[str, float]:
    """Emit model.c into `folder` and compile it there."""
    emit_s, _ = timed(emitter, folder)
    gcc_s, gcc_peak_mb = timed(GCC, folder)
    return {"emit_s": emit_s, "gcc_s": gcc_s, "gcc_peak_mb": gcc_peak_mb}


def timed(command: list[str], folder: Path) -> tuple[float, float]:
    """Run `command`; return its seconds of CPU time and the peak memory in MB of its largest process."""
    process = subprocess.Popen(command, cwd=folder)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"Error: {' '.join(command)} failed with exit code {process.returncode}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000


def in_process(model: Path) -> float:
    """Return the seconds of CPU time that edgecnn takes when it is loaded already."""
    start = time.process_time()
    write_c_array(model.parent / "in_process", model.read_bytes(), "model")
    return time.process_time() - start


def environment() -> dict[str, Any]:
    """Return what the figures depend on."""
    return {
        "commit": first_line(["git", "-C", str(ROOT), "rev-parse", "HEAD"]),
        "machine": cpu(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "gcc": first_line(["gcc", "--version"]),
        "gcc_command": " ".join(GCC),
        "xxd": first_line(["xxd", "--version"]),
    }


def cpu() -> str:
    """Return the processor's name."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next(
        (line.split(": ", 1)[1] for line in lines if line.startswith("model name")), platform.machine()
    )


def first_line(command: list[str]) -> str:
    """Return the first line that `command` prints: xxd prints its version on standard error."""
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return (done.stdout or done.stderr).splitlines()[0]


if __name__ == "__main__":
    main()
