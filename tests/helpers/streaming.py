# SPDX-License-Identifier: Apache-2.0
"""Networks that keep variables, as streaming ones are converted: tflite_builder.py with what they need."""

from typing import Any

import numpy as np
import numpy.typing as npt
from tflite_builder import Builder


class Streaming(Builder):
    """A network under construction whose variables CALL_ONCE sets, by a second subgraph."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.first = Builder(self.seed, dtype=self.dtype)
        self.more.append((self.first, (), ()))
        self.handles: dict[str, int] = {}
        self.operators.append(("CALL_ONCE", (), (), {"init_subgraph_index": 1}))

    def variable(
        self, name: str, like: int, shape: tuple[int, ...], data: npt.NDArray[Any] | None = None
    ) -> int:
        """Return what is read of a variable that has the scale of a tensor, and at first zeros or `data`."""
        source = self.tensors[like]
        if data is None:
            data = np.full(shape, source.zero_points[0], source.dtype)
        self.handles[name] = _handle(self, name)
        made = self.first.tensor(shape, source.dtype, source.scales, source.zero_points, 0, data)
        self.first.operators.append(("ASSIGN_VARIABLE", (_handle(self.first, name), made), (), {}))
        return self.read(name, like, shape)

    def read(self, name: str, like: int, shape: tuple[int, ...]) -> int:
        """Return what is read of a variable that is there."""
        return self.operator("READ_VARIABLE", (self.handles[name],), self.like(like, shape))

    def assign(self, name: str, value: int) -> None:
        self.operators.append(("ASSIGN_VARIABLE", (self.handles[name], value), (), {}))

    def rows(self, source: int, first: int, count: int) -> int:
        """Return some rows of a map."""
        shape = self.tensors[source].shape
        begin, end = (0, first, *(0 for _ in shape[2:])), (shape[0], first + count, *shape[2:])
        inputs = (source, self.integers(begin), self.integers(end), self.integers((1,) * len(shape)))
        masks = dict.fromkeys(
            ("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask"), 0
        )
        return self.move("STRIDED_SLICE", inputs, (shape[0], count, *shape[2:]), **masks)

    def window(
        self,
        name: str,
        new: int,
        rows: int,
        in_front: bool = False,
        cut_first: bool = False,
        data: npt.NDArray[Any] | None = None,
    ) -> int:
        """Return rows of the last inferences with new ones behind them, or in front.

        A variable keeps `rows` rows; where it is `cut_first`, it is the window itself, of so many rows.
        """
        shape = self.tensors[new].shape
        old = self.variable(name, new, (shape[0], rows, *shape[2:]), data)
        if cut_first:
            old = self.rows(old, 0 if in_front else shape[1], rows - shape[1])
        joined = self.concat((new, old) if in_front else (old, new), axis=1)
        kept = joined if cut_first else self.rows(joined, 0 if in_front else shape[1], rows)
        self.assign(name, kept)
        return joined


def lstm(
    builder: Builder,
    source: int,
    cells: int,
    cell_bits: int = 4,
    cell_clip: float = 0.0,
    zero_point: int = 10,
) -> int:
    """Return what an LSTM makes of (1, steps, values), in the scale of numbers within 1."""
    _, steps, size = builder.tensors[source].shape
    scale = 1 / 128 * float(builder.rng.uniform(0.8, 1.1))
    shapes = [(cells, size)] * 4 + [(cells, cells)] * 4
    weights = [
        builder.tensor(
            shape,
            "int8",
            float(builder.rng.uniform(0.004, 0.02)),
            data=builder.rng.integers(-127, 128, shape, np.int8),
        )
        for shape in shapes
    ]
    bias = []
    for matrix in weights[:4]:
        fine = builder.tensors[source].scales[0] * builder.tensors[matrix].scales[0]
        values = builder.rng.normal(0, 1 / fine, cells).astype(np.int32)
        bias.append(builder.tensor((cells,), "int32", fine, data=values))
    kept = (
        builder.tensor((1, cells), "int8", scale, zero_point),
        builder.tensor((1, cells), "int16", 2.0 ** (cell_bits - 15)),
    )
    for tensor in kept:
        builder.tensors[tensor].state = True
    between = [builder.tensor((0,), "float32") for _ in range(4)]
    between.append(builder.tensor((0,), "int8", scale, zero_point))
    inputs = (source, *weights, -1, -1, -1, *bias, -1, -1, *kept, -1, -1, -1, -1)
    options = {"fused_activation_function": 4, "cell_clip": cell_clip, "proj_clip": 0.0, "time_major": False}
    options |= {"asymmetric_quantize_inputs": False, "diagonal_recurrent_tensors": False}
    made = builder.tensor((1, steps, cells), "int8", scale, zero_point)
    return builder.operator(
        "UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, made, intermediates=tuple(between), **options
    )


def mixed(builder: Streaming) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """A small network as wake words have it: windows on either side, split channels, several strides."""
    source = builder.input((1, 3, 8), 0.02, -3)
    at = builder.window("first", builder.reshape(source, (1, 3, 1, 8)), 2)
    at = builder.conv(at, 12, (5, 1), stride=(3, 1), activation=1)
    at = builder.conv(builder.window("in front", at, 6, in_front=True), 1, (7, 1), depthwise=True)
    at = builder.conv(at, 8, (1, 1))
    begun = builder.rng.integers(-5, 5, (1, 5, 1, 8)).astype(builder.dtype)
    at = builder.window("cut first", at, 5, cut_first=True, data=begun)
    one, other = builder.split(at, (4, 4), 3, equal=False)
    one = builder.conv(one, 1, (5, 1), depthwise=True)
    other = builder.conv(builder.rows(other, 2, 3), 1, (3, 1), depthwise=True)
    at = builder.concat((one, builder.rescaled(other, one)))
    at = builder.window("both", at, 3, in_front=True, cut_first=True)
    return (source,), (builder.fully_connected(builder.flatten(at), 3),)


def _handle(builder: Builder, name: str) -> int:
    handle = builder.tensor((), "resource")
    builder.operators.append(("VAR_HANDLE", (), handle, {"container": b"", "shared_name": name.encode()}))
    return handle
