# SPDX-License-Identifier: Apache-2.0
"""Measures models, and the C made of them, on a machine that is reached by ssh."""

import shlex
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from edgecnn.compiler.compile import compile_tflite
from edgecnn.compiler.reading.tflite import read_model
from edgecnn.compiler.writing.shared import shared_text
from edgecnn.data.arrays import Arrays
from edgecnn.errors import EdgecnnError, ModelError
from edgecnn.evaluation.devices import Measurements
from edgecnn.files import write_json, write_text
from edgecnn.pipeline.benchmark import gather, load_test_images
from edgecnn.pipeline.evaluate import Timing, class_columns
from edgecnn.pipeline.run import Run
from edgecnn.progress import Progress, say
from edgecnn.runtime.ssh_host import SshHost
from edgecnn.values import parse_json

_SCRIPT = "on_device.py"
_LITERT = "ai_edge_litert"
_BUILD = "cc -std=c99 -O3 -shared -fPIC model.c model_shared.c -o model.so"


def benchmark_ssh(
    address: str,
    sources: Sequence[Path],
    data: Path,
    timing: Timing,
    progress: Progress,
    *,
    seed: int | None = None,
) -> dict[str, Any]:
    """Run models on another machine, one after the other, and return its report.

    Every .tflite file runs in the TFLite runtime that is there, int8 files in LiteRT as well where both are,
    and the C of int8 files where there is a compiler. What a run's models did is written into the run, as
    device_HOST.json, and its report.html is made anew.

    Args:
        address: as `SshHost` takes it.
        sources: runs and .tflite files, all of one input size.
        data: the images, of whose test split the device gets a copy, resized already.
        timing: how to measure latency.
        progress: told how far each long step is.
        seed: of the split, as for `benchmark`.

    Raises:
        EdgecnnError: the machine can't be reached, or lacks Python, NumPy or everything that runs a model.
    """
    host = SshHost(address)
    models = gather(sources)
    test, classes = load_test_images(sources, models, data, progress, seed=seed)
    there = shlex.quote(host.run("mktemp -d").strip())
    try:
        with tempfile.TemporaryDirectory(prefix="edgecnn-") as name:
            compiled = _pack(Path(name), models, test, classes)
            progress("copying", 0, 1)
            host.send(Path(name), there)
            progress("copying", 1, 1)
        measured = _measure(host, there, models, compiled, timing, progress)
    finally:
        host.run(f"rm -rf {there}")
    report = {"address": address, **measured}
    for source in sources:
        if source.suffix != ".tflite":
            join_report(Run(source), report)
    return report


def join_report(run: Run, report: Mapping[str, Any]) -> None:
    """Put a `DeviceReport` into a run and its report.html, in place of an earlier one of the same machine.

    Raises:
        RunError: a file of the run is damaged.
    """
    write_json(run.device_file(report["address"]), report)
    if run.evidence_file.exists():
        from edgecnn.pipeline.report import rewrite_report  # matplotlib takes a second to load

        rewrite_report(run)
    else:
        say(f"{run.report_file} is of an older edgecnn, and stays as it is: run 'edgecnn compress' again")


def _pack(folder: Path, models: Mapping[str, Path], test: Arrays, classes: Sequence[str]) -> list[str]:
    """Write into `folder` what the device needs, and return the names of models whose C is there.

    Models and classes go there by their numbers: what people call them names no file.
    """
    script = files("edgecnn.pipeline").joinpath("on_device.script")
    (folder / _SCRIPT).write_bytes(script.read_bytes())
    for number, (image, label) in enumerate(zip(test.images, test.labels, strict=True)):
        path = folder / "images" / _class(int(label)) / f"{number:06}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        if image.dtype != np.uint8:
            np.save(path.with_suffix(".npy"), image)
            continue
        Image.fromarray(image[..., 0] if image.shape[2] == 1 else image).save(path)
    return [
        name
        for number, (name, path) in enumerate(models.items())
        if _pack_model(folder / f"model{number}", path, classes)
    ]


def _class(label: int) -> str:
    return f"class{label}"


def _pack_model(folder: Path, path: Path, classes: Sequence[str]) -> bool:
    """Write a model, its classes in its own order, and its C into `folder`; say whether there is C."""
    graph = read_model(path)
    outputs = max(2, graph.tensors[graph.outputs[0]].shape[-1])
    columns = class_columns(path, outputs, classes)
    labels = sorted(range(len(classes)), key=lambda label: columns[label])
    write_text(folder / "labels.txt", "".join(f"{_class(label)}\n" for label in labels))
    shutil.copyfile(path, folder / "model.tflite")
    try:
        compiled = compile_tflite(path, name="model")
    except ModelError:
        return False  # floats, or an op without a kernel
    write_text(folder / "model_shared.c", shared_text(compiled.model))
    compiled.write(folder)
    return True


def _measure(
    host: SshHost,
    there: str,
    models: Mapping[str, Path],
    compiled: Sequence[str],
    timing: Timing,
    progress: Progress,
) -> dict[str, Any]:
    """Run the script for each batch of models in turn, and return one report of all."""
    batches = _batches(host, there, models, compiled)
    if not batches:
        raise EdgecnnError(
            f"{host.address} has neither a TFLite runtime nor a C compiler; install one of them there"
        )
    report: dict[str, Any] = {}
    for done, (option, names) in enumerate(batches):
        progress("measuring", done, len(batches))
        part = _run_script(host, there, option, list(names), timing)
        measured = {names[file]: result for file, result in part["models"].items()}
        for result in measured.values():
            result.pop("agreement", None)  # with the first of its batch, which says nothing here
        report = {**part, "models": {**report.get("models", {}), **measured}}
    progress("measuring", len(batches), len(batches))
    return report


def _batches(
    host: SshHost, there: str, models: Mapping[str, Path], compiled: Sequence[str]
) -> list[tuple[str, dict[str, str]]]:
    """Return what can be run there: an option for the script, and files with what each is called."""
    runtimes = _runtimes(host)
    batches = []
    if runtimes:
        batches.append(("", {_file(number): name for number, name in enumerate(models)}))
    if _LITERT in runtimes[1:]:
        again = {
            _file(number): f"{name}, LiteRT"
            for number, (name, path) in enumerate(models.items())
            if _is_int8(path)
        }
        batches.append((f"--runtime {_LITERT}", again))
    batches.append(("", _build(host, there, models, compiled)))
    return [(option, names) for option, names in batches if names]


def _file(number: int, suffix: str = "tflite") -> str:
    """Return where the model of a number, or its library, lies there."""
    return f"model{number}/model.{suffix}"


def _is_int8(path: Path) -> bool:
    graph = read_model(path)
    return graph.tensors[graph.inputs[0]].dtype == "int8"


def _runtimes(host: SshHost) -> list[str]:
    """Return the TFLite runtimes that are installed there, the first being the script's own choice."""
    names = ("tflite_runtime", _LITERT)
    code = f"import importlib.util as u; print(*[n for n in {names} if u.find_spec(n)])"
    return host.run(f'python3 -c "{code}"').split()


def _build(host: SshHost, there: str, models: Mapping[str, Path], compiled: Sequence[str]) -> dict[str, str]:
    """Build the C there, if there is a compiler; return the libraries, each with the name of its model."""
    if not compiled or not host.run("command -v cc || true").strip():
        return {}
    libraries = {}
    for number, name in enumerate(models):
        if name in compiled:
            host.run(f"cd {there}/model{number} && {_BUILD}")
            libraries[_file(number, "so")] = f"{name}, C"
    return libraries


def _run_script(
    host: SshHost, there: str, option: str, names: Sequence[str], timing: Timing
) -> dict[str, Any]:
    files = shlex.join(names)
    numbers = f"--warmup {max(1, timing.warmup)} --runs {timing.runs} --threads {timing.threads}"
    command = f"python3 {_SCRIPT} {files} --images images {numbers} {option} --json report.json"
    said = host.run(f"cd {there} && {command} >/dev/null && cat report.json", timeout=3600)
    report: dict[str, Any] = parse_json(
        said, Measurements, f"{host.address} sent no report of what it measured", EdgecnnError
    )
    if unknown := set(report["models"]) - set(names):
        raise EdgecnnError(f"{host.address} sent figures of {min(unknown)}, which it was not asked for")
    return report
