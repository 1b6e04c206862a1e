# SPDX-License-Identifier: Apache-2.0
"""Broken .tflite files end in C or in one error, in bounded time and memory; C that comes of them runs."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from generated_c import random_inputs, run_c

from edgecnn.compiler import compile_tflite, reference, supported_ops
from edgecnn.compiler.passes.integer_edges import integer_edges
from edgecnn.compiler.reading.tflite import parse

pytest.importorskip("ai_edge_litert", reason="needs ai-edge-litert, whose schema can be written, too")
FOLDER = Path(__file__).parent
CORPUS = sorted((FOLDER / "corpus").glob("*.tflite"))
KEPT = 24


def hostile(*arguments: object) -> list[int]:
    """Run hostile.py; return how many files gave C, were refused, and failed."""
    command = [sys.executable, str(FOLDER / "hostile.py"), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:] + done.stdout
    return [int(word) for word in done.stdout.split()[-3:]]


def test_every_op_is_in_the_corpus() -> None:
    graphs = [parse(file.read_bytes()) for file in CORPUS]
    assert set(supported_ops()) - {operator.op for graph in graphs for operator in graph.operators} == set()


def test_the_corpus_ends_in_c_or_in_one_error() -> None:
    compiled, refused, _ = hostile(*CORPUS)
    assert (compiled > 0, compiled + refused) == (True, len(CORPUS))


@pytest.mark.slow
def test_mutations_end_in_c_or_in_one_error(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    count = request.config.getoption("--mutations")
    compiled, refused, _ = hostile("--count", count, "--keep", KEPT, "--out", tmp_path)
    assert (min(compiled, refused) > count // 10, compiled + refused) == (True, count)
    _check_c([file.read_bytes() for file in sorted((tmp_path / "compiled").iterdir())])


def _check_c(models: list[bytes]) -> None:
    """Check that the C of models runs under sanitizers, and makes what the references make."""
    small = []
    for number, model in enumerate(models):
        compiled = compile_tflite(model, name=f"net{number}", optimize="size")
        if compiled.plan["arena_bytes"] < 1 << 20 and compiled.plan["macs"] < 1 << 24:
            small.append((model, compiled))
    assert len(small) > KEPT // 2
    inputs = [random_inputs(model, 2, seed) for seed, (model, _) in enumerate(small)]
    made = run_c([compiled for _, compiled in small], inputs)
    for (model, _), given, got in zip(small, inputs, made, strict=True):
        graph = integer_edges(parse(model))
        for ours, one in zip(got, given, strict=True):
            wanted = b"".join(value.tobytes() for value in reference.run(graph, one))
            np.testing.assert_array_equal(ours, np.frombuffer(wanted, np.int8))
