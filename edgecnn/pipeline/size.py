# SPDX-License-Identifier: Apache-2.0
"""What a network will need on a device, before it is trained: weights don't matter for that, only shapes."""

from typing import Any

import numpy as np

from edgecnn.compiler.compile import compile_tflite
from edgecnn.compiler.fits import CODE_BYTES
from edgecnn.compiler.targets import STACK_BYTES, TARGETS, Target
from edgecnn.converters.keras_to_tflite import keras_to_int8
from edgecnn.errors import ModelError
from edgecnn.models import Architecture
from edgecnn.progress import Progress


def size(
    network: Architecture,
    input_size: tuple[int, int] | None,
    channels: int | None,
    width: float,
    classes: int | None,
    progress: Progress,
) -> dict[str, Any]:
    """Return the figures of a network with random weights; every value fits JSON.

    Args:
        network: the network.
        input_size: height and width; None: its own.
        channels: of the input; None: its own.
        width: of the network.
        classes: that it tells apart; None: as many as its authors did.
        progress: told of each step.

    Raises:
        ModelError: the network can't have that size.
    """
    shape = (*(input_size or network.input_shape[:2]), channels or network.input_shape[2])
    progress("building", 0, 1)
    model = network.build(shape, classes or network.classes, width)
    progress("building", 1, 1)
    progress("quantizing", 0, 1)
    tflite = keras_to_int8(model, np.random.default_rng(0).integers(0, 256, (1, *shape), np.uint8))
    progress("quantizing", 1, 1)
    figures: dict[str, Any] = {
        "name": network.name,
        "input_shape": list(shape),
        "width": width,
        "parameters": model.count_params(),
        "int8_bytes": len(tflite),
    }
    progress("compiling", 0, 1)
    figures |= _compiled(tflite)
    progress("compiling", 1, 1)
    return figures


def _compiled(tflite: bytes) -> dict[str, Any]:
    """Return what the compiler plans, or why it can't."""
    try:
        plan = compile_tflite(tflite, name="network").plan
        device = _smallest_device(tflite, plan["weight_bytes"])
    except ModelError as error:
        return {"not_compiled": str(error)}
    return {
        "macs": plan["macs"],
        "ram_bytes_rows": plan["arena_bytes"],
        "ram_bytes_whole": plan["arena_bytes_whole"],
        "device": device
        and {"target": device.name, "part": device.part, "flash": device.flash, "ram": device.ram},
    }


def _smallest_device(tflite: bytes, weight_bytes: int) -> Target | None:
    """Return the target with the least flash, then RAM, whose part holds the network."""
    parts = [target for target in TARGETS.values() if target.part and target.flash and target.ram]
    for target in sorted(parts, key=lambda target: (target.flash, target.ram)):
        if weight_bytes + CODE_BYTES <= (target.flash or 0):
            arena = compile_tflite(tflite, name="network", target=target.name).plan["arena_bytes"]
            if arena + STACK_BYTES <= (target.ram or 0):
                return target
    return None
