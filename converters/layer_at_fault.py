# SPDX-License-Identifier: Apache-2.0
"""Which layer of a Keras model it is that a step can't take, where its message names operators only."""

import re
from collections.abc import Callable
from typing import Any, TypeVar

from edgecnn.errors import ModelError
from edgecnn.tf import keras

T = TypeVar("T")


def naming_layers(step: Callable[[Any], T], model: Any) -> T:
    """Return what a step makes of a model.

    Raises:
        ModelError: the step raised that; the layer at fault stands in front, by its own name.
    """
    try:
        return step(model)
    except ModelError as error:
        raise ModelError(at_layer(model, str(error), step)) from error


def at_layer(model: Any, reason: str, attempt: Callable[[Any], object]) -> str:
    """Return a reason with the layer at fault in front, by its own name, if there is one.

    Args:
        model: the model that was refused; layers of anything but Keras 2's are not looked for.
        reason: what was said. The toolkit adds to names, and long names are shortened.
        attempt: what refused the model. Where no layer's name is in the reason, it is tried on beginnings
            of the model: as many as the layers' number has bits.
    """
    if not isinstance(model, keras.Model) or reason.startswith(('layer "', 'function "')):
        return reason
    words = set(re.findall(r"\w[\w.-]*", reason))
    names = [layer.name for layer in model.layers if {layer.name, f"quant_{layer.name}"} & words]
    name = max(names, key=len) if names else _first_refused(model, attempt)
    return f'layer "{name.removeprefix("quant_")}": {reason}' if name else reason


def _first_refused(model: Any, attempt: Callable[[Any], object]) -> str:
    """Return the name of the first layer with which the model can't be taken any more, or ""."""
    depths = sorted(model._nodes_by_depth, reverse=True)
    nodes = [node for depth in depths for node in model._nodes_by_depth[depth] if not node.is_input]
    low, high = 0, len(nodes) - 1
    while low < high:
        middle = (low + high) // 2
        beginning = keras.Model(model.inputs, nodes[middle].outputs)
        try:
            attempt(beginning)
        except Exception:  # the toolkit has no type of its own
            high = middle
        else:
            low = middle + 1
    return str(nodes[high].layer.name) if nodes else ""
