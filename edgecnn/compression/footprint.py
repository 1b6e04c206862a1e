# SPDX-License-Identifier: Apache-2.0
"""What a network takes on a device, as the compiler plans it, before any toolchain is asked."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from edgecnn.compiler.compile import CompiledModel, compile_tflite
from edgecnn.compiler.inspect import contents
from edgecnn.compiler.instructions import Values, estimate
from edgecnn.compiler.reading.tflite import parse_file
from edgecnn.errors import ModelError

if TYPE_CHECKING:  # it loads TensorFlow, which takes seconds
    from edgecnn.compression.channels import Channels, Numbers


@dataclass(frozen=True)
class Footprint:
    """The figures of a compiled network.

    Attributes:
        macs: multiplications of an inference.
        const_bytes: weights and other constants.
        code_bytes: machine code, estimated.
        arena_bytes: RAM of all tensors.
        instructions: of an inference, estimated.
        error: of that estimate, the mean of relative errors on networks that it was not fitted to; None where
            code and instructions were measured.
    """

    macs: int
    const_bytes: int
    code_bytes: int
    arena_bytes: int
    instructions: int
    error: float | None

    @property
    def vector(self) -> Values:
        """MACs, bytes of flash, instructions and bytes of RAM: `costs.RESOURCES`."""
        flash = self.const_bytes + self.code_bytes
        return np.array([self.macs, flash, self.instructions, self.arena_bytes], np.float64)


def footprint(tflite: bytes, target: str, *, required: bool) -> tuple[Footprint, CompiledModel | None]:
    """Return what an int8 .tflite takes on a target, and the model compiled for it.

    Of one that can't be compiled, only MACs and constants are known, unless more is `required`.

    Raises:
        ModelError: an operator can't be compiled.
        EdgecnnError: nothing is known of the target's instructions.
    """
    try:
        compiled = compile_tflite(tflite, name="network", target=target)
    except ModelError:
        if required:
            raise
        file = contents(parse_file(tflite))
        return Footprint(file["macs"], file["constant_bytes"], 0, 0, 0, 0.0), None
    plan, model = compiled.plan, compiled.model
    told = estimate(model.graph, model.schedule, target)
    const = plan["weight_bytes"] + told.const_bytes
    return Footprint(
        plan["macs"], const, told.code_bytes, plan["arena_bytes"], told.instructions, told.error
    ), compiled


def ram_of(
    compiled: CompiledModel, channels: "Channels", classes: "list[Numbers]"
) -> npt.NDArray[np.float64]:
    """Return how many bytes of RAM a group of each class takes where a network takes the most.

    That is roughly the segment of the schedule whose tensors have the most bytes: the rows of each that are
    kept, at the width that the tensor has. A tensor has the name of the layer that makes it.
    """
    segments: list[list[tuple[int, Numbers]]] = []
    steps = zip(compiled.model.schedule.network.steps, compiled.plan["steps"], strict=True)
    for step, plan in steps:
        if plan["begins_segment"] or not segments:
            segments.append([])
        _, width, count = plan["shape"]
        groups = _groups(compiled.model.graph.tensors[step.output].name, count, channels)
        segments[-1].append((plan["rows_kept"] * width, groups))
    peak = max(segments, key=lambda held: sum(places * len(groups) for places, groups in held))
    ram = np.zeros(len(classes))
    for places, groups in peak:
        taken = np.bincount(groups, minlength=channels.count)
        ram += [places * taken[of].mean() for of in classes]
    return ram


def _groups(name: str, count: int, channels: "Channels") -> "Numbers":
    """Return the groups of a tensor's channels, by the layer whose name is part of its own."""
    for word in re.split("[/;:]", name):
        groups = channels.outputs.get(word)
        if groups is not None and len(groups) == count:
            return groups
    return np.array([], np.int64)
