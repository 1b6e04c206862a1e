# SPDX-License-Identifier: Apache-2.0
"""How little memory the networks of the five systems need at their own input size, by rows.

    python benchmarks/systems_ram.py      writes results/systems_ram.json and .md

Beside it stands what no plan of whole tensors can go below: the most bytes of activations that are alive at
once when the file's operators run one after the other. Weights are random, which changes none of it. Each
network's C and TFLite's reference kernels answer to one random picture, and every byte is compared;
tests/compiler/test_systems.py does so at small sizes. Needs edgecnn[train], 4 GB and twenty minutes.
"""

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from provenance import RESULTS, provenance

from edgecnn.compiler import compile_tflite
from edgecnn.compiler.ir import Graph
from edgecnn.compiler.reading.tflite import read_model
from edgecnn.files import write_json, write_text
from edgecnn.pipeline.verify import verify
from edgecnn.runtime.isolation import call_isolated

COMMAND = "python benchmarks/systems_ram.py"
SYSTEMS = ("cainvas", "cbam", "inception-transfer", "melanoma-v1", "melanoma-v2", "melanoma-v3", "unet")
GOAL = 4  # times below whole tensors, where there are no skips of a U-Net


def main() -> None:
    """Measure, and write it down as JSON and as a table."""
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in SYSTEMS:
            path = Path(folder) / f"{name}.tflite"
            rows[name] = {"input": call_isolated(export, name, path), **measure(path)}
            print(name, rows[name], file=sys.stderr)
    result = {"command": COMMAND, **provenance(), "goal": GOAL, "systems": rows}
    write_json(RESULTS / "systems_ram.json", result)
    write_text(RESULTS / "systems_ram.md", table(result))


def export(name: str, path: Path) -> list[int]:
    """Write a network for its own input as an int8 .tflite; return the input's shape."""
    from edgecnn.converters.keras_to_tflite import keras_to_int8
    from edgecnn.models import architecture

    network, rng = architecture(name), np.random.default_rng(0)
    model = network.build(network.input_shape, network.classes, 1.0)  # its weights are random from the start
    path.write_bytes(keras_to_int8(model, rng.integers(0, 256, (4, *network.input_shape), np.uint8)))
    return list(network.input_shape)


def measure(path: Path) -> dict[str, Any]:
    """Return operators, bytes, CPU seconds and differing bytes of a model for portable C99."""
    graph, begin = read_model(path), time.process_time()
    plan = compile_tflite(path, name="model").plan
    seconds = time.process_time() - begin
    verified = verify(path, "c99", 1)
    return {
        "operators": len(graph.operators),
        "whole_bytes": whole_bytes(graph),
        "arena_bytes": plan["arena_bytes"],
        "segments": plan["segments"],
        "compile_seconds": round(seconds, 1),
        "oracle": verified.oracle,
        "bytes_compared": verified.bytes_compared,
        "bytes_different": verified.bytes_different,
    }


def whole_bytes(graph: Graph) -> int:
    """Return the most bytes of activations alive at once when operators run one after the other."""
    begun = dict.fromkeys(graph.inputs, 0) | {
        i: n for n, op in enumerate(graph.operators) for i in op.outputs
    }
    read = dict.fromkeys(graph.outputs, len(graph.operators))
    for number, operator in enumerate(graph.operators):
        read |= {i: max(read.get(i, 0), number) for i in operator.inputs if i in begun}
    return max(
        sum(graph.tensors[i].size for i in begun if begun[i] <= number <= read.get(i, begun[i]))
        for number in range(len(graph.operators))
    )


def table(result: dict[str, Any]) -> str:
    """Return the table in Markdown."""
    lines = [
        f"`{result['command']}`, commit {result['commit'][:12]}. Bytes of activations for portable C99, one",
        f"int8 image. Goal: {result['goal']} times below whole tensors, where there are no skips of a U-Net.",
        "Bytes that differ: of the C's output from that of TFLite's reference kernels, for a random picture.",
        "",
        "| network | input | operators | whole tensors | rows | ratio | compiling, CPU s | bytes differ |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, row in result["systems"].items():
        lines.append(
            f"| {name} | {'x'.join(map(str, row['input']))} | {row['operators']} | {row['whole_bytes']:,} "
            f"| {row['arena_bytes']:,} | {row['whole_bytes'] / row['arena_bytes']:.1f} "
            f"| {row['compile_seconds']:.1f} | {row['bytes_different']} of {row['bytes_compared']:,} |"
        )
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
