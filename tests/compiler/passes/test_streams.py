# SPDX-License-Identifier: Apache-2.0
"""Networks that keep variables: what the C makes, and what they become, equals the oracle's at each step."""

from collections.abc import Callable

import numpy as np
import pytest
from stream_cases import check_streams
from streaming import Streaming, mixed
from tflite_builder import SAME

from edgecnn.compiler import reference
from edgecnn.compiler.compile import compile_tflite
from edgecnn.compiler.golden import golden_vectors
from edgecnn.compiler.ir import Ring
from edgecnn.compiler.passes.integer_edges import integer_edges
from edgecnn.compiler.reading.tflite import parse
from edgecnn.errors import ModelError

Make = Callable[[Streaming], tuple[tuple[int, ...], tuple[int, ...]]]


def built(make: Make, dtype: str = "int8") -> bytes:
    builder = Streaming(dtype=dtype)
    return builder.build(*make(builder))


def several_rows(builder: Streaming) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """A map of which four lines are new, pushed line by line; more rows than are kept; padding."""
    source = builder.input((1, 4, 5, 3), 0.02, -3)
    at = builder.window("lines", source, 2)
    at = builder.conv(at, 4, (3, 3), padding=SAME)
    at = builder.window("more", at, 7, cut_first=True)
    at = builder.conv(at, 4, (3, 3), stride=(2, 2), padding=SAME)
    return (source,), (builder.pool(at, "MAX", (2, 2), (2, 2)),)


def sums(builder: Streaming) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Variables that are no window: a running sum, which is an output as well."""
    source = builder.input((1, 4, 3, 2), 0.02, -3)
    kept = builder.variable("sum", source, (1, 4, 3, 2))
    at = builder.rescaled(builder.add(source, kept), source)
    builder.assign("sum", at)
    return (source,), (at,)


def delays(builder: Streaming) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Variables that take others' values, and an input; read again once assigned, and put out."""
    source = builder.input((1, 4, 3, 2), 0.02, -3)
    one = builder.variable("one", source, (1, 4, 3, 2))
    two = builder.variable("two", source, (1, 4, 3, 2))
    builder.assign("two", one)
    builder.assign("one", source)
    again = builder.read("two", source, (1, 4, 3, 2))
    kept = builder.variable("kept", source, (1, 4, 3, 2), np.full((1, 4, 3, 2), 7, builder.dtype))
    return (source,), (builder.concat((source, two, again, kept)), one)


def shared(builder: Streaming) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """A window that others read as well, so that it can't be the ring itself."""
    source = builder.input((1, 2, 1, 4), 0.02, -3)
    kept = builder.variable("rows", source, (1, 3, 1, 4))
    joined = builder.concat((kept, source), axis=1)
    last = builder.rows(joined, 2, 3)
    builder.assign("rows", last)
    return (source,), (builder.conv(last, 3, (2, 1)), builder.conv(kept, 2, (3, 1)), joined)


def floats(builder: Streaming) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """A variable that is float between two inferences, and has the initial values 0.02, 0.04 and so on."""
    source = builder.input((1, 2, 1, 4), 0.02, -3)
    shape = (1, 3, 1, 4)
    real = builder.tensor(shape, "float32")
    begun = np.arange(12, dtype=np.float32).reshape(shape) / 50
    kept = builder.rescaled(builder.variable("rows", real, shape, begun), source)
    joined = builder.concat((kept, source), axis=1)
    builder.assign("rows", builder.dequantize(builder.rows(joined, 2, 3)))
    return (source,), (builder.conv(joined, 3, (5, 1)),)


ALL: list[Make] = [mixed, several_rows, sums, delays, shared]


@pytest.mark.parametrize("dtype", ["int8", "int16"])
def test_streams_equal_the_oracle(dtype: str) -> None:
    compiled = check_streams([built(make, dtype) for make in ALL])
    rings = {kept.variable.name: kept.ring for model in compiled for kept in model.model.variables.kept}
    assert rings["first"] == Ring(5, 3, 0, 0), "two rows that stay and three that are new"
    assert rings["in front"] == Ring(7, 6, 1, 0)
    assert rings["cut first"] == Ring(5, 1, 4, 0), "of as many slots as the variable has rows"
    assert rings["both"] == Ring(3, 2, 1, 0)
    assert rings["sum"] == Ring(8, 4, 0, 4), "two places, which take turns"


def test_uint8_streams() -> None:
    def make(builder: Streaming) -> tuple[tuple[int, ...], tuple[int, ...]]:
        source = builder.input((1, 1, 1, 4))
        at = builder.window("rows", source, 2)
        return (source,), (builder.conv(at, 3, (3, 1)),)

    check_streams([built(make, "uint8")])


def test_what_a_slice_of_a_ring_takes_is_read_there() -> None:
    compiled = compile_tflite(built(mixed), name="net")
    assert "SLICE" not in [step["op"] for step in compiled.plan["steps"]]
    assert compiled.plan["variables_bytes"] == 4 * 2 + 5 * 8 + 7 * 12 + 5 * 8 + 3 * 8


def test_golden_vectors_follow_each_other() -> None:
    vectors = golden_vectors(parse(built(sums)))
    assert len(vectors) == 16
    assert len({vector.outputs[0].tobytes() for vector in vectors}) > 8
    session = reference.Session(integer_edges(parse(built(sums))))
    for vector in vectors:
        np.testing.assert_array_equal(session.run(vector.inputs)[0], vector.outputs[0])


def test_variables_that_are_floats_between_inferences() -> None:
    [compiled] = check_streams([built(floats)])
    assert compiled.model.variables.kept[0].ring == Ring(5, 2, 0, 0)


def refused(make: Make, dtype: str = "int8") -> str:
    with pytest.raises(ModelError) as refusal:
        compile_tflite(built(make, dtype), name="net")
    return str(refusal.value)


def test_variables_that_cannot_be_kept_are_refused() -> None:
    def unset(builder: Streaming) -> tuple[tuple[int, ...], tuple[int, ...]]:
        ends = sums(builder)
        del builder.first.operators[-1]
        return ends

    def computed(builder: Streaming) -> tuple[tuple[int, ...], tuple[int, ...]]:
        ends = sums(builder)
        builder.first.operators.append(("ABS", (1,), builder.first.like(1, (1, 4, 3, 2)), {}))
        return ends

    def constant(builder: Streaming) -> tuple[tuple[int, ...], tuple[int, ...]]:
        ends = sums(builder)
        builder.assign("sum", builder.constant((1, 4, 3, 2)))
        return ends

    def late(builder: Streaming) -> tuple[tuple[int, ...], tuple[int, ...]]:
        ends = sums(builder)
        builder.operators.append(builder.operators.pop(0))
        return ends

    def reshaped(builder: Streaming) -> tuple[tuple[int, ...], tuple[int, ...]]:
        ends = sums(builder)
        builder.assign("sum", builder.reshape(ends[1][0], (1, 3, 4, 2)))
        return ends

    def scaled(builder: Streaming) -> tuple[tuple[int, ...], tuple[int, ...]]:
        ends = floats(builder)
        other = builder.rescaled(ends[0][0], builder.tensor((1,), "int8", 0.5))
        twice = builder.rows(builder.concat((other, other), axis=1), 1, 3)
        builder.assign("rows", builder.dequantize(twice))
        return ends

    assert refused(unset) == (
        'READ_VARIABLE "tensor2" (operator 2) reads variable "sum", which has no value before the first '
        "inference; one that CALL_ONCE assigns is needed"
    )
    assert refused(computed).startswith("CALL_ONCE (operator 0) sets variables by ABS; constants are")
    assert refused(constant).startswith('ASSIGN_VARIABLE (operator 6) sets variable "sum" to a constant')
    assert refused(late).startswith("CALL_ONCE (operator 5) comes behind ASSIGN_VARIABLE (operator 4)")
    assert refused(reshaped).startswith(
        'ASSIGN_VARIABLE (operator 7) has variable "sum" as int8[1,3,4,2] 0.0199999996*(q+3), and'
    )
    assert refused(scaled).startswith('variable "rows" is float32, read as int8[1,3,1,4] 0.0199999996*(q+3)')


def test_weights_apart_are_refused() -> None:
    with pytest.raises(ModelError, match=r'variable "sum" .* its C can\'t have its weights apart'):
        compile_tflite(built(sums), name="net", weights_version=1)
