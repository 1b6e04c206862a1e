# SPDX-License-Identifier: Apache-2.0
"""Runs networks that keep variables three ways: TFLite's kernels, the NumPy references, the generated C."""

import numpy as np
from generated_c import random_inputs, run_c

from edgecnn.compiler import reference
from edgecnn.compiler.compile import CompiledModel, compile_tflite
from edgecnn.compiler.passes.integer_edges import integer_edges
from edgecnn.compiler.reading.tflite import parse
from edgecnn.pipeline.verify.oracle import BUILTIN_REF, Oracle, as_bytes

STEPS, RESET = 14, 9


def check_streams(models: list[bytes]) -> list[CompiledModel]:
    """Check oracle = NumPy reference = C over two streams, variables included; return what was compiled."""
    inputs = [random_inputs(model, STEPS, seed) for seed, model in enumerate(models)]
    expected = []
    for model, steps in zip(models, inputs, strict=True):
        oracle, made = Oracle(parse(model), model), []
        for stream in (steps[:RESET], steps[RESET:]):
            session = reference.Session(integer_edges(parse(model)))
            made += oracle.outputs(stream)
            assert oracle.name == BUILTIN_REF
            assert as_bytes([session.run(one) for one in stream]).tolist() == (
                as_bytes(made[-len(stream) :]).tolist()
            )
        expected.append(made)
    compiled = [compile_tflite(model, name=f"net{i}", optimize="size") for i, model in enumerate(models)]
    for got, wanted in zip(run_c(compiled, inputs, RESET), expected, strict=True):
        for step, (ours, theirs) in enumerate(zip(got, wanted, strict=True)):
            np.testing.assert_array_equal(ours, as_bytes([theirs]), f"step {step}")
    return compiled
