# SPDX-License-Identifier: Apache-2.0
"""Weights in a file: the same bytes out, an update of the same architecture, and what is refused."""

import re
import struct
import tempfile
import zlib
from dataclasses import replace
from pathlib import Path

import networks
import numpy as np
import pytest
from generated_c import run_numpy
from hypothesis import given, settings
from random_graphs import build as build_random
from random_graphs import networks as random_networks
from tflite_builder import Builder

from edgecnn.compiler.compile import CompiledModel, compile_tflite
from edgecnn.compiler.golden import golden_vectors
from edgecnn.compiler.reading.tflite import parse
from edgecnn.runtime.host_compiler import HostCompiler, execute

pytestmark = pytest.mark.needs_tool("gcc", package="gcc")

TINY = (Path(__file__).parents[2] / "assets" / "tiny_int8.tflite").read_bytes()
MAIN = """\
#include "net.h"
#include <stdio.h>
#include <string.h>

static EDGECNN_NET_ARENA(arena);
static union { uint8_t bytes[1 << 17]; int64_t align[2]; } weights __attribute__((aligned(16)));
static int8_t input[EDGECNN_NET_INPUT_SIZE], output[EDGECNN_NET_OUTPUT_SIZE];

/* Reads the oldest version allowed, the weights' size, an input, and the weights. */
int main(void)
{
    uint32_t oldest, size;
    edgecnn_net_t nn;
    int refused;
    if (fread(&oldest, 4, 1, stdin) != 1 || fread(&size, 4, 1, stdin) != 1 ||
        fread(input, sizeof input, 1, stdin) != 1) {
        return 1;
    }
    size = (uint32_t)fread(weights.bytes, 1, size, stdin);
    refused = edgecnn_net_check_weights(&weights, size, oldest);
    if (refused != 0) {
        printf("%d", refused);
        return 0;
    }
    printf("%u", edgecnn_net_weights_version(&weights));
    if (edgecnn_net_init(&nn, &arena, sizeof arena, &weights, size) != 0) {
        return 2;
    }
    edgecnn_net_run(&nn, input, output);
    for (unsigned i = 0; i < sizeof output; ++i) {
        printf(" %d", output[i]);
    }
    return 0;
}
"""


def external(model: bytes, version: int = 1, **options: object) -> CompiledModel:
    return compile_tflite(model, name="net", weights_version=version, **options)


VERIFY = """\
/* Vouches for all that lies before the word "good" at the end. */
size_t verify(const void *file, size_t size)
{
    return size > 4 && memcmp((const char *)file + size - 4, "good", 4) == 0 ? size - 4 : 0;
}
"""


def build(compiled: CompiledModel, folder: Path, more: str = "", *flags: str) -> Path:
    compiled.write(folder)
    (folder / "main.c").write_text(MAIN + more)
    HostCompiler(sanitize=True, flags=("-O1", *flags)).compile(
        [folder / "main.c", folder / "net.c"], folder / "program", [f"-I{folder}"]
    )
    return folder / "program"


def noise(model: bytes) -> np.ndarray:
    """The first of the inputs that the self-test of a model stores."""
    [given] = golden_vectors(parse(model))[0].inputs
    return given


def run(program: Path, weights: bytes, given: np.ndarray, oldest: int = 0) -> list[int]:
    stdin = struct.pack("<II", oldest, len(weights)) + given.tobytes() + weights
    return [int(word) for word in execute(program, stdin).split()]


@pytest.mark.parametrize(
    ("first", "update", "optimize"),
    [
        (TINY, networks.retrained(TINY), "speed"),
        (networks.small(), networks.small(seed=5), "size"),
        (networks.cainvas(pixels=28), networks.cainvas(pixels=28, seed=1, dead=5), "speed"),
    ],
    ids=["speed", "size", "with channels that became constant"],
)
def test_an_update_makes_the_bytes_of_its_own_model(
    first: bytes, update: bytes, optimize: str, tmp_path: Path
) -> None:
    program = build(external(first, optimize=optimize), tmp_path)
    for version, model in ((1, first), (2, update)):
        weights = external(model, version, optimize=optimize).weights
        given = noise(model)
        [[expected]] = run_numpy(model, [[given]])
        assert run(program, weights, given) == [version, *expected.ravel().tolist()]


def test_a_model_whose_outputs_mean_other_numbers_is_foreign(tmp_path: Path) -> None:
    program = build(external(networks.residual()), tmp_path)
    given = noise(networks.residual())
    assert run(program, external(networks.residual(seed=5)).weights, given) == [-5]


def test_what_is_damaged_truncated_older_or_foreign_is_refused(tmp_path: Path) -> None:
    compiled = external(networks.small(), 7)
    program, weights = build(compiled, tmp_path), compiled.weights
    given = noise(networks.small())
    damaged = bytearray(weights)
    damaged[40] ^= 4
    header = bytearray(weights)
    header[8] ^= 1  # the version
    foreign = bytearray(weights)
    foreign[4:8] = b"none"
    foreign[28:32] = struct.pack("<I", zlib.crc32(foreign[:28] + foreign[32:]))
    other = external(networks.residual()).weights
    for wrong, code in (
        (b"", -2),
        (b"xxxx" + weights[4:], -2),
        (weights[:-1], -3),
        (weights[:32], -3),
        (damaged, -4),
        (header, -4),
        (foreign, -5),
        (other, -5),
    ):
        assert run(program, bytes(wrong), given) == [code]
    assert run(program, weights, given, oldest=8) == [-6]
    assert run(program, weights, given, oldest=7)[0] == 7


def test_only_what_a_function_of_the_callers_vouches_for_is_read(tmp_path: Path) -> None:
    compiled = external(networks.small(), 7)
    program = build(compiled, tmp_path, VERIFY, "-DEDGECNN_NET_VERIFY=verify")
    weights, given = compiled.weights, noise(networks.small())
    assert run(program, weights + b"good", given, oldest=7)[0] == 7
    for wrong, code in (
        (weights, -8),
        (b"", -8),
        (b"no file of weights", -8),
        (weights[:-16] + b"good", -3),  # what is vouched for ends before the file does
        (weights[:-4] + b"goodgood", -4),
        (b"good", -8),
        (b"no file of weights, good", -2),
    ):
        assert run(program, wrong, given) == [code]
    assert run(program, weights + b"good", given, oldest=8) == [-6]


def test_the_abi_is_that_of_the_code() -> None:
    def abi(seed: int = 0, **options: object) -> bytes:
        return external(networks.small(seed), **options).weights[4:8]

    assert abi() == abi(seed=3) == abi(optimize="size")  # the same tables, the same numbers
    assert len({abi(), abi(target="cortex-m4"), abi(labels=("a", "b"))}) == 3


@pytest.mark.parametrize("target", ["c99", "cortex-m4", "cortex-m55", "aarch64"])
def test_a_retrained_classifier_whose_logits_reach_further_fits_the_code(target: str) -> None:
    def abi(scale: float) -> bytes:
        builder = Builder(int(100 * scale))
        source = builder.input((1, 6, 6, 1))
        logits = builder.fully_connected(builder.conv(source, 4), 3)
        builder.tensors[logits] = replace(builder.tensors[logits], scales=(scale,))
        model = builder.build((source,), (builder.unary("SOFTMAX", logits),))
        return external(model, target=target).weights[4:8]

    assert abi(0.05) == abi(0.125) == abi(0.5)


def self_test(model: bytes, folder: Path) -> None:
    """Run the self-test of a model with its weights, which ends with the number of wrong bytes."""
    compiled = external(model)
    compiled.write(folder)
    numbers = ", ".join(map(str, compiled.weights))
    (folder / "main.c").write_text(
        '#include "net_test.h"\n#include <stdint.h>\n'
        f"static const uint8_t weights[] __attribute__((aligned(16))) = {{{numbers}}};\n"
        "int main(void) { return edgecnn_net_test(weights, sizeof weights, NULL); }\n"
    )
    sources = [folder / name for name in ("main.c", "net.c", "net_test.c")]
    compiler = HostCompiler(sanitize=True, flags=("-O1",))
    compiler.compile(sources, folder / "program", [f"-I{folder}"])
    execute(folder / "program")


def test_the_self_test_takes_the_weights(tmp_path: Path) -> None:
    self_test(networks.small(), tmp_path)


@pytest.mark.slow
@settings(max_examples=8)
@given(random_networks.filter(lambda network: network[3] != "uint8"))  # whose weights can't lie apart
def test_random_networks_make_the_same_bytes(network) -> None:  # type: ignore[no-untyped-def]
    with tempfile.TemporaryDirectory() as folder:
        self_test(build_random(network), Path(folder))


def mended(weights: bytes) -> bytes:
    return weights[:28] + struct.pack("<I", zlib.crc32(weights[:28] + weights[32:])) + weights[32:]


def place(compiled: CompiledModel, member: str) -> slice:
    """Where a table, or all numbers, lie in the file, by the struct in the C."""
    at = 32
    for kind, name, count in re.findall(r"^    u?int(\d+)_t (\w+)\[(\d+)\];$", compiled.source, re.MULTILINE):
        size = int(kind) // 8 * int(count)
        if name == member:
            return slice(at, at + size)
        at += size
    raise AssertionError(f"no {member}")


def with_values(compiled: CompiledModel, member: str, value: int, dtype: str, index: int = -1) -> bytes:
    """The file with one value of a table changed, or all of them, and a CRC that is right."""
    weights, where = bytearray(compiled.weights), place(compiled, member)
    values = np.frombuffer(weights[where], dtype).copy()
    values[slice(None) if index < 0 else index] = value
    weights[where] = values.tobytes()
    return mended(bytes(weights))


@pytest.mark.parametrize("target", ["c99", "cortex-m4"])
def test_values_that_no_training_makes_are_refused(target: str, tmp_path: Path) -> None:
    model = networks.cainvas(pixels=28, classes=17)  # of fewer there is no table of exponentials
    compiled = external(model, target=target)
    program, given = build(compiled, tmp_path), noise(model)
    sums, table = ("op1_scale", "op1_shift"), re.search(r"(op\d+_table)", compiled.source)
    assert table
    wrong = [
        with_values(compiled, table[1], 0, "<i4"),  # a softmax of zeros would seek a bit for ever
        with_values(compiled, table[1], -1, "<i4", 200),
        with_values(compiled, sums[1], 127, "i1", 0),
        with_values(compiled, sums[1], -32, "i1", 3),
        with_values(compiled, "numbers", 1 << 20, "<i4", 0),
    ]
    if target == "c99":
        wrong += [
            with_values(compiled, "op1_bias", 2**31 - 1, "<i4", 1),
            with_values(compiled, "op1_bias", -(2**31), "<i4", 1),
            with_values(compiled, "op1_multiplier", -1, "<i4", 1),
        ]
    else:  # what the short way to scale does not take; and it may be left
        wrong.append(with_values(compiled, sums[1], 0, "i1", 3))
        wrong.append(with_values(compiled, sums[0], 1 << 30, "<i4", 2))
    for weights in wrong:
        assert run(program, weights, given) == [-7]
    assert run(program, with_values(compiled, "op1_filter", -128, "i1"), given)[0] == 1


def test_what_no_training_changes_stays_in_the_code() -> None:
    builder = Builder(0)
    source = builder.input((1, 6, 5, 2))
    joined = builder.concat((source, builder.pool(source, "MAX", (1, 1), (1, 1))))
    large = builder.resize(joined, (9, 8))
    compiled = external(builder.build((source,), (large,)))
    for table in ("sizes", "columns"):
        assert re.search(rf"^static const int\d+_t net_op\d_{table}\[", compiled.source, re.MULTILINE)


def test_the_file_is_aligned_and_says_its_size() -> None:
    compiled = external(networks.small(), 3)
    magic, _, version, size, model_id, *_ = struct.unpack_from("<4s7I", compiled.weights)
    assert (magic, version, size) == (b"ECNN", 3, len(compiled.weights))
    assert f"{model_id:08x}" == compiled.model.original.sha256[:8]
    assert size % 16 == 0
