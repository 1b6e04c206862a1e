# SPDX-License-Identifier: Apache-2.0
"""MIRROR_PAD: what lies inside, mirrored at the edges; a GATHER along each axis that is padded."""

from dataclasses import dataclass

import numpy as np

from edgecnn.compiler import geometry
from edgecnn.compiler.ir import Graph, Operator, Options, Tensor
from edgecnn.compiler.ops import _moving, gather
from edgecnn.errors import ModelError

LITERT_STEPS = None  # a pass has made something else of it
macs = _moving.macs

_MODES = ("reflect", "symmetric")  # NumPy calls them so, too


@dataclass(frozen=True, kw_only=True)
class MirrorPadOptions(Options):
    """Whether the edge itself is not mirrored (0, REFLECT) or is (1, SYMMETRIC)."""

    mode: int


OPTIONS = MirrorPadOptions


def rewrite(graph: Graph, operator: Operator, tensors: list[Tensor]) -> list[Operator]:
    """Return the GATHERs.

    Raises:
        ModelError: the padding is no constant, is longer than what it mirrors, or is of the batch.
    """
    source, mode = graph.input(operator, 0), geometry.options(graph, operator, MirrorPadOptions).mode
    amounts, what = geometry.constant(graph, operator, 1), graph.describe(operator)
    if amounts.dtype.kind != "i" or amounts.shape != (len(source.shape), 2) or mode not in (0, 1):
        raise ModelError(
            f"{what} pads {source.shape} by {amounts.dtype}{amounts.shape}, mode {mode}; two integers for "
            "each dimension, mode 0 or 1 are possible"
        )
    most = [length - (1 - mode) for length in source.shape]
    if amounts.min() < 0 or (amounts.max(axis=1) > most).any():
        raise ModelError(f"{what} pads {source.shape} by {amounts.tolist()}; at most {most} can be mirrored")
    taken = [
        np.pad(np.arange(length), tuple(pair), mode=_MODES[mode])  # type: ignore[call-overload]
        for length, pair in zip(source.shape, amounts.tolist(), strict=True)
    ]
    return gather.along_axes(graph, operator, taken, tensors)
