# SPDX-License-Identifier: Apache-2.0
"""What the generated C needs: memory by schedule, code, stack, instructions on an emulated Cortex-M4.

    EDGECNN_DATA=... python benchmarks/compiled_c.py      writes benchmarks/results/compiled_c.json and .svg

The project's own networks have random weights, which change none of these figures but the instructions,
and those by little. ResNet8 and person_detect are others' files, found through EDGECNN_DATA. Every row is
verified first: a byte that differs from TFLite's reference kernels ends the run. TFLM's figures, quoted and
not measured here, are in results/tflm.json. Needs edgecnn[train], gcc-arm-none-eabi and qemu-system-arm.
"""

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from provenance import RESULTS, first_line, provenance

from edgecnn.compiler import compile_tflite
from edgecnn.files import write_json, write_text
from edgecnn.pipeline.verify import verify
from edgecnn.runtime.isolation import call_isolated

COMMAND = "python benchmarks/compiled_c.py"
OTHERS = {
    "resnet8": "mlperf-tiny/pretrainedResnet_quant.tflite",
    "person_detect": "tflite-micro/person_detect.tflite",
}
SIDES = (64, 128, 256, 500)


def main() -> None:
    """Measure, print a table and write it down with a chart."""
    data = os.environ.get("EDGECNN_DATA")
    if data is None:
        sys.exit("Error: EDGECNN_DATA is not set; it names the folder that holds edge-models")
    with tempfile.TemporaryDirectory() as folder:
        # TensorFlow and tflite-runtime, which verify asks, can't share a process.
        sized = {side: call_isolated(_cainvas, Path(folder), side) for side in SIDES}
        models = {"cainvas": sized[64]}
        models |= {name: Path(data) / "edge-models" / file for name, file in OTHERS.items()}
        rows = {name: _row(path) for name, path in models.items()}
        width = {side: _arena(path) for side, path in sized.items()}
    compiler = first_line(["arm-none-eabi-gcc", "--version"])
    result = {"command": COMMAND, **provenance(), "gcc": compiler, "models": rows, "cainvas_by_side": width}
    write_json(RESULTS / "compiled_c.json", result)
    write_text(RESULTS / "compiled_c.svg", chart(width))
    for name, row in rows.items():
        print(name, row)
    for side, arenas in width.items():
        print(side, arenas)


def _cainvas(folder: Path, side: int) -> Path:
    """Return an int8 cainvas for images of `side` pixels, with random weights."""
    from edgecnn.converters.keras_to_tflite import keras_to_int8
    from edgecnn.models import architecture
    from edgecnn.tf import tf

    tf.keras.utils.set_random_seed(0)
    model = architecture("cainvas").build((side, side, 1), 3)
    images = np.random.default_rng(0).integers(0, 256, (4, side, side, 1), np.uint8)
    path = folder / f"cainvas_{side}.tflite"
    path.write_bytes(keras_to_int8(model, images))
    return path


def _row(path: Path) -> dict[str, Any]:
    """Return the figures of one model on cortex-m4, optimized for size and for speed."""
    row: dict[str, Any] = dict(_arena(path))
    for optimize in ("size", "speed"):
        found = verify(path, "cortex-m4", 2, optimize=optimize)
        if found.bytes_different:
            sys.exit(f"Error: {path.name}: {found.bytes_different} bytes differ from {found.oracle}")
        row["macs"], row["macs_computed"] = found.macs, found.macs_computed
        row["state_bytes"], row["static_bytes"] = found.state_bytes, found.static_bytes
        row[optimize] = {
            "code_bytes": found.code_bytes,
            "const_bytes": found.const_bytes,
            "stack_bytes": found.stack_bytes,
            "instructions": found.instructions,
        }
    return row


def _arena(path: Path) -> dict[str, int]:
    plan = compile_tflite(path, name="model").plan
    return {"arena_rows": plan["arena_bytes"], "arena_whole": plan["arena_bytes_whole"]}


def chart(width: dict[int, dict[str, int]]) -> str:
    """Return an SVG of both arenas by the side of the image, on logarithmic scales."""
    left, bottom, right, top = 70, 250, 430, 30
    low, high = 3, 7  # powers of ten of bytes

    def place(side: int, size: int) -> tuple[float, float]:
        x = left + (right - left) * (np.log(side) - np.log(64)) / (np.log(500) - np.log(64))
        return round(float(x), 1), round(
            float(bottom - (bottom - top) * (np.log10(size) - low) / (high - low)), 1
        )

    size = 'width="560" height="300"'
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12">']
    parts.append(f'<rect {size} fill="white"/>')
    for power in range(low, high + 1):
        _, y = place(64, 10**power)
        label = f"{10 ** (power - 3):,} kB"
        parts.append(f'<path d="M{left} {y}H{right}" stroke="#ddd"/>')
        parts.append(f'<text x="{left - 8}" y="{y + 4}" text-anchor="end">{label}</text>')
    for side in width:
        x, _ = place(side, 10**low)
        parts.append(f'<text x="{x}" y="{bottom + 18}" text-anchor="middle">{side}</text>')
    title = "side of the image, pixels"
    parts.append(f'<text x="{(left + right) / 2}" y="{bottom + 38}" text-anchor="middle">{title}</text>')
    for key, label, color in (
        ("arena_whole", "tensor by tensor", "#b04030"),
        ("arena_rows", "row by row", "#2060a0"),
    ):
        points = [place(side, sizes[key]) for side, sizes in width.items()]
        line = " ".join(f"{x},{y}" for x, y in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{color}" stroke-width="2"/>')
        parts += [f'<circle cx="{x}" cy="{y}" r="3" fill="{color}"/>' for x, y in points]
        parts.append(f'<text x="{points[-1][0] + 10}" y="{points[-1][1] + 4}" fill="{color}">{label}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


if __name__ == "__main__":
    main()
