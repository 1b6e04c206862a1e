# SPDX-License-Identifier: Apache-2.0
"""A Keras model, of Keras 2 or 3, built anew from single layers: models inside of models are opened."""

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from edgecnn.errors import ModelError
from edgecnn.tf import keras, tf

# (layer, name) -> the Keras 2 layers that take its place, one after the other; the first, unless it is built
# already, takes its weights.
Twins = Callable[[Any, str], Sequence[Any]]
# A Keras 2 tensor, the image -> the tensors that a model begins with.
Begin = Callable[[Any], Sequence[Any]]


def is_keras3(part: Any) -> bool:
    """Say whether a model or layer is of Keras 3."""
    return any(kind.__module__.startswith("keras.src") for kind in type(part).__mro__)


def is_model(part: Any) -> bool:
    """Say whether a layer is a model inside of a model, of Keras 2 or 3."""
    return any(kind.__name__ == "Model" and "keras" in kind.__module__ for kind in type(part).__mro__)


def rebuild(
    model: Any, twins: Twins, begin: Begin = lambda image: [image], shape: tuple[int, ...] | None = None
) -> Any:
    """Return a flat Keras 2 model with one image input that computes what `model` does with such twins.

    Args:
        model: functional or sequential, of one output.
        twins: what takes the place of a layer; no layers: what comes in goes on as it is.
        begin: what makes the model's inputs of the image.
        shape: of the image, where it isn't the model's input.

    Raises:
        ModelError: a part is no graph of layers, or the weights of a layer don't fit its twin.
    """
    builder = _Builder(twins)
    image = keras.Input(shape or model.input_shape[1:], name=_input_name(model))
    [output] = builder.call(model, begin(image), model.name, frozen=False)
    builder.copy_weights()
    return keras.Model(image, output, name=model.name)


def _input_name(model: Any) -> str:
    names = getattr(model, "input_names", None) or [tensor.name for tensor in model.inputs]
    return str(names[0])


class _Builder:
    """Calls twins of layers in the order of a model's graph."""

    def __init__(self, twins: Twins) -> None:
        self._make = twins
        self._twins: dict[int, Sequence[Any]] = {}  # by identity: a layer that is called twice stays one
        self._unbuilt: list[Any] = []  # the layers whose twins have no weights yet
        self._names: set[str] = set()

    def call(self, model: Any, inputs: Sequence[Any], owner: str, *, frozen: bool) -> list[Any]:
        """Return what `model` makes of Keras 2 tensors; `frozen`: it was called with training=False."""
        graph = getattr(model, "_functional", None) or model  # Keras 3 keeps that of a Sequential inside
        if not getattr(graph, "_nodes_by_depth", None):
            raise ModelError(
                f'model "{model.name}" is a class of its own, not a graph of layers; build it as a '
                "Sequential with an Input, or by keras.Model(inputs, outputs)"
            )
        values = dict(zip(map(id, graph.inputs), inputs, strict=True))
        for layer, given, outputs in calls(graph):
            args, kwargs = _replaced(given, values)
            still = kwargs.pop("training", None) is False or frozen
            if kwargs.get("mask") is None:
                kwargs.pop("mask", None)  # layers over time are given one, and others don't know it
            made = self._called(layer, args, kwargs, owner, frozen=still)
            values |= zip(map(id, tf.nest.flatten(outputs)), tf.nest.flatten(made), strict=True)
        return [values[id(output)] for output in graph.outputs]

    def _called(self, layer: Any, args: Any, kwargs: Any, owner: str, *, frozen: bool) -> Any:
        if type(layer).__name__ == "Lambda":
            layer = _opened(layer, args[0])
        if is_model(layer):
            return self.call(layer, tf.nest.flatten(args), layer.name, frozen=frozen)
        for twin in self._twins_of(layer, owner, frozen=frozen):
            if isinstance(twin, keras.layers.Lambda):
                args = self.call(_opened(twin, args[0]), args, owner, frozen=frozen)
            else:
                args, kwargs = [twin(*args, **kwargs)], {}
        [result, *_] = args
        return result

    def _twins_of(self, layer: Any, owner: str, *, frozen: bool) -> Sequence[Any]:
        if id(layer) not in self._twins:
            name = layer.name if layer.name not in self._names else f"{owner}_{layer.name}"
            while name in self._names:
                name += "_"
            twins = self._made(layer, name)
            self._names |= {name, *(getattr(twin, "name", name) for twin in twins)}
            for twin in twins:
                if frozen and isinstance(twin, keras.layers.BatchNormalization):
                    twin.trainable = False  # statistics that training must not move
            self._twins[id(layer)] = twins
            if twins and not getattr(twins[0], "built", True):
                self._unbuilt.append(layer)
        return self._twins[id(layer)]

    def _made(self, layer: Any, name: str) -> Sequence[Any]:
        try:
            return self._make(layer, name)
        except (TypeError, ValueError, NotImplementedError, AttributeError, KeyError) as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise ModelError(
                f'layer "{layer.name}" ({type(layer).__name__}) can\'t be made again from its get_config(): '
                f"{reason}"
            ) from error

    def copy_weights(self) -> None:
        """Give the first of each layer's twins its weights, unless it came with weights."""
        for layer in self._unbuilt:
            weights, twin = layer.get_weights(), self._twins[id(layer)][0]
            if weights:
                try:
                    twin.set_weights(_inner_weights(layer, twin))
                except ValueError as error:
                    shapes = [list(weight.shape) for weight in weights]
                    raise ModelError(
                        f'layer "{layer.name}" ({type(layer).__name__}) has weights of the shapes {shapes}, '
                        f"not those of Keras 2's: {str(error).splitlines()[0]}"
                    ) from error


def _inner_weights(layer: Any, twin: Any) -> list[Any]:
    """Return those of a layer's weights that its twin has: wrappers of the toolkit add others."""
    if not _is_wrapper(layer):
        return list(layer.get_weights())
    values = {_last_word(variable): variable.numpy() for variable in layer.weights}
    return [values[_last_word(variable)] for variable in twin.weights]


def _is_wrapper(layer: Any) -> bool:
    return type(layer).__module__.startswith("tensorflow_model_optimization.")


def _last_word(variable: Any) -> str:
    return str(variable.name).rpartition("/")[2]


def _replaced(arguments: Any, values: dict[int, Any]) -> Any:
    """Return nested arguments with the values of tensors, by identity, in the tensors' places."""
    return tf.nest.map_structure(lambda part: values.get(id(part), part), arguments)


def calls(graph: Any) -> Iterator[tuple[Any, tuple[Any, dict[str, Any]], Any]]:
    """Yield each call of a layer in a graph, in order: the layer, its arguments, plain and named, results."""
    for depth in sorted(graph._nodes_by_depth, reverse=True):
        for node in graph._nodes_by_depth[depth]:
            if node.is_input:
                continue
            if is_keras3(graph):
                yield node.operation, (node.arguments.args, dict(node.arguments.kwargs)), node.outputs
            else:
                yield node.layer, (node.call_args, dict(node.call_kwargs)), node.outputs


def _opened(layer: Any, tensor: Any) -> Any:
    """Return what a Lambda layer's function does as a model of single operations, of Keras 3 or 2."""
    for of in (sys.modules["keras"], keras) if is_keras3(layer) else (keras,):
        image = of.Input(tensor.shape[1:])
        try:
            return of.Model(image, layer.function(image, **(layer.arguments or {})), name=layer.name)
        except Exception as error:  # whatever a person's code raises
            reason = type(error).__name__
    raise ModelError(
        f'layer "{layer.name}" (Lambda) holds Python code that is no graph of layers ({reason}); '
        "write it as a layer of Keras, or a class of your own"
    )
