# SPDX-License-Identifier: Apache-2.0
"""UNIDIRECTIONAL_SEQUENCE_LSTM over int8, with cells of int16; what it keeps goes on in the next inference.

The arithmetic is LstmStepInteger8x8_16 of TensorFlow Lite: gates in 4.12 bits, and gemmlowp's fixed-point
sigmoid and tanh.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import geometry, quant
from edgecnn.compiler.ir import ABSENT, Graph, Operator, Options
from edgecnn.compiler.kernel import INT8, MULTIPLIER, SHIFT, Kernel, Line, Params
from edgecnn.compiler.ops import _gates
from edgecnn.compiler.steps import Step, Window
from edgecnn.errors import ModelError

LSTM = Kernel(
    "unidirectional_sequence_lstm",
    (
        Line.shape("int16_t steps, in, cells"),
        Line.trained(
            "const int8_t *input_weights, *recurrent_weights", "of the gates: input, forget, cell, output"
        ),
        Line.trained("const int32_t *input_bias, *recurrent_bias", "zero points folded in"),
        Line.trained("const int32_t *input_multiplier, *recurrent_multiplier", "of each gate"),
        Line.trained("const int8_t *input_shift, *recurrent_shift"),
        Line.trained("int32_t hidden_multiplier", limits=MULTIPLIER),
        Line.trained("int16_t hidden_shift", limits=SHIFT),
        Line.trained("int16_t hidden_zero_point", limits=INT8),
        Line.trained("int16_t cell_bits", "of integers in a cell", limits=(0, 4)),
        Line.trained("int16_t cell_clip", "0: none", limits=(0, 32767)),
    ),
    over=("int8", "int16"),
)

STATES = (18, 19)  # which inputs are kept: what was put out last, and the cells
MAKES_WHOLE = True
LITERT_STEPS = None  # its state is not what was before
_INPUT, _RECURRENT, _BIAS = range(1, 5), range(5, 9), range(12, 16)  # input, forget, cell, output
_OUTPUT_STATE, _CELL_STATE = STATES
_OTHERS = (*range(9, 12), 16, 17, *range(20, 24))  # peepholes, a projection, layer normalization
_GATE_SCALE = 2.0**-12
_HIDDEN = 4  # of the intermediate tensors: what is put out, before a projection
_MOST_BITS = 4


@dataclass(frozen=True, kw_only=True)
class LstmOptions(Options):
    """What is done to cells, and whether the first dimension is time."""

    activation: str
    cell_clip: float
    time_major: bool


OPTIONS = LstmOptions


@dataclass(frozen=True)
class _Lstm:
    """The numbers of an LSTM: `bias` and scales of the four gates, for inputs and what was put out last."""

    weights: tuple[list[NDArray[Any]], list[NDArray[Any]]]
    bias: tuple[list[quant.Int64s], list[quant.Int64s]]
    scale: tuple[list[tuple[int, int]], list[tuple[int, int]]]
    hidden: tuple[int, int]
    hidden_zero_point: int
    cell_bits: int
    cell_clip: int

    @staticmethod
    def of(graph: Graph, operator: Operator) -> "_Lstm":
        source, state = graph.input(operator, 0), graph.input(operator, _OUTPUT_STATE)
        cell_scale = geometry.quantization_of(graph.input(operator, _CELL_STATE)).scale
        hidden = geometry.quantization_of(graph.tensors[operator.intermediates[_HIDDEN]])
        told = geometry.options(graph, operator, LstmOptions)
        weights, bias, scale = [], [], []
        for tensor, positions in ((source, _INPUT), (state, _RECURRENT)):
            read = geometry.quantization_of(tensor)
            matrices = [geometry.constant(graph, operator, position) for position in positions]
            weights.append(matrices)
            sums = [-read.zero_point * matrix.astype(np.int64).sum(axis=1) for matrix in matrices]
            if positions == _INPUT:
                given = [geometry.constant(graph, operator, position) for position in _BIAS]
                sums = [
                    one + more.astype(np.int64).reshape(-1) for one, more in zip(sums, given, strict=True)
                ]
            bias.append(sums)
            scales = [
                geometry.quantization_of(graph.input(operator, position)).scale for position in positions
            ]
            scale.append(
                [
                    quant.quantize_multiplier(quant.float32_ratio(one, read.scale, output=_GATE_SCALE))
                    for one in scales
                ]
            )
        exponent = quant.power_of_two(cell_scale)
        assert exponent is not None, "check sees to it"
        step = np.float32(2.0**-15)
        effective = float(step / np.float32(hidden.scale) * step)
        clip = min(round(told.cell_clip / cell_scale), quant.limits("int16")[1]) if told.cell_clip > 0 else 0
        return _Lstm(
            (weights[0], weights[1]),
            (bias[0], bias[1]),
            (scale[0], scale[1]),
            quant.quantize_multiplier(effective),
            hidden.zero_point,
            15 + exponent,
            int(clip),
        )


def macs(graph: Graph, operator: Operator) -> int:
    """Return the multiplications by weights: of each step, all gates, inputs and what was put out last."""
    _, steps, size = graph.input(operator, 0).shape[-3:]
    cells = graph.output(operator).shape[-1]
    return steps * 4 * cells * (size + cells)


def check(graph: Graph, operator: Operator) -> None:
    """Check types, shapes, and that there is nothing but four gates."""
    what = graph.describe(operator)
    if any(position < len(operator.inputs) and operator.inputs[position] != ABSENT for position in _OTHERS):
        raise ModelError(f"{what} has peepholes, a projection or layer normalization; none is supported")
    told = geometry.options(graph, operator, LstmOptions)
    if told.activation != "tanh" or told.time_major or len(operator.intermediates) != _HIDDEN + 1:
        raise ModelError(
            f"{what} has activation {told.activation}, time_major {told.time_major} and "
            f"{len(operator.intermediates)} intermediate tensors; tanh, False and {_HIDDEN + 1} are supported"
        )
    source, made = graph.input(operator, 0), graph.output(operator)
    state, cells = (graph.input(operator, position) for position in STATES)
    geometry.check_types(graph, operator, (source, made, state), ("int8",))
    exponent = quant.power_of_two(geometry.quantization_of(cells).scale)
    if cells.dtype != "int16" or exponent is None or not 0 <= 15 + exponent <= _MOST_BITS:
        raise ModelError(
            f"{what} has cells of {cells}; int16 with a scale of 2**-15 to 2**-{15 - _MOST_BITS} is "
            "supported: convert the model with ranges of the cell state within 16"
        )
    _check_shapes(graph, operator)


def _check_shapes(graph: Graph, operator: Operator) -> None:
    shape, made = graph.input(operator, 0).shape, graph.output(operator).shape
    if len(shape) != 3 or shape[0] != 1:
        raise ModelError(f"{graph.describe(operator)} has input {shape}; (1, steps, values) is supported")
    geometry.check_shape(graph, operator, (*shape[:2], made[-1]))
    expected = {
        **dict.fromkeys(_INPUT, (made[-1], shape[2])),
        **dict.fromkeys(_RECURRENT, (made[-1], made[-1])),
        **dict.fromkeys(_BIAS, (made[-1],)),
        **dict.fromkeys(STATES, (1, made[-1])),
    }
    for position, needed in expected.items():
        tensor = graph.input(operator, position)
        if tensor.shape != needed or (position not in STATES and tensor.data is None):
            raise ModelError(
                f"{graph.describe(operator)} has input {position} {tensor}; a constant {needed} is "
                "supported, as four gates have it"
            )


def needs(graph: Graph, operator: Operator, height: int, width: int) -> tuple[int, int]:
    """Return the rows and columns of the input: all of them."""
    return graph.input(operator, 0).shape[-3], graph.input(operator, 0).shape[-2]


def reference(
    graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Compute the output and both states as TFLite's reference kernel does."""
    lstm = _Lstm.of(graph, operator)
    values, state, cell = (value.reshape(-1, value.shape[-1]).astype(np.int64) for value in inputs)
    made = []
    for read in np.clip(_scaled(lstm, 0, values), *quant.limits("int16")):
        state, cell = _step(lstm, read, state, cell)
        made.append(state[0])
    shapes = [graph.tensors[i].shape for i in operator.outputs]
    results = (np.array(made, np.int8), state.astype(np.int8), cell.astype(np.int16))
    whole, last, kept = results
    return whole.reshape(shapes[0]), last.reshape(shapes[1]), kept.reshape(shapes[2])


def _scaled(lstm: _Lstm, side: int, values: quant.Int64s) -> quant.Int64s:
    """Return what inputs (side 0) or what was put out last add to the gates, (steps, 4, cells)."""
    weights = np.concatenate(lstm.weights[side]).astype(np.int64)
    sums = values @ weights.T + np.concatenate(lstm.bias[side])
    scales = np.array(lstm.scale[side]).repeat(lstm.bias[side][0].size, axis=0)
    return quant.requantize(sums, scales[:, 0], scales[:, 1]).reshape(values.shape[0], 4, -1)


def _step(
    lstm: _Lstm, read: quant.Int64s, state: quant.Int64s, cell: quant.Int64s
) -> tuple[quant.Int64s, quant.Int64s]:
    """Return what is put out and the cells, (1, cells) each, given what the inputs add to the gates."""
    total = np.clip(read + _scaled(lstm, 1, state)[0], *quant.limits("int16"))
    new, forget, out = _gates.logistic(total[[0, 1, 3]])
    kept = quant.divide_by_power_of_two(forget * cell, 15)
    new = quant.divide_by_power_of_two(new * _gates.tanh(total[2], 3), 15 + lstm.cell_bits)
    cell = np.clip(kept + new, *quant.limits("int16"))
    if lstm.cell_clip:
        cell = np.clip(cell, -lstm.cell_clip, lstm.cell_clip)
    hidden = quant.requantize(out * _gates.tanh(cell, lstm.cell_bits), *lstm.hidden)
    return np.clip(hidden + lstm.hidden_zero_point, *quant.limits("int8")), cell


def lower(graph: Graph, operator: Operator) -> tuple[Step, ...]:
    """Return one step that makes all steps of the sequence, and both states, in one firing."""
    lstm = _Lstm.of(graph, operator)
    _, _, steps, cells = graph.output(operator).shape
    (multiplier, shift), sides = lstm.hidden, ("input", "recurrent")
    params: dict[str, Any] = {
        "steps": steps,
        "in": graph.input(operator, 0).shape[3],
        "cells": cells,
        "hidden_multiplier": multiplier,
        "hidden_shift": shift,
        "hidden_zero_point": lstm.hidden_zero_point,
        "cell_bits": lstm.cell_bits,
        "cell_clip": lstm.cell_clip,
    }
    for side, weights, bias, scale in zip(sides, lstm.weights, lstm.bias, lstm.scale, strict=True):
        params[f"{side}_weights"] = np.concatenate([matrix.ravel() for matrix in weights])
        params[f"{side}_bias"] = np.concatenate(bias).astype(np.int32)
        params[f"{side}_multiplier"] = np.array([one for one, _ in scale], np.int32)
        params[f"{side}_shift"] = np.array([one for _, one in scale], np.int8)
    checked: Params = params
    inputs = (operator.inputs[0], *(operator.inputs[position] for position in STATES))
    return (
        Step(
            operator,
            LSTM,
            inputs,
            operator.outputs[0],
            (Window(1, 1),) * 3,
            1,
            checked,
            working=4 * 2 * cells,
            macs=steps * 4 * cells * (graph.input(operator, 0).shape[3] + cells),
            arguments=("others", "working"),
        ),
    )
