# SPDX-License-Identifier: Apache-2.0
"""A float .tflite file made one that takes a picture of 0 to 1, by an operator before its first."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgecnn.compiler import ops
from edgecnn.compiler.ir import Graph, Normalization, Operator, Tensor
from edgecnn.compiler.ops import conv_2d, depthwise_conv_2d
from edgecnn.compiler.picture import BYTES, UNIT, in_order, require_channels, require_order
from edgecnn.compiler.reading.metadata import ENTRY
from edgecnn.compiler.reading.tflite import parse
from edgecnn.compiler.writing.tflite import tflite_bytes
from edgecnn.models._input_range import Beginning, Step, Values
from edgecnn.progress import say
from edgecnn.runtime.tflite import Interpreter


def with_unit_image(
    tflite: bytes, source: Path, normalization: Normalization | None, order: str = "RGB"
) -> bytes:
    """Return a file that takes 0 to 1, where it took something else; what was found is told.

    Args:
        tflite: a float32 file of one picture.
        source: what it is called.
        normalization: what a picture is to it; None: its metadata say, or what it does to it first.
        order: of the channels that it took, "RGB" or "BGR"; `normalization` says them as "RGB".

    Raises:
        ModelError: it can't be run, has other channels than `normalization`, or holds what can't be written
            anew.
    """
    graph = parse(tflite)
    stored = graph.normalization and in_order(graph.normalization, order)
    normalization = normalization or stored or _tried(tflite, graph, source)
    image = graph.tensors[graph.inputs[0]]
    require_channels(normalization, image.shape[-1], str(source))
    require_order(order, image.shape[-1], str(source))
    if order == "BGR":
        return tflite_bytes(turned(graph, normalization))
    return tflite if normalization == UNIT else tflite_bytes(scaled(graph, normalization))


def begun_by(graph: Graph, operator: Operator, tensors: tuple[Tensor, ...], first: int) -> Graph:
    """Return a graph with an operator before all others, whose input is the tensor `first`, and new ones.

    Metadata that said something of its input don't hold any more.
    """
    operators = (replace(other, index=other.index + 1) for other in graph.operators)
    return replace(
        graph,
        tensors=(*graph.tensors, *tensors),
        operators=(operator, *operators),
        inputs=(first,),
        metadata=tuple((name, content) for name, content in graph.metadata if name != ENTRY),
        files=(),
        signature=graph.signature
        and replace(graph.signature, inputs=tuple((name, first) for name, _ in graph.signature.inputs)),
    )


def _tried(tflite: bytes, graph: Graph, source: Path) -> Normalization:
    """Return what a network does to tell what it wants; 0 to 1, and say so, where it doesn't."""
    beginning = _beginning(tflite, graph)
    wants_bytes, notes = beginning.told(str(source))
    for note in notes:
        say(note)
    if not notes and beginning.is_silent():
        say(
            f"{source} doesn't tell which range its picture has; it is given 0 to 1: if it learned from "
            "another, say so by --input-range, or --mean and --std"
        )
    return BYTES if wants_bytes else UNIT


def _beginning(tflite: bytes, graph: Graph) -> Beginning:
    interpreter = Interpreter(tflite, graph, "tensorflow", kernels="optimized", keep_all=True)
    image = graph.inputs[0]
    steps = [
        Step(
            f"{operator.op} (operator {operator.index})",
            [number for number in operator.inputs if number >= 0 and graph.tensors[number].data is None],
            list(operator.outputs),
            ops.layout(operator) is None,
        )
        for operator in graph.operators
    ]

    def run(wanted: Sequence[int], images: npt.NDArray[np.float32]) -> list[Values]:
        each = []
        for picture in images:
            interpreter.run([picture[np.newaxis]])
            each.append({image: picture[np.newaxis], **interpreter.tensors(wanted)})
        return [
            np.concatenate([np.atleast_1d(values[number]) for values in each]).astype(np.float64)
            for number in wanted
        ]

    return Beginning(image, graph.tensors[image].shape[1:], steps, run)


def turned(graph: Graph, normalization: Normalization) -> Graph:
    """Return a graph of blue, green, red behind what makes that of a picture: a convolution of one tap."""
    image, first = graph.tensors[graph.inputs[0]], len(graph.tensors)
    mean, deviation = (np.broadcast_to(np.array(values), 3) for values in normalization)
    taps = np.diag(255 / deviation)[::-1].astype(np.float32).reshape(3, 1, 1, 3)
    bias = (-mean / deviation)[::-1].astype(np.float32)
    tensors = (
        replace(image, name=f"{image.name}_unit"),
        Tensor("input_scaling/taps", taps.shape, "float32", data=np.ascontiguousarray(taps)),
        Tensor("input_scaling/bias", bias.shape, "float32", data=np.ascontiguousarray(bias)),
    )
    options = conv_2d.OPTIONS(
        padding="valid", stride_h=1, stride_w=1, dilation_h=1, dilation_w=1, activation="none"
    )
    inputs = (first, first + 1, first + 2)
    return begun_by(graph, Operator(ops.name(conv_2d), 0, inputs, graph.inputs, options), tensors, first)


def scaled(graph: Graph, normalization: Normalization) -> Graph:
    """Return a graph with a depthwise convolution of one tap before it, which the quantizer knows well."""
    image = graph.tensors[graph.inputs[0]]
    channels = image.shape[-1]
    mean, deviation = (np.broadcast_to(np.array(values), channels) for values in normalization)
    taps = (255 / deviation).astype(np.float32).reshape(1, 1, 1, channels)
    first = len(graph.tensors)
    tensors = (
        replace(image, name=f"{image.name}_unit"),
        Tensor("input_scaling/taps", taps.shape, "float32", data=taps),
        Tensor("input_scaling/bias", (channels,), "float32", data=(-mean / deviation).astype(np.float32)),
    )
    options = depthwise_conv_2d.OPTIONS(
        padding="valid", stride_h=1, stride_w=1, dilation_h=1, dilation_w=1, activation="none"
    )
    scaling = Operator(
        ops.name(depthwise_conv_2d), 0, (first, first + 1, first + 2), (graph.inputs[0],), options
    )
    return begun_by(graph, scaling, tensors, first)
