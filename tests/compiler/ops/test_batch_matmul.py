# SPDX-License-Identifier: Apache-2.0
"""BATCH_MATMUL: TFLite's kernel = NumPy reference = C, over both ways to turn operands, and constants."""

from itertools import product
from pathlib import Path

import pytest
from generated_c import check
from tflite_builder import Builder

from edgecnn.compiler import compile_tflite
from edgecnn.compiler.ops.batch_matmul import unlike_reference
from edgecnn.compiler.reading.tflite import parse
from edgecnn.errors import ModelError
from edgecnn.pipeline.verify import verify

Shape = tuple[int, ...]
CASES: list[tuple[Shape, Shape]] = [  # of the operands, before either is turned
    ((5, 7), (7, 3)),
    ((1, 5, 7), (1, 7, 3)),
    ((1, 4, 5, 7), (1, 4, 7, 3)),
    ((1, 4, 5, 7), (1, 1, 7, 3)),
    ((1, 1, 5, 7), (1, 4, 7, 3)),
    ((1, 4, 1, 9), (1, 4, 9, 1)),
]


def turned(shape: Shape, turn: bool) -> Shape:
    return (*shape[:-2], shape[-1], shape[-2]) if turn else shape


def network(first: Shape, second: Shape, adj_x: bool, adj_y: bool, constant: int | None = None) -> bytes:
    """A model of one product; `constant` is which operand is one."""
    builder = Builder(sum(first) + sum(second) + 2 * adj_x + adj_y)
    pair = [
        builder.constant(shape) if position == constant else builder.input(shape, 0.02, -11 + 30 * position)
        for position, shape in enumerate((turned(first, adj_x), turned(second, adj_y)))
    ]
    given = tuple(number for number in pair if builder.tensors[number].data is None)
    return builder.build(given, (builder.batch_matmul(*pair, adj_x=adj_x, adj_y=adj_y),))


@pytest.mark.parametrize("constant", [None, 0, 1])
def test_equal_to_the_oracle(constant: int | None) -> None:
    turns = list(product((False, True), repeat=2))
    models = [network(*shapes, *turns[i % 4], constant) for i, shapes in enumerate(2 * CASES)]
    models += [network(*CASES[2], *turn, constant) for turn in turns]
    check([model for model in models if not _astray(model)])


def _astray(model: bytes) -> str:
    graph = parse(model)
    return unlike_reference(graph, graph.operators[0])


def test_where_the_oracle_goes_astray_another_is_followed(tmp_path: Path) -> None:
    path = tmp_path / "net.tflite"
    path.write_bytes(network((1, 4, 5, 7), (1, 1, 7, 3), adj_x=True, adj_y=False))
    verified = verify(path, "c99", 3)
    assert "goes astray where one matrix serves several" in verified.oracles[0].why
    assert verified.operators_different == {}
    assert verified.bytes_different == 0


def test_matrices_of_three_dimensions() -> None:
    """As PyTorch's bmm has them, whose heads come of a map by reshaping."""
    builder = Builder(5)
    source = builder.input((1, 4, 5, 6), 0.02, 9)
    pair = builder.reshape(source, (4, 5, 6)), builder.reshape(builder.conv(source, 6, (1, 1)), (4, 5, 6))
    scores = builder.batch_matmul(*pair, adj_y=True)
    made = builder.batch_matmul(scores, builder.constant((4, 5, 3)))
    check([builder.build((source,), (builder.reshape(made, (1, 4, 5, 3)),))])


def symmetric(adj_y: bool) -> bytes:
    """A model of a product by a constant matrix of zero point 0, which becomes a dense layer."""
    builder = Builder(3)
    source = builder.input((1, 2, 5, 7), 0.02, 9)
    weights = builder.constant((4, 7) if adj_y else (7, 4))
    builder.tensors[weights].zero_points = (0,)
    return builder.build((source,), (builder.batch_matmul(source, weights, adj_y=adj_y),))


def test_weights_get_the_kernels_of_a_dense_layer() -> None:
    compiled = check([symmetric(False), symmetric(True)])
    assert [step["kernel"] for model in compiled for step in model.plan["steps"][1:]] == ["conv_2d"] * 2


def test_rows_of_a_batch_flow() -> None:
    """Of operands of several rows each is multiplied when it is there."""
    builder = Builder(1)
    source = builder.input((1, 8, 5, 4))
    first, second = (builder.conv(source, 6, (1, 1)) for _ in range(2))
    model = builder.build((source,), (builder.batch_matmul(first, second, adj_y=True),))
    [compiled] = check([model])
    assert [step["rows_kept"] for step in compiled.plan["steps"]] == [1, 1, 1, 8]


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (
            (1, 4, 5, 7),
            (1, 4, 6, 3),
            "multiplies .5, 7. by .6, 3.; the columns of the first must be the rows",
        ),
        ((1, 4, 5, 7), (1, 3, 7, 3), "equal batches needed"),
    ],
)
def test_what_does_not_fit_is_refused(first: Shape, second: Shape, message: str) -> None:
    builder = Builder(0)
    pair = builder.input(first), builder.input(second)
    output = builder.activation((*first[:-1], second[-1]), 0.1, 0)
    builder.operator("BATCH_MATMUL", pair, output, adj_x=False, adj_y=False)
    with pytest.raises(ModelError, match=message):
        compile_tflite(builder.build(pair, (output,)), name="net")
