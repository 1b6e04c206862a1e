# SPDX-License-Identifier: Apache-2.0
"""A small float network to a quantization-aware one, with weights of four bits where they do little harm."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from edgecnn.compiler.instructions import Values
from edgecnn.compression.costs import FLASH
from edgecnn.compression.filters import EIGHT_BITS, Goal, Material, scores, weighed
from edgecnn.compression.four_bits import candidates, sensitivities
from edgecnn.compression.qat import calibrated, quantize_aware
from edgecnn.training.fit import FitOptions

# Of all that four bits cost, what the layers cost that get eight in their place, in one try after the other.
_EIGHT_BIT_SHARES = (0, 0.5, 0.9, 1)


@dataclass(frozen=True)
class Quantized:
    """A quantization-aware network.

    Attributes:
        model: it.
        scores: of each validation image.
        history: one row for each epoch.
        post_training: the layers that were quantized after training only.
        eight_bits: those whose weights could have four bits, but lose too much.
    """

    model: Any
    scores: Values
    history: list[dict[str, float]]
    post_training: list[str]
    eight_bits: list[str]


def quantize(
    pruned: Any, teacher: Any, whole: Values, goal: Goal, material: Material, options: FitOptions
) -> Quantized:
    """Return a network with int8 imitated, its weights of four bits where the goal has them.

    Where it loses too much, the layers that lose most by four bits for the bytes that they save get eight,
    more and more of them, as long as the limit of flash holds.

    Args:
        pruned: a float network.
        teacher: the Keras model whose answers are learned.
        whole: the scores of the whole network.
        goal: what to come to.
        material: what to learn from.
        options: how to learn.

    Raises:
        ModelError: a layer can't be quantized.
    """
    if goal.weight_bits == EIGHT_BITS:
        return _learned(pruned, teacher, material, options, (), [])
    best: Quantized | None = None
    for number, (narrow, wide) in enumerate(_choices(pruned, material, options.seed)):
        stage = replace(options, stage=f"{options.stage}-{number}")
        learned = _learned(pruned, teacher, material, stage, narrow, wide)
        if best is not None and not _holds_flash(learned, goal, material, options):
            break
        best = learned
        if goal.lost(whole, learned.scores) <= goal.loss:
            break
    assert best is not None, "the first choice is taken"
    return best


def _choices(pruned: Any, material: Material, seed: int) -> Iterator[tuple[list[str], list[str]]]:
    """Yield which layers have four bits and which eight: first those that lose most for a weight."""
    quantized, _ = calibrated(pruned, material.train, seed)
    layers = candidates(quantized)
    moved = sensitivities(quantized, layers, material.validation.images)
    order = sorted(layers, key=lambda layer: moved[layer.name] / layer.size, reverse=True)
    sums = np.cumsum([0.0, *(moved[layer.name] for layer in order)])
    counts = dict.fromkeys(int(np.searchsorted(sums, share * sums[-1])) for share in _EIGHT_BIT_SHARES)
    for count in counts:
        yield [layer.name for layer in order[count:]], [layer.name for layer in order[:count]]


def _learned(
    pruned: Any,
    teacher: Any,
    material: Material,
    options: FitOptions,
    narrow: Collection[str],
    wide: list[str],
) -> Quantized:
    model, history, left = quantize_aware(
        pruned,
        teacher if material.train.answers is None else None,
        material.train,
        material.validation,
        options,
        material.checkpoint(options.stage),
        material.progress,
        narrow,
    )
    return Quantized(model, scores(model, material.validation), history, left, wide)


def _holds_flash(made: Quantized, goal: Goal, material: Material, options: FitOptions) -> bool:
    if FLASH not in goal.limits:
        return True
    taken = weighed(made.model, [], goal, material, options, quantized=True).footprint
    return bool(taken.vector[FLASH] <= goal.limits[FLASH])
