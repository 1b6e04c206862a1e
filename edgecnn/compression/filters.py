# SPDX-License-Identifier: Apache-2.0
"""Removes whole filters in rounds, until a network fits or loses too much.

In each round those go whose importance is least for what they save, and what stays learns to answer as the
whole network does (distillation, Hinton et al. 2015, arXiv:1503.02531). Validation images alone decide.

Nothing but the checkpoints of `fit` is stored: all else follows from them, so that a run that was killed
makes the same rounds again without learning them again.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from typing import Any

import numpy as np

from edgecnn.compiler.compile import CompiledModel
from edgecnn.compiler.instructions import Values
from edgecnn.compression.channels import find_channels
from edgecnn.compression.costs import FLASH, INSTRUCTIONS, MACS, RAM, RESOURCES, Costs, layer_works
from edgecnn.compression.footprint import Footprint, footprint, ram_of
from edgecnn.compression.importance import importance
from edgecnn.compression.selection import Prices, choose
from edgecnn.compression.shrink import shrink
from edgecnn.converters.keras_to_tflite import keras_to_int4, keras_to_int8
from edgecnn.data.arrays import Arrays
from edgecnn.errors import ModelError
from edgecnn.progress import Progress
from edgecnn.tf import keras, tf
from edgecnn.training.augmentation import NONE
from edgecnn.training.fit import FitOptions, fit
from edgecnn.training.objective import BINARY, MASK, objective

ROUNDS = 10  # in which a network comes to its limits
_FURTHER = 5  # rounds at most: a plan may take more than was thought, or too much went
SHRINKAGE = 0.7  # what stays in a round where only the loss limits, as long as it does not
_FINEST = 0.95  # a round that lost too much is tried again with the root of that, up to this
_RECOVERS = 0.01  # of the score, which a network that has just lost filters wins back when it learns on
_SHOWN = 1024  # images tell how much a filter matters
_BATCH = 256
EIGHT_BITS = 8
_CALIBRATION = 16  # images, for an int8 file of which only the shapes matter


@dataclass(frozen=True)
class Goal:
    """What to come to.

    Attributes:
        target: the core that counts.
        limits: the most of each resource, by its place among costs.RESOURCES.
        removed: part of the MACs that has to go, in place of limits.
        loss: of the validation score, 0..1, that may be lost.
        rounds: in which a network comes there.
        weight_bits: 8, or 4 of layers that can have them.
    """

    target: str
    limits: Mapping[int, float]
    removed: float | None = None
    loss: float = inf
    rounds: int = ROUNDS
    weight_bits: int = EIGHT_BITS

    @property
    def limited(self) -> bool:
        """Whether anything but the loss limits."""
        return bool(self.limits) or self.removed is not None

    def lost(self, whole: Values, now: Values) -> float:
        """Return what counts as lost, of the scores of each image, before and now.

        Where nothing else limits, it is the upper end of the 95% interval: of ever smaller networks one is
        sure to look good by chance.
        """
        lost = whole - now
        doubt = 0.0 if self.limited else 1.96 * float(lost.std() / np.sqrt(len(lost)))
        return float(lost.mean()) + doubt

    def below(self, most: Values, taken: Values) -> "Goal":
        """Return a goal that is as far below the limits `most`, (4,), as `taken` is above them."""
        limits = {
            resource: most[resource] * min(1.0, float(most[resource] / taken[resource]))
            for resource in RESOURCES
            if most[resource] < inf
        }
        return replace(self, limits=limits, removed=None)

    def most(self, whole: Footprint) -> Values:
        """Return what a network may take at most, (4,), infinite where nothing limits."""
        limits = dict(self.limits)
        if self.removed is not None:
            limits[MACS] = (1 - self.removed) * whole.macs
        return np.array([limits.get(resource, inf) for resource in RESOURCES], np.float64)


@dataclass(frozen=True)
class Round:
    """A network between the whole one and the smallest."""

    model: Any
    footprint: Footprint
    compiled: CompiledModel | None
    scores: Values  # of each validation image
    history: list[dict[str, float]]

    def within(self, most: Values) -> bool:
        """Tell whether it takes no more than that of anything."""
        return bool((self.footprint.vector <= most).all())

    def measured(self, material: "Material") -> "Round":
        """Return it with what it takes by its target's tools, where they are at hand."""
        if self.compiled is None or (taken := material.measure(self.compiled)) is None:
            return self
        return replace(self, footprint=taken)


@dataclass(frozen=True)
class Material:
    """What a network learns from.

    Attributes:
        train: images, with the answers of the whole network where they are not augmented.
        validation: those that decide.
        checkpoint: the file of a stage.
        progress: told after each batch.
        measure: what a compiled network takes, by its target's tools; None where they are not at hand.
    """

    train: Arrays
    validation: Arrays
    checkpoint: Callable[[str], Path]
    progress: Progress
    measure: Callable[[CompiledModel], Footprint | None] = lambda compiled: None

    def teach(self, model: Any, teacher: Any, options: FitOptions) -> list[dict[str, float]]:
        """Let a network learn in place to answer as the teacher does; return its history."""
        asked = teacher if self.train.answers is None else None
        checkpoint = self.checkpoint(options.stage)
        return fit(model, self.train, self.validation, options, checkpoint, self.progress, teacher=asked)


def scores(model: Any, arrays: Arrays) -> Values:
    """Return how good each answer is, (images,): 1 or 0 of a class, or the Dice coefficient of a mask."""
    answers = answers_of(model, arrays.images)
    if objective(model) == MASK:
        assert arrays.masks is not None
        marked, masks = (values.reshape(len(values), -1) for values in (answers >= 0.5, arrays.masks == 1))
        both, either = (marked & masks).sum(1), marked.sum(1) + masks.sum(1)
        return np.asarray(np.where(either > 0, 2 * both / np.maximum(either, 1), 1))
    told = answers[:, 0] >= 0.5 if objective(model) == BINARY else answers.argmax(1)
    return np.asarray(told == arrays.labels, np.float64)


def answers_of(model: Any, images: Any) -> Any:
    """Return what a Keras model says of uint8 images, float32 in the shape of its output."""
    run = tf.function(lambda batch: model(batch, training=False))
    batches = (images[at : at + _BATCH] / np.float32(255) for at in range(0, len(images), _BATCH))
    return np.concatenate([run(tf.constant(batch)).numpy() for batch in batches])


def taught(arrays: Arrays, teacher: Any, options: FitOptions) -> Arrays:
    """Return images with what a teacher says of them; of augmented ones it has to be asked each time."""
    if options.augmentation != NONE:
        return arrays
    return replace(arrays, answers=answers_of(teacher, arrays.images))


def remove_filters(
    model: Any, goal: Goal, material: Material, options: FitOptions, before: Sequence[Round] = ()
) -> list[Round]:
    """Return the rounds in which a network loses filters, the whole one first, until the goal is reached.

    Where limits can't be met, the last is the smallest that there is. A network that is within them by the
    estimates is measured, where it can be, and loses more if they were wrong.

    Args:
        model: a flat Keras 2 model.
        goal: what to come to.
        material: what to learn from.
        options: how to learn in each round.
        before: the rounds that there were already.

    Raises:
        ModelError: none of the network's filters can go, or an operator can't be compiled.
    """
    rounds = [*before] or [weighed(model, [], goal, material, options)]
    most = goal.most(rounds[0].footprint)
    shrinkage = SHRINKAGE
    for number in range(len(rounds), goal.rounds + _FURTHER + len(rounds)):
        if goal.limits and rounds[-1].within(most):
            rounds[-1] = rounds[-1].measured(material)
        if (goal.limited and rounds[-1].within(most)) or shrinkage > _FINEST:
            break
        prices = _to_limits(rounds, most, goal.rounds) if goal.limited else _to_share(rounds, shrinkage)
        smaller = _smaller(rounds, number, prices, goal, material, options)
        if smaller is None:
            break
        if goal.limited or (rounds[0].scores - smaller.scores).mean() <= goal.loss + _RECOVERS:
            rounds.append(smaller)
        else:
            shrinkage **= 0.5
    if len(rounds) == 1 and shrinkage == SHRINKAGE and not (goal.limited and rounds[0].within(most)):
        raise ModelError(f'model "{model.name}" can\'t shrink further: {_obstacles(model)}')
    return rounds


def _obstacles(model: Any) -> str:
    whole = find_channels(model).kept_whole
    return "; ".join(f'layer "{name}" keeps its channels, as {reason}' for name, reason in whole.items())


def weighed(
    model: Any,
    history: list[dict[str, float]],
    goal: Goal,
    material: Material,
    options: FitOptions,
    quantized: bool = False,
) -> Round:
    """Return a round with what an int8 file of the network's shapes takes; its values are others.

    Weights have the bits that they may have, or that a `quantized` network has given them.
    """
    images = material.train.sample(_CALIBRATION, options.seed)
    if goal.weight_bits == EIGHT_BITS:
        tflite = keras_to_int8(model, images)
    else:
        tflite = keras_to_int4(model, images, rounded=not quantized)
    taken, compiled = footprint(tflite, goal.target, required=bool(goal.limits))
    return Round(model, taken, compiled, scores(model, material.validation), history)


def _smaller(
    rounds: Sequence[Round],
    number: int,
    prices: Callable[[Costs], Prices],
    goal: Goal,
    material: Material,
    options: FitOptions,
) -> Round | None:
    """Return the next round; None: nothing more can go."""
    last, seed = rounds[-1], options.seed + number
    keras.utils.set_random_seed(seed)  # whether or not earlier rounds were resumed
    channels = find_channels(last.model)
    costs = Costs(list(layer_works(last.model, channels)), channels, goal.target, goal.weight_bits)
    if last.compiled is not None:
        costs.ram = ram_of(last.compiled, channels, costs.classes)
    order = np.random.default_rng(seed).permutation(len(material.train.images))
    shown = replace(material.train.part(order[:_SHOWN]), answers=None)
    matters = importance(last.model, channels, shown, options.loss)
    kept = choose(channels, matters, costs, prices(costs))
    if kept.all():
        return None
    model = shrink(last.model, channels, kept)
    options = replace(options, stage=f"{options.stage}{number}", seed=seed)
    return weighed(model, material.teach(model, rounds[0].model, options), goal, material, options)


def _to_share(rounds: Sequence[Round], shrinkage: float) -> Callable[[Costs], Prices]:
    """Let all costs count, relative to the whole network's, until that part is left of what can go."""
    whole = rounds[0].footprint.vector
    whole[MACS] = 0 if whole[INSTRUCTIONS] else whole[MACS]  # which are instructions, too
    price = np.divide(1, whole, out=np.zeros(len(whole)), where=whole > 0)

    def prices(costs: Costs) -> Prices:
        begun, least = costs.of(costs.all), costs.of(np.ones_like(costs.all))
        enough = (1 - shrinkage) * float(price @ (begun - least))
        return lambda left: price if price @ (begun - left) < enough else None

    return prices


def _to_limits(rounds: Sequence[Round], most: Values, count: int) -> Callable[[Costs], Prices]:
    """Let what is over its limit count, until a round's part of the way there is done."""
    now = np.maximum(rounds[-1].footprint.vector, 1)
    part = 1 / max(1, count - len(rounds) + 1)
    wanted = now * np.minimum(most / now, 1) ** part
    wanted[now <= most] = inf
    return lambda costs: _within(_allowed(costs.of(costs.all), now, wanted), now)


def _allowed(begun: Values, now: Values, wanted: Values) -> Values:
    """Return to what estimates have to fall for the true costs to fall from `now` to what is wanted.

    Those of flash and RAM lack what doesn't depend on filters, so that the difference counts; of MACs and
    instructions the ratio.
    """
    additive = np.isin(RESOURCES, (FLASH, RAM))
    return np.where(additive, begun - now + wanted, np.maximum(begun, 1) * (wanted / now))


def _within(allowed: Values, now: Values) -> Prices:
    def prices(costs: Values) -> Values | None:
        over = costs > allowed
        return np.where(over, 1 / now, 0) if over.any() else None

    return prices
