# SPDX-License-Identifier: Apache-2.0
"""What the generated C needs: memory by schedule, code, constants, stack, on an emulated Cortex-M4.

    EDGECNN_DATA=... python benchmarks/compiled_c.py      writes results/compiled_c.json, .md and .svg

The project's own networks have random weights, which change none of these figures but the instructions,
and those by little. ResNet8 and person_detect are others' files, found through EDGECNN_DATA. Every row is
verified first: a byte that differs from TFLite's reference kernels ends the run. TFLM's figures, quoted and
not measured here, are in results/tflm.json. Needs edgecnn[train], gcc-arm-none-eabi and qemu-system-arm,
and five minutes.
"""

import json
import math
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from provenance import RESULTS, first_line, provenance

from edgecnn.compiler import compile_tflite, ops
from edgecnn.compiler.reading.tflite import read_model
from edgecnn.files import write_json, write_text
from edgecnn.pipeline.verify import verify
from edgecnn.runtime.isolation import call_isolated

COMMAND = "python benchmarks/compiled_c.py"
OTHERS = {
    "resnet8": "mlperf-tiny/pretrainedResnet_quant.tflite",
    "person_detect": "tflite-micro/person_detect.tflite",
}
SIDES = (64, 128, 256, 500)
# Arena in bytes, by rows and tensor by tensor; None where no goal is set.
GOALS: dict[str, tuple[int, int | None]] = {
    "cainvas": (10_240, 36_864),
    "resnet8": (16_384, 50_000),
    "person_detect": (14_336, 57_000),
    "melanoma_v2": (131_072, None),
}
COMPILE_GOALS = {"cainvas": 1, "melanoma_v2": 15}  # seconds
BESIDES_GOAL, CODE_GOAL, CONST_GOAL = (
    2048,
    8192,
    1.05,
)  # state, statics, stack; code of cainvas; to raw weights


def main() -> None:
    """Measure, and write it down as JSON, as tables and as a chart."""
    data = os.environ.get("EDGECNN_DATA")
    if data is None:
        sys.exit("Error: EDGECNN_DATA is not set; it names the folder that holds edge-models")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # TensorFlow and tflite-runtime, which verify asks, can't share a process.
        sized = {side: call_isolated(_cainvas, folder, side) for side in SIDES}
        models = {"cainvas": sized[64]}
        models |= {name: Path(data) / "edge-models" / file for name, file in OTHERS.items()}
        models["melanoma_v2"] = call_isolated(_melanoma_v2, folder)
        rows = {name: _row(path, folder) for name, path in models.items()}
        width = {side: _arena(path) for side, path in sized.items()}
    compiler = first_line(["arm-none-eabi-gcc", "--version"])
    result = {"command": COMMAND, **provenance(), "gcc": compiler, "models": rows, "cainvas_by_side": width}
    write_json(RESULTS / "compiled_c.json", result)
    write_text(RESULTS / "compiled_c.svg", chart(width))
    text = table(result, json.loads((RESULTS / "tflm.json").read_text())["models"])
    write_text(RESULTS / "compiled_c.md", text)
    print(text)


def _cainvas(folder: Path, side: int) -> Path:
    """Return an int8 cainvas for images of `side` pixels, with random weights."""
    from edgecnn.models import architecture

    return _random(folder / f"cainvas_{side}.tflite", architecture("cainvas").build((side, side, 1), 3, 1))


def _melanoma_v2(folder: Path) -> Path:
    """Return an int8 melanoma-v2 for 500x500x3, 14,714,753 parameters, with random weights."""
    from edgecnn.models import architecture

    model = architecture("melanoma-v2").build((500, 500, 3), 2, 1)
    return _random(folder / "melanoma_v2.tflite", model)


def _random(path: Path, model: Any) -> Path:
    """Write a Keras model of random weights as an int8 .tflite, calibrated on random images."""
    from edgecnn.converters.keras_to_tflite import keras_to_int8

    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(0, _spread(value.shape), value.shape) for value in model.get_weights()])
    path.write_bytes(keras_to_int8(model, rng.integers(0, 256, (4, *model.input_shape[1:]), np.uint8)))
    return path


def _spread(shape: tuple[int, ...]) -> float:
    """Return the deviation of weights with which activations keep their size; biases are small."""
    return float(np.sqrt(2 / np.prod(shape[:-1]))) if len(shape) > 1 else 0.01


def _row(path: Path, folder: Path) -> dict[str, Any]:
    """Return the figures of one model on cortex-m4, optimized for size and for speed."""
    row: dict[str, Any] = {**_arena(path), **_compiling(path, folder), "raw_weight_bytes": raw_bytes(path)}
    for optimize in ("size", "speed"):
        verified = verify(path, "cortex-m4", 1, optimize=optimize)
        if verified.bytes_different:
            sys.exit(f"Error: {path.name}: {verified.bytes_different} bytes differ from {verified.oracle}")
        row["macs"], row["macs_computed"] = verified.macs, verified.macs_computed
        row["state_bytes"], row["static_bytes"] = verified.state_bytes, verified.static_bytes
        row[optimize] = {
            "arena_bytes": verified.arena_bytes,
            "code_bytes": verified.code_bytes,
            "const_bytes": verified.const_bytes,
            "stack_bytes": verified.stack_bytes,
            "instructions": verified.instructions,
        }
    return row


def _arena(path: Path) -> dict[str, int]:
    """Return the arenas of portable C99."""
    plan = compile_tflite(path, name="model").plan
    return {"arena_rows": plan["arena_bytes"], "arena_whole": plan["arena_bytes_whole"]}


def _compiling(path: Path, folder: Path) -> dict[str, float]:
    """Return the CPU time and memory of `edgecnn compile`, and the time of gcc on what it writes."""
    program = Path(sys.executable).with_name("edgecnn")
    ours = _used([program, "compile", path, "--out", folder, "--name", "model"])
    theirs = _used(["gcc", "-O2", "-c", folder / "model.c", "-o", folder / "model.o"])
    return {
        "compile_seconds": round(ours.ru_utime + ours.ru_stime, 2),
        "compile_bytes": ours.ru_maxrss * 1024,
        "gcc_seconds": round(theirs.ru_utime + theirs.ru_stime, 2),
    }


def _used(command: list[Path | str]) -> resource.struct_rusage:
    """Return what a command used of the machine."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"Error: {command[0]} fails")
    return used


def raw_bytes(path: Path) -> int:
    """Return the bytes of a model's weights and biases as they are in the file."""
    graph = read_model(path)
    parameters = {i for op in graph.operators if ops.layout(op) for i in op.inputs[1:] if i >= 0}
    return sum(data.nbytes for i in parameters if (data := graph.tensors[i].data) is not None)


def table(result: dict[str, Any], quoted: dict[str, Any]) -> str:
    """Return the tables of goals beside what was measured, in Markdown."""
    return "\n".join(
        [
            f"`{result['command']}`, commit {result['commit'][:12]}, {result['gcc']}.",
            "Bytes; goals in brackets. In every row 0 bytes differ from TFLite's reference kernels on an",
            "emulated Cortex-M4. TFLM's figures are quoted, see [tflm.json](tflm.json). The caller's",
            "input and output are not in the arena; in TFLM's the input is.",
            "",
            "| arena | rows, C99 | rows, Cortex-M4 | whole, C99 | TFLM |",
            "|---|---|---|---|---|",
            *_arena_lines(result["models"], quoted),
            "",
            "| on Cortex-M4 | state + statics + stack | code, -Os | constants, -Os | of raw weights "
            "| MACs computed | instructions, -O2 |",
            "|---|---|---|---|---|---|---|",
            *_core_lines(result["models"]),
            "",
            "| compiling | edgecnn compile, CPU s | its memory, MB | gcc -O2, CPU s |",
            "|---|---|---|---|",
            *_compiling_lines(result["models"]),
            "",
            "| cainvas by side of the image | rows | whole |",
            "|---|---|---|",
            *(
                f"| {side} | {row['arena_rows']:,} | {row['arena_whole']:,} |"
                for side, row in result["cainvas_by_side"].items()
            ),
            "",
        ]
    )


def _arena_lines(models: dict[str, Any], quoted: dict[str, Any]) -> Iterator[str]:
    for name, row in models.items():
        rows, whole = (f" ({goal:,})" if goal else "" for goal in GOALS[name])
        tflm = f"{quoted[name]['arena_bytes']:,}" if name in quoted else "-"
        yield (
            f"| {name} | {row['arena_rows']:,}{rows} | {row['speed']['arena_bytes']:,}{rows} "
            f"| {row['arena_whole']:,}{whole} | {tflm} |"
        )


def _core_lines(models: dict[str, Any]) -> Iterator[str]:
    for name, row in models.items():
        small, raw = row["size"], row["raw_weight_bytes"]
        besides = row["state_bytes"] + row["static_bytes"] + row["speed"]["stack_bytes"]
        code = f" ({CODE_GOAL:,})" if name == "cainvas" else ""
        yield (
            f"| {name} | {besides:,} ({BESIDES_GOAL:,}) | {small['code_bytes']:,}{code} "
            f"| {small['const_bytes']:,} | {small['const_bytes'] / raw:.3f} ({CONST_GOAL}) "
            f"| {row['macs_computed']:,} of {row['macs']:,} | {row['speed']['instructions']:,} |"
        )


def _compiling_lines(models: dict[str, Any]) -> Iterator[str]:
    for name, row in models.items():
        most = f" ({COMPILE_GOALS[name]})" if name in COMPILE_GOALS else ""
        yield (
            f"| {name} | {row['compile_seconds']:.2f}{most} | {row['compile_bytes'] / 1e6:.0f} (1,000) "
            f"| {row['gcc_seconds']:.2f} (60) |"
        )


_STYLE = """\
text { font: 12px sans-serif; fill: #24292f }
.grid { stroke: #d0d7de }
.whole { --line: #b35900 }
.rows { --line: #0550ae }
polyline { stroke: var(--line); stroke-width: 2; fill: none }
circle, .whole text, .rows text { fill: var(--line) }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .grid { stroke: #30363d }
  .whole { --line: #f0883e }
  .rows { --line: #79c0ff }
}"""
_LEFT, _RIGHT, _TOP, _BOTTOM, _MARGIN = 70, 470, 40, 260, 35
_POWERS = range(3, 8)  # of ten, of bytes


def _place(side: float, size: float) -> tuple[float, float]:
    """Return where a point lies on logarithmic scales."""
    across = math.log(side / SIDES[0], SIDES[-1] / SIDES[0])
    up = (math.log10(size) - _POWERS[0]) / (_POWERS[-1] - _POWERS[0])
    first, last = _LEFT + _MARGIN, _RIGHT - _MARGIN
    return round(first + (last - first) * across, 1), round(_BOTTOM - (_BOTTOM - _TOP) * up, 1)


def chart(width: dict[int, dict[str, int]]) -> str:
    """Return an SVG, for light and dark pages, of both arenas by the side of the image."""
    middle = (_LEFT + _RIGHT) / 2
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 580 310" width="580" height="310">',
        f"<style>{_STYLE}</style>",
        f'<text x="{_LEFT}" y="20">arena of cainvas, bytes, logarithmic</text>',
        f'<text x="{middle}" y="{_BOTTOM + 38}" text-anchor="middle">side of the image, pixels</text>',
    ]
    for power in _POWERS:
        _, y = _place(SIDES[0], 10**power)
        label = f"{10 ** (power - 3)} kB" if power < 6 else f"{10 ** (power - 6)} MB"
        parts.append(f'<path class="grid" d="M{_LEFT} {y}H{_RIGHT}"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">{label}</text>')
    for side in width:
        x, _ = _place(side, 1000)
        parts.append(f'<text x="{x}" y="{_BOTTOM + 18}" text-anchor="middle">{side}</text>')
    parts += _line("whole", "tensor by tensor", {side: sizes["arena_whole"] for side, sizes in width.items()})
    parts += _line("rows", "row by row", {side: sizes["arena_rows"] for side, sizes in width.items()})
    return "\n".join([*parts, "</svg>"]) + "\n"


def _line(kind: str, label: str, sizes: dict[int, int]) -> list[str]:
    """Return a line with its points, the bytes above each, and its name behind the last."""
    points = [_place(side, size) for side, size in sizes.items()]
    parts = [f'<g class="{kind}">', f'<polyline points="{" ".join(f"{x},{y}" for x, y in points)}"/>']
    for (x, y), size in zip(points, sizes.values(), strict=True):
        parts.append(f'<circle cx="{x}" cy="{y}" r="3"/>')
        parts.append(f'<text x="{x}" y="{y - 9}" text-anchor="middle">{size:,}</text>')
    x, y = points[-1]
    return [*parts, f'<text x="{x + 12}" y="{y + 5}">{label}</text>', "</g>"]


if __name__ == "__main__":
    main()
