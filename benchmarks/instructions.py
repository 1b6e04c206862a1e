# SPDX-License-Identifier: Apache-2.0
"""Fit the model of instructions to `edgecnn verify --profile` on each emulated core.

Usage: python benchmarks/instructions.py [--target NAME]...

It is fitted to random networks and tried on others: `cainvas` at four widths, ResNet8, DS-CNN, MobileNet v1,
`unet` and `cbam`. Leaves edgecnn/compiler/instructions.json.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LinearRegression

from edgecnn.compiler.compile import compile_tflite
from edgecnn.compiler.instructions import TABLE, Work, terms, work_count, works
from edgecnn.compiler.targets import TARGETS
from edgecnn.converters.keras_to_tflite import keras_to_int8
from edgecnn.errors import ModelError
from edgecnn.files import write_text
from edgecnn.models import architecture
from edgecnn.pipeline.verify.profile import profile_operators
from edgecnn.pipeline.verify.program import program
from edgecnn.runtime.emulated_core import EmulatedCore
from edgecnn.tf import keras, make_repeatable

FITTED = 56  # random networks
L = keras.layers
Row = tuple[list[Work], int]  # what a step computes, and its instructions


@dataclass(frozen=True)
class Profiled:
    """What `edgecnn verify --profile` counts of a network, and its bytes of flash."""

    steps: list[Row]
    begin: int
    code: int
    const: int  # beside weights
    cycles: int  # by Arm's table; 0 where there is none for the core

    @property
    def instructions(self) -> int:
        """Of an inference."""
        return self.begin + sum(count for _, count in self.steps)


def random_network(seed: int) -> Any:
    """Return a network of convolutions of every kind, with widths from 1 to 64."""
    draw = np.random.default_rng(seed)
    side, channels = int(draw.integers(16, 65)), int(draw.choice([1, 3]))
    image = keras.Input((side, side, channels))
    maps = L.Conv2D(
        _width(draw), _side(draw), int(draw.integers(1, 3)), padding=_padding(draw), activation="relu"
    )(image)
    if draw.integers(2):
        maps = L.MaxPooling2D(int(draw.integers(2, 4)))(maps)
    for _ in range(draw.integers(1, 5)):
        maps = _piece(maps, draw)
    if draw.integers(2):
        features = L.GlobalAveragePooling2D()(maps)
    else:
        while maps.shape[1] * maps.shape[2] > 36:
            maps = L.MaxPooling2D(2)(maps)
        features = L.Flatten()(maps)
    for _ in range(draw.integers(0, 4)):
        features = L.Dense(_width(draw), activation="relu")(features)
    return keras.Model(image, L.Dense(3, activation="softmax")(features))


def _width(draw: np.random.Generator) -> int:
    return int(2 ** draw.uniform(0.5, 6))


def _side(draw: np.random.Generator) -> int:
    return int(draw.choice([1, 3, 3, 3, 5]))


def _padding(draw: np.random.Generator) -> str:
    return str(draw.choice(["same", "valid"]))


def _piece(maps: Any, draw: np.random.Generator) -> Any:
    """Return maps after a convolution, plain or depthwise, a sum, a gate, a skip or a pool."""
    kind = draw.integers(7 if maps.shape[1] > 6 else 4)
    if kind == 0:
        strides = int(draw.integers(1, 3)) if maps.shape[1] > 6 else 1
        maps = L.DepthwiseConv2D(3, strides, "same", activation="relu")(maps)
        return L.Conv2D(_width(draw), 1, activation="relu")(maps)
    if kind == 1:
        deep = L.Conv2D(_width(draw), 3, padding="same", activation="relu")(maps)
        return L.ReLU()(L.Add()([maps, L.Conv2D(maps.shape[-1], 3, padding="same")(deep)]))
    if kind == 2:
        return L.Conv2D(_width(draw), _side(draw), padding="same", activation="relu")(maps)
    if kind == 3:
        gate = L.GlobalAveragePooling2D(keepdims=True)(maps)
        gate = L.Conv2D(maps.shape[-1], 1, activation="sigmoid")(
            L.Conv2D(_width(draw), 1, activation="relu")(gate)
        )
        return L.Multiply()([maps, gate])
    if kind == 4 and maps.shape[1] % 2 == 0:
        deep = L.Conv2D(_width(draw), 3, padding="same", activation="relu")(L.MaxPooling2D(2)(maps))
        return L.Concatenate()([maps, L.Conv2DTranspose(_width(draw), 2, 2)(deep)])
    maps = L.Conv2D(_width(draw), 3, padding=_padding(draw), activation="relu")(maps)
    pool = L.AveragePooling2D if kind == 5 else L.MaxPooling2D
    return pool(int(draw.integers(2, 4)))(maps)


def tried() -> Iterator[tuple[str, Any]]:
    """Yield the networks that nothing is fitted to, by name."""
    cainvas = architecture("cainvas").build
    for width in (1.0, 0.5, 0.25, 0.14):
        yield f"cainvas {width:g}", cainvas((64, 64, 1), 3, width)
    sys.path.append(str(Path(__file__).parents[1] / "tests" / "helpers"))
    from graphs import NETWORKS

    for name in ("resnet8", "ds-cnn", "mobilenet-v1"):
        yield name, NETWORKS[name]()
    for name in ("unet", "cbam"):
        network = architecture(name)
        yield name, network.build((48, 48, 3), network.classes, 0.25)


def randomize(model: Any, seed: int) -> None:
    """Give a network weights with which values neither vanish nor grow."""
    draw = np.random.default_rng(seed)
    for weight in model.weights:
        shape = tuple(weight.shape)
        if "variance" in weight.name or "gamma" in weight.name:
            weight.assign(draw.uniform(0.5, 1.5, shape))
            continue
        read = shape[:-1] if "depthwise" not in weight.name else shape[:2]
        weight.assign(draw.normal(0, 0.1 if len(shape) == 1 else np.sqrt(2 / np.prod(read)), shape))


def int8(model: Any) -> bytes:
    """Return the int8 file of a network with random weights."""
    randomize(model, 0)
    images = np.random.default_rng(0).integers(0, 256, (8, *model.input_shape[1:])).astype(np.uint8)
    return keras_to_int8(model, images)


def _compiles(tflite: bytes) -> bool:
    """Say whether a network can be compiled: with random weights a scale may be out of proportion."""
    try:
        compile_tflite(tflite, name="network")
    except ModelError:
        return False
    return True


def profiled(tflite: bytes, target: str) -> Profiled:
    """Profile the C of a network on a target."""
    compiled = compile_tflite(tflite, name="network", target=target)
    with tempfile.TemporaryDirectory() as name:
        folder, core = Path(name), EmulatedCore(TARGETS[target])
        compiled.write(folder)
        binary = core.build(program(compiled.model, folder, both_ways=False, pointer=4), folder)
        size = sum(edge.bytes for edge in compiled.model.inputs)
        given = np.random.default_rng(0).integers(-128, 128, size).astype(np.int8).tobytes()
        begin, *rows = profile_operators(compiled, core, binary, given)
    counts, model = [row.instructions for row in rows], compiled.model
    const = binary.const_bytes - compiled.plan["weight_bytes"]
    return Profiled(
        list(zip(works(model.graph, model.schedule), counts, strict=True)),
        begin.instructions,
        binary.code_bytes,
        const,
        sum(row.cycles_estimated or 0 for row in (begin, *rows)),
    )


def fit(networks: list[Profiled]) -> dict[str, Any]:
    """Return the factors that explain the counts best, relative to them, and the bytes of code."""
    rows = [row for network in networks for row in network.steps]
    ops = sorted({work.op for works, _ in rows for work in works})
    columns = [np.concatenate([_terms(works, op) for op in ops]) for works, _ in rows]
    counts = np.array([count for _, count in rows], np.float64)
    weights = 1 / np.maximum(counts, 1000)
    solution = _least_squares(np.array(columns) * weights[:, None], counts * weights, offset=False)[0]
    split = np.split(solution, len(ops))
    return {
        "begin": round(float(np.mean([network.begin for network in networks]))),
        "ops": {op: [float(f"{value:.4g}") for value in part] for op, part in zip(ops, split, strict=True)},
        "code": _bytes(networks, ops, [network.code for network in networks]),
        "const": _bytes(networks, ops, [network.const for network in networks]),
    }


def _bytes(networks: list[Profiled], ops: list[str], sizes: list[int]) -> dict[str, int]:
    """Return how many bytes a network takes at least, and each of its operators."""
    used = [
        [sum(work.op == op for row, _ in network.steps for work in row) for op in ops] for network in networks
    ]
    bytes_of_ops, begin = _least_squares(np.array(used), np.array(sizes), offset=True)
    return {"begin": round(begin), **dict(zip(ops, map(round, bytes_of_ops.tolist()), strict=True))}


def _terms(works: list[Work], op: str) -> NDArray[np.float64]:
    total = np.zeros(len(terms(1, 1, 1, 1, 1)))
    for work in works:
        if work.op == op:
            total += work.terms
    return total


def _least_squares(columns: Any, values: Any, *, offset: bool) -> tuple[NDArray[np.float64], float]:
    model = LinearRegression(positive=True, fit_intercept=offset).fit(columns, values)
    return model.coef_, float(model.intercept_)


def errors(table: dict[str, Any], networks: dict[str, Profiled]) -> dict[str, float]:
    """Return how far the model is off, relative to what each network takes."""
    errors = {}
    for name, network in networks.items():
        told = table["begin"] + sum(work_count(table, work) for row, _ in network.steps for work in row)
        errors[name] = round(told / network.instructions - 1, 4)
    return errors


def cycles_each(networks: dict[str, Profiled]) -> dict[str, float]:
    """Return how many cycles an instruction takes, the mean over networks, where Arm's table is known."""
    each = [network.cycles / network.instructions for network in networks.values()]
    return {"cycles": round(float(np.mean(each)), 2)} if all(each) else {}


def main() -> None:
    """Fit and write the table; what it holds of other targets stays."""
    parser = argparse.ArgumentParser(description=__doc__)
    boards = [name for name, target in TARGETS.items() if target.board]
    parser.add_argument("--target", action="append", choices=boards)
    chosen = parser.parse_args().target or boards
    make_repeatable(0)
    fitted = [tflite for seed in range(FITTED) if _compiles(tflite := int8(random_network(seed)))]
    others = {name: int8(model) for name, model in tried()}
    table = json.loads(TABLE.read_text(encoding="utf-8")) if TABLE.exists() else {}
    for target in chosen:
        terms = fit([profiled(tflite, target) for tflite in fitted])
        known = {name: profiled(tflite, target) for name, tflite in others.items()}
        off = errors(terms, known)
        mean = round(float(np.mean(np.abs(list(off.values())))), 4)
        print(
            target, f"mean {mean:.1%}", *(f"{name} {value:+.1%}" for name, value in off.items()), flush=True
        )
        table[target] = {"error": mean, "errors": off, **cycles_each(known), **terms}
        write_text(
            TABLE, json.dumps({name: table[name] for name in boards if name in table}, indent=1) + "\n"
        )


if __name__ == "__main__":
    main()
