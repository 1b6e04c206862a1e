# SPDX-License-Identifier: Apache-2.0
"""What a network loses by each way to compress it, and what it then takes on a device.

    python benchmarks/compression.py [--data FOLDER] [--model NAME] [--input-size N] [--images N] [--epochs N]

Without --data, on the phantoms of `edgecnn demo`. A budget is a part of the instructions and of the constants
that the dense int8 network takes on a Cortex-M4. Within each of seven, whole filters go from the trained
network (in one chain, by the code of `edgecnn compress`), and a network as narrow as it has to be (`--width`
of `edgecnn train`) learns from scratch, twice as long as the dense one did. What is left of filters gets
weights of four bits, too, and of other copies of the dense network single weights become zero. All of them
learn on with int8 imitated.

Each point is kept in --work: what is there already is not made again, and an interrupted training goes on
from its last epoch. Writes results/compression.json, .md and a chart for each study; studies that are not
named keep the figures that they have there. Needs edgecnn[train], gcc, and what `edgecnn targets` lists for
cortex-m4.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from compression_plan import FILTERS, FLOAT, FOUR_BITS, INT8, METHODS, SCRATCH, Schedule
from curves import Panel, Point, curve_chart
from provenance import RESULTS, first_line, provenance

from edgecnn.data.arrays import Arrays, load_dataset
from edgecnn.data.phantoms import write_phantoms
from edgecnn.errors import EdgecnnError
from edgecnn.evaluation.accuracy import Estimate, accuracy_loss, balanced_mean
from edgecnn.files import write_json, write_text
from edgecnn.models import architecture
from edgecnn.pipeline.demo import EPOCHS, IMAGES, SEED
from edgecnn.pipeline.run.versions import versions

COMMAND = "python benchmarks/compression.py"
PHANTOMS = "phantoms"
VALIDATED = 0.15  # as many images decide as this part of those that are learned from
SHOWN = 12  # points below float32, in the charts
COSTS = ("macs", "const_bytes", "code_bytes", "arena_bytes", "instructions", "bytes", "gzip_bytes")
Kept = dict[str, Any]  # a point of one seed, as compression_points.py leaves it
Right = npt.NDArray[np.bool_]


def main() -> None:
    """Measure what is missing, and write the table and the charts."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", default=PHANTOMS, help="what `edgecnn train --data` takes")
    parser.add_argument("--model", default="cainvas", help="what `edgecnn train --model` takes")
    parser.add_argument("--input-size", type=int, help="of the square image; default: the network's own")
    parser.add_argument("--images", type=int, help="to learn from, at most; default: all")
    parser.add_argument(
        "--epochs", type=int, default=EPOCHS, help="of the dense network; others follow from it"
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--work", type=Path, default=Path("runs/compression"), help="where points are kept")
    options = parser.parse_args()
    name = f"{Path(options.model).stem} on {Path(options.data).stem}"
    folder = options.work / name.replace(" ", "-")
    about = measure(folder, options)
    points = figures_of([read_points(path) for path in sorted(folder.glob("seed*"))])
    write(name, {**about, "points": points})


def measure(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Measure every point that is missing; return what the result file says of data and training."""
    from compression_points import Cell

    network, schedule = architecture(options.model), Schedule(options.epochs)
    height, width, channels = network.input_shape
    shape = (options.input_size or height, options.input_size or width, channels)
    source = phantoms(options.work) if options.data == PHANTOMS else Path(options.data)
    dataset, arrays = load_dataset(source, shape, seed=SEED)
    arrays = fewer(arrays, options.images)
    for seed in range(options.seeds):
        cell = Cell(folder / f"seed{seed}", network, arrays, len(dataset.classes), schedule, seed)
        for point in cell.points(options.methods):
            print(f"{cell.folder}: {point}", file=sys.stderr, flush=True)
    counts = {part: len(found.labels) for part, found in arrays.items()}
    return {
        "command": command(options),
        **provenance(),
        "gcc": first_line(["gcc", "--version"]),
        "arm_gcc": first_line(["arm-none-eabi-gcc", "--version"]),
        "versions": versions(),
        "data": {"fingerprint": dataset.fingerprint, "classes": len(dataset.classes), "images": counts},
        "model": options.model,
        "input": list(shape),
        "epochs": schedule.epochs(),
    }


def command(options: argparse.Namespace) -> str:
    """Return the command that makes all points of a study."""
    told = {
        "--data": None if options.data == PHANTOMS else options.data,
        "--model": None if options.model == "cainvas" else options.model,
        "--input-size": options.input_size,
        "--images": options.images,
        "--epochs": None if options.epochs == EPOCHS else options.epochs,
    }
    return " ".join([COMMAND, *(f"{name} {value}" for name, value in told.items() if value is not None)])


def phantoms(work: Path) -> Path:
    """Return the folder of the demo's phantoms; draw them where it is not there."""
    folder = work / PHANTOMS
    if not folder.exists():
        write_phantoms(folder, IMAGES, SEED)
    return folder


def fewer(arrays: dict[str, Arrays], most: int | None) -> dict[str, Arrays]:
    """Return at most so many images to learn from, a part of that many to decide, and all test images."""
    if most is None:
        return arrays
    kept = {"train": most, "validation": round(VALIDATED * most), "test": len(arrays["test"].labels)}
    draw = np.random.default_rng(SEED)
    return {
        part: found.part(np.sort(draw.permutation(len(found.labels))[: kept[part]]))
        for part, found in arrays.items()
    }


def read_points(folder: Path) -> dict[str, Kept]:
    """Return the points of a seed by name."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}


def figures_of(seeds: Sequence[dict[str, Kept]]) -> list[dict[str, Any]]:
    """Return the figures of each point: means over the seeds that have it, and intervals over test images."""
    names = dict.fromkeys(name for seed in seeds for name in seed)
    found = [_figures(name, [seed for seed in seeds if name in seed]) for name in names]
    order = {method: number for number, method in enumerate((FLOAT, INT8, *METHODS))}
    return sorted(found, key=lambda point: (order[point["method"]], -abs(point["budget"] or 0)))


def _figures(name: str, seeds: Sequence[dict[str, Kept]]) -> dict[str, Any]:
    each = [seed[name] for seed in seeds]
    first = each[0]
    figures: dict[str, Any] = {
        "method": first["method"],
        "budget": first["budget"],
        "seeds": [point["seed"] for point in each],
        "accuracy": asdict(_mean([_right(point) for point in each])),
        "loss": asdict(_lost(seeds, FLOAT, name)),
    }
    if "width" in first:
        figures["width"] = first["width"]
    scratch = f"{SCRATCH}-{first['budget']:g}" if first["method"] == FILTERS else ""
    if both := [seed for seed in seeds if scratch in seed]:
        figures["gain"] = asdict(_lost(both, name, scratch))
    figures |= {cost: float(np.mean([point[cost] for point in each])) for cost in COSTS if cost in first}
    if "oracle" in first:
        figures["measured"] = all(point["measured"] for point in each)
        figures["oracle"] = first["oracle"]
        figures |= {n: sum(p[n] for p in each) for n in ("bytes_compared", "bytes_different")}
    return figures


def _right(point: Kept) -> Right:
    bits = np.unpackbits(np.frombuffer(bytes.fromhex(point["right"]), np.uint8))
    return bits[: point["test_images"]].astype(bool)


def _mean(each: Sequence[Right]) -> Estimate:
    """Return the accuracy in percent, the mean over seeds."""
    right, images, cells = np.concatenate(each), len(each[0]), len(each)
    return balanced_mean(
        100.0 * right,
        np.zeros(len(right), np.int64),
        np.tile(np.arange(images), cells),
        np.repeat(np.arange(cells), images),
    )


def _lost(seeds: Sequence[dict[str, Kept]], reference: str, other: str) -> Estimate:
    """Return the points that one point of each seed loses against another of the same seed."""
    before, after = (np.concatenate([_right(seed[name]) for seed in seeds]) for name in (reference, other))
    return accuracy_loss(before, after, np.tile(np.arange(len(before) // len(seeds)), len(seeds)))


def write(name: str, study: dict[str, Any]) -> None:
    """Put a study into the result file, and write its chart and the table of all anew."""
    path = RESULTS / "compression.json"
    studies = json.loads(path.read_text())["studies"] if path.exists() else {}
    studies[name] = study
    write_json(path, {"studies": studies})
    write_text(RESULTS / "compression.md", "\n".join(map(table, studies, studies.values())))
    write_text(RESULTS / f"compression-{name.replace(' ', '-')}.svg", chart(name, study))


COLUMNS = (
    *("network", "accuracy", "loss, points", "better than from scratch, points", "million MACs"),
    *("million instructions", "of dense", "constants", "of dense", "flash", "RAM", "`.tflite`", "gzip"),
    *("bytes that differ", "seeds"),
)


def table(name: str, study: dict[str, Any]) -> str:
    """Return the table of a study in Markdown."""
    images, epochs = study["data"]["images"], study["epochs"]
    dense = next(point for point in study["points"] if point["method"] == INT8)
    size = "x".join(map(str, study["input"]))
    return "\n".join(
        [
            f"## {name}",
            "",
            f"`{study['command']}`, commit {study['commit'][:12]}, {study['machine']}, {study['arm_gcc']}.",
            f"{size}, {images['train']:,} images to learn from, {images['validation']:,} that decide, "
            f"{images['test']:,} to test on.",
            f"Epochs: {epochs['train']} of the dense network, {epochs['round']} after each removal, "
            f"{epochs['settle']} to settle, {epochs['qat']} with int8 imitated,",
            f"{epochs['from_scratch']} from scratch. Of several seeds the means are shown; intervals are of "
            "95%, over test images. The loss",
            "is that against float32. Bytes that differ: of the C's output from that of TFLite's reference "
            "kernels, for random",
            "pictures.",
            "",
            f"| {' | '.join(COLUMNS)} |",
            "|---" * len(COLUMNS) + "|",
            *(f"| {' | '.join(_row(point, dense))} |" for point in study["points"]),
            "",
        ]
    )


SUMMARY = (
    *("budget", "filters: accuracy", "loss, points", "instructions", "flash", "RAM"),
    *("4-bit weights: accuracy", "flash", "from scratch: accuracy"),
)


def summary(study: dict[str, Any]) -> str:
    """Return a table of a study with a row for each budget, in Markdown."""
    by_method: dict[str, dict[float | None, dict[str, Any]]] = {}
    for point in study["points"]:
        by_method.setdefault(point["method"], {})[point["budget"]] = point
    dense, four, scratch = by_method[INT8][None], by_method.get(FOUR_BITS, {}), by_method.get(SCRATCH, {})
    lines = [f"| {' | '.join(SUMMARY)} |", "|---" * len(SUMMARY) + "|"]
    lines.append(f"| {' | '.join(['dense', *_taken(dense), '-', '-', '-'])} |")
    for budget, point in by_method[FILTERS].items():
        narrow, small = scratch.get(budget), four.get(budget)
        others = [
            _interval(small["accuracy"]) if small else "-",
            _flash(small) if small else "-",
            _interval(narrow["accuracy"]) if narrow else "-",
        ]
        lines.append(f"| {' | '.join([f'{budget:g}', *_taken(point), *others])} |")
    return "\n".join([*lines, ""])


def _taken(point: dict[str, Any]) -> list[str]:
    loss, count = _interval(point["loss"], 2), f"{point['instructions'] / 1e6:.2f} M"
    return [_interval(point["accuracy"]), loss, count, _flash(point), f"{point['arena_bytes']:,.0f}"]


def _flash(point: dict[str, Any]) -> str:
    return f"{point['const_bytes'] + point['code_bytes']:,.0f}"


def _row(point: dict[str, Any], dense: dict[str, Any]) -> list[str]:
    gain, on_device = point.get("gain"), "oracle" in point
    return [
        title(point),
        _interval(point["accuracy"]),
        _interval(point["loss"], 2) if point["method"] != FLOAT else "-",
        _interval(gain, 2) if gain else "-",
        *(_costs(point, dense) if on_device else ["-"] * 7),
        *(f"{point[size]:,.0f}" for size in ("bytes", "gzip_bytes")),
        f"{point['bytes_different']} of {point['bytes_compared']}" if on_device else "-",
        str(len(point["seeds"])),
    ]


def _costs(point: dict[str, Any], dense: dict[str, Any]) -> list[str]:
    return [
        f"{point['macs'] / 1e6:.3f}",
        f"{point['instructions'] / 1e6:.3f}{'' if point['measured'] else ' (estimated)'}",
        f"{point['instructions'] / dense['instructions']:.3f}",
        f"{point['const_bytes']:,.0f}",
        f"{point['const_bytes'] / dense['const_bytes']:.3f}",
        _flash(point),
        f"{point['arena_bytes']:,.0f}",
    ]


def title(point: dict[str, Any]) -> str:
    """Return what a point is called in the table."""
    method, budget = point["method"], point["budget"]
    if budget is None:
        return f"{method}, dense"
    if method in (FILTERS, FOUR_BITS, SCRATCH):
        width = f", `--width {point['width']:g}`" if "width" in point else ""
        return f"{method}, budget {budget:g}{width}"
    return f"{method}, {budget:.0%} zero"


def _interval(estimate: dict[str, Any], digits: int = 1) -> str:
    low, high = estimate["ci95"]
    return f"{estimate['value']:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def chart(name: str, study: dict[str, Any]) -> str:
    """Return an SVG of accuracy over instructions and over constants, as parts of the dense network's."""
    points = {method: [p for p in study["points"] if p["method"] == method] for method in (INT8, *METHODS)}
    [dense] = points.pop(INT8)
    [float32] = [point for point in study["points"] if point["method"] == FLOAT]
    floor = float32["accuracy"]["value"] - SHOWN
    panels = [
        Panel(
            f"{what} on a Cortex-M4, part of the dense int8 network's",
            {
                method: [
                    _point(point, point[cost] / dense[cost])
                    for point in line
                    if point["accuracy"]["value"] > floor
                ]
                for method, line in points.items()
                if line
            },
        )
        for cost, what in (("instructions", "instructions"), ("const_bytes", "constants"))
    ]
    levels = {"float32, dense": float32["accuracy"]["value"], "int8, dense": dense["accuracy"]["value"]}
    title = f"{name}: test accuracy, percent, with 95% intervals; below {floor:.0f} nothing is drawn"
    return curve_chart(title, panels, levels)


def _point(point: dict[str, Any], cost: float) -> Point:
    return Point(cost, point["accuracy"]["value"], *point["accuracy"]["ci95"])


if __name__ == "__main__":
    try:
        main()
    except EdgecnnError as error:
        sys.exit(f"Error: {error}")
