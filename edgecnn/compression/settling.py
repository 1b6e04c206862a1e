# SPDX-License-Identifier: Apache-2.0
"""From a whole network to a small int8 one: rounds, then learning on, then quantization, within the loss."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from edgecnn.compression.channels import find_channels
from edgecnn.compression.costs import FLASH, INSTRUCTIONS, MACS, RAM
from edgecnn.compression.filters import Goal, Material, Round, remove_filters, scores, weighed
from edgecnn.compression.quantization import Quantized, quantize
from edgecnn.training.fit import FitOptions

_UNITS = {
    MACS: "{:,.0f} MACs",
    FLASH: "{:,.0f} bytes of flash",
    INSTRUCTIONS: "{:,.0f} instructions",
    RAM: "{:,.0f} bytes of RAM",
}
_NEXT_TO_LIMIT = 0.9  # of a limit: it binds
_AGAIN = 2  # times at most that a network is quantized because the one before took too much
_SHOWN = 8  # layers


@dataclass(frozen=True)
class Shrunk:
    """What a network became.

    Attributes:
        goal: what it was to come to.
        rounds: the whole network, and those that it became one after the other.
        number: of the round that was taken.
        pruned: the float model.
        reached: the quantization-aware one, and what it takes.
        loss: of the validation score, 0..1, after quantization.
        history: one row for each epoch before quantization.
        quantized: how that was made.
    """

    goal: Goal
    rounds: Sequence[Round]
    number: int
    pruned: Any
    reached: Round
    loss: float
    history: list[dict[str, float]]
    quantized: Quantized


def shrink_and_quantize(
    model: Any, goal: Goal, material: Material, options: FitOptions, settling: FitOptions, qat: FitOptions
) -> Shrunk:
    """Remove filters of a network, and return the smallest that loses no more than it may as int8.

    Where that takes more than it may once it is quantized, more filters go.

    Args:
        model: a flat Keras 2 model, the teacher.
        goal: what to come to.
        material: what to learn from.
        options: how to learn in each round.
        settling: how to learn when no more filters go.
        qat: how to learn with int8 imitated.

    Raises:
        ModelError: none of the network's filters can go, or a layer can't be quantized or compiled.
    """
    rounds = remove_filters(model, goal, material, options)
    shrunk, most = _settled(rounds, goal, material, settling, qat), goal.most(rounds[0].footprint)
    for _ in range(_AGAIN):
        if shrunk.number + 1 < len(rounds) or shrunk.reached.within(most):
            break
        nearer = goal.below(most, shrunk.reached.footprint.vector)
        further = remove_filters(model, nearer, material, options, rounds)
        if len(further) == len(rounds):
            break
        rounds, shrunk = further, _settled(further, goal, material, settling, qat)
    return shrunk


def _settled(
    rounds: Sequence[Round], goal: Goal, material: Material, settling: FitOptions, qat: FitOptions
) -> Shrunk:
    """Let the last of the rounds learn on, and quantize it; where it loses too much, the one before."""
    model = rounds[0].model
    for number in range(len(rounds) - 1, -1, -1):
        pruned, settled = rounds[number].model, []
        if number:
            settled = material.teach(pruned, model, replace(settling, stage=f"{settling.stage}{number}"))
            if goal.lost(rounds[0].scores, scores(pruned, material.validation)) > goal.loss:
                continue
        stage = replace(qat, stage=f"{qat.stage}{number}")
        quantized = quantize(pruned, model, rounds[0].scores, goal, material, stage)
        reached = replace(rounds[number], model=quantized.model, scores=quantized.scores)
        if not number or goal.lost(rounds[0].scores, reached.scores) <= goal.loss:
            break
    if goal.limits:
        reached = weighed(quantized.model, [], goal, material, qat, quantized=True).measured(material)
    before = [row for one in rounds[1 : number + 1] for row in one.history] + settled
    history = [{**row, "epoch": epoch} for epoch, row in enumerate(before, 1)]
    loss = float((rounds[0].scores - reached.scores).mean())
    return Shrunk(goal, rounds, number, pruned, reached, loss, history, quantized)


def told(shrunk: Shrunk) -> Iterator[str]:
    """Yield what was reached, in sentences: filters, costs, what binds, and what could not be cut."""
    goal, reached = shrunk.goal, shrunk.reached
    yield f"{_widths(shrunk)}; validation loses {100 * shrunk.loss:.2f} points"
    if not (shrunk.number or goal.limited):
        count = len(shrunk.rounds[0].scores)
        yield (
            f"{count:,} validation images can't show that a smaller network loses less than "
            f"{100 * goal.loss:g} points; give more of them, a higher --max-loss, or a limit"
        )
    if wide := shrunk.quantized.eight_bits:
        yield f"weights of 8 bits, as 4 lose too much: {', '.join(wide[:_SHOWN])}{_more(len(wide))}"
    yield f"on {goal.target}: {_costs(reached, goal)}"
    if goal.limited:
        yield _limits(shrunk, goal, reached)
    if whole := find_channels(shrunk.rounds[0].model).kept_whole:
        names = ", ".join(f'"{name}" ({reason})' for name, reason in list(whole.items())[:_SHOWN])
        yield f"layers that keep all of their channels: {names}{_more(len(whole))}"


def _widths(shrunk: Shrunk) -> str:
    """Return how many channels each layer had, and has, that chooses them: a normalization does not."""
    before, after = (
        {
            layer.name: layer.output_shape[-1]
            for layer in model.layers
            if getattr(layer, "filters", None) or getattr(layer, "units", None)
        }
        for model in (shrunk.rounds[0].model, shrunk.pruned)
    )
    changed = [f"{name} {before[name]} to {count}" for name, count in after.items() if before[name] != count]
    if not changed:
        return "no filters went"
    return f"channels: {', '.join(changed[:_SHOWN])}{_more(len(changed))}"


def _more(count: int) -> str:
    return f" and {count - _SHOWN} more layers" if count > _SHOWN else ""


def _costs(reached: Round, goal: Goal) -> str:
    shown = (FLASH, RAM, INSTRUCTIONS, MACS) if reached.compiled is not None else (MACS,)
    figures = ", ".join(_UNITS[resource].format(reached.footprint.vector[resource]) for resource in shown)
    if reached.compiled is None:
        return figures
    if reached.footprint.error is None:
        return f"{figures}; instructions and flash are measured"
    off = f"{reached.footprint.error:.0%} off on average"
    return f"{figures}; instructions, and what of flash is code, are estimates ({off})"


def _limits(shrunk: Shrunk, goal: Goal, reached: Round) -> str:
    """Return which limits bind, or that they can't all be met."""
    most = goal.most(shrunk.rounds[0].footprint)
    used = reached.footprint.vector / most
    binding = [
        _UNITS[resource].format(most[resource]) for resource in _UNITS if used[resource] > _NEXT_TO_LIMIT
    ]
    if (used <= 1).all():
        return f"within all limits; what binds: {', '.join(binding) or 'nothing'}"
    missed = ", ".join(_UNITS[resource].format(most[resource]) for resource in _UNITS if used[resource] > 1)
    why = "by filters"
    if shrunk.number + 1 < len(shrunk.rounds):
        image = 1 / len(shrunk.rounds[0].scores)
        coarse = f", where one of the validation images is {100 * image:.2g}" if image > goal.loss / 2 else ""
        why = f"within a loss of {100 * goal.loss:g} points{coarse}"
    return f"the limit of {missed} can't be met {why}; this is the nearest"
