# SPDX-License-Identifier: Apache-2.0
"""What the kernels of every instruction set are tested by; its own cases stand with its own tests.

A case is the shape of the input and what the kind's function takes behind the builder and the input.
"""

from collections.abc import Callable, Sequence
from typing import Any

from generated_c import Case, models
from narrow import narrowed
from tflite_builder import NONE, RELU, RELU6, SAME, VALID, Builder

from edgecnn.compiler import compile_tflite, int4

# What Builder.conv takes behind the activation for multipliers above one: shifts to the left.
LEFT = ((1, 1), True, True, 0, False, 40.0)
DEPTHWISE_LEFT = (*LEFT[:4], True, 40.0)


def depthwise(builder: Builder, source: int, *arguments: Any) -> int:
    defaults = (1, (3, 3), (1, 1), VALID, NONE, (1, 1), True, True, 0, True)
    return builder.conv(source, *arguments, *defaults[len(arguments) :])


def pooled(builder: Builder, source: int, channels: int, pool: tuple[int, int]) -> int:
    """A convolution and the max pool that is computed with it."""
    made = builder.conv(source, channels, padding=SAME, activation=RELU)
    return builder.pool(made, "MAX", pool, pool)


def max_pool(builder: Builder, source: int, *arguments: Any) -> int:
    return builder.pool(source, "MAX", *arguments)


def average_pool(builder: Builder, source: int, *arguments: Any) -> int:
    return builder.pool(source, "AVERAGE", *arguments)


def dense(builder: Builder, source: int, *arguments: Any) -> int:
    flat = builder.flatten(source) if len(builder.tensors[source].shape) == 4 else source
    return builder.fully_connected(flat, *arguments)


def columns(builder: Builder, source: int, channels: int = 8, activation: int = RELU) -> int:
    """What keeps some columns between a depthwise and a 1x1 convolution, then adds."""
    at = builder.conv(source, channels, (3, 3), (1, 1), SAME, RELU6)
    between = depthwise(builder, at, 1, (3, 3), (1, 1), SAME, RELU6)
    at = builder.add(at, builder.conv(between, channels, (1, 1), padding=SAME), activation)
    return builder.mean(builder.conv(depthwise(builder, at, 1, (3, 3), (2, 2), SAME), 12, (1, 1)))


MAKE: dict[str, Callable[..., int]] = {
    "conv_2d": Builder.conv,
    "depthwise_conv_2d": depthwise,
    "pooled": pooled,
    "max_pool_2d": max_pool,
    "average_pool_2d": average_pool,
    "fully_connected": dense,
    "columns": columns,
}
SHARED: dict[str, list[Case]] = {
    "conv_2d": [  # filters, size, stride, padding, activation, dilation, ...
        ((1, 5, 7, 8), 6, (3, 3), (1, 1), SAME, RELU),
        ((1, 6, 10, 1), 8, (3, 3), (1, 1), SAME, RELU),
        ((1, 6, 10, 3), 7, (3, 3), (2, 2), SAME, RELU6),
        ((1, 4, 1, 8), 4, (1, 1)),  # a single column
        ((1, 3, 2, 20), 3, (1, 1)),
        ((1, 3, 4, 5), 9, (1, 1), (1, 1), VALID, RELU),
        ((1, 9, 9, 4), 4, (3, 3), (1, 1), SAME, NONE, (2, 2)),
        ((1, 4, 6, 4), 4, (2, 3), (1, 1), SAME, NONE, *LEFT),
    ],
    "depthwise_conv_2d": [
        ((1, 5, 7, 8), 1, (3, 3), (1, 1), SAME, RELU6),
        ((1, 5, 6, 4), 2, (3, 3), (1, 1), SAME),  # portable
        ((1, 6, 9, 1), 8, (3, 3), (2, 2), SAME, RELU6),  # one channel: a convolution
        ((1, 6, 31, 5), 1, (3, 3), (1, 1), SAME, RELU),
        ((1, 9, 10, 4), 1, (3, 3), (3, 3), SAME, RELU6),
    ],
    "pooled": [  # channels, pool
        ((1, 8, 9, 4), 6, (2, 2)),
        ((1, 10, 12, 3), 5, (3, 3)),
        ((1, 8, 9, 1), 4, (3, 1)),
    ],
    "max_pool_2d": [  # size, stride, padding, activation
        ((1, 7, 9, 4), (3, 3), (2, 2), SAME),
        ((1, 8, 6, 7), (2, 2), (2, 2), VALID, RELU6),
    ],
    "average_pool_2d": [
        ((1, 7, 9, 4), (3, 3), (2, 2), SAME),
        ((1, 8, 6, 8), (2, 2), (2, 2), VALID, RELU6),
    ],
    "fully_connected": [  # outputs, activation, per_channel
        ((1, 7), 3),
        ((1, 64), 1),
        ((1, 3, 5, 3), 5, RELU6, True),
        ((1, 203), 6, NONE, True, True, False, False, 0.8),  # sparse
        ((1, 5, 3, 7), 9, RELU, False, True, False, False, 0.95),
    ],
    "columns": [((1, 9, width, 3),) for width in (1, 29)],
}


def cases(own: dict[str, Sequence[Case]]) -> dict[str, list[Case]]:
    """Return the cases of all kinds that `own` names: those of every instruction set, then its own."""
    return {kind: [*SHARED[kind], *more] for kind, more in own.items()}


def kernel_models(own: dict[str, Sequence[Case]]) -> dict[str, list[bytes]]:
    """Return a model for each of these cases."""
    return {kind: models(MAKE[kind], of_kind) for kind, of_kind in cases(own).items()}


def over_int4(of_kinds: dict[str, list[bytes]], least: int = int4.LOWEST) -> list[bytes]:
    """Return those of some models that have weights, with weights of four bits from `least` on."""
    kinds = ("conv_2d", "depthwise_conv_2d", "pooled", "fully_connected", "columns")
    return [narrowed(model, least=least) for kind in kinds for model in of_kinds.get(kind, ())]


def kernels(model: bytes, target: str) -> list[str]:
    """Return the kernels that a model is compiled to, in order; of two that share columns the first first."""
    steps = compile_tflite(model, name="net", target=target).model.schedule.network.steps
    return [one.kernel.key for step in steps[1:] for one in (step.before, step) if one is not None]
