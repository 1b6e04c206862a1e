# SPDX-License-Identifier: Apache-2.0
"""The configuration of a Keras model, as parsed JSON: all that it names must be known."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from edgecnn.errors import ModelError
from edgecnn.escape import label
from edgecnn.gate.allowed import ACTIVATIONS, CLASSES, MODULES, OURS, STRINGS, TF_FUNCTIONS

MOST_DEPTH = 200  # of a configuration; a model inside a model takes about ten
_OUR_MODULES = ("edgecnn.models._layers", "edgecnn.compression.annotate")
_COMPAT = "compat.v1."
_CALLS = "TFOpLambda", "SlicingOpLambda"


@dataclass(frozen=True)
class _Part:
    """A value somewhere in a configuration, the key it is under, and the layer that it belongs to."""

    value: Any
    key: str
    layer: str
    depth: int


def require_known_classes(config: Any, source: str, own: Collection[str] = ()) -> None:
    """Check that a configuration names nothing but what `allowed` lists, or `own` code has registered.

    Args:
        config: the parsed JSON of a model. How the outermost model was compiled is not looked at: no loader
            of ours lets Keras read it.
        source: what the message calls the file.
        own: names under which code of the person's own has registered classes, "package>Name".

    Raises:
        ModelError: it names something else, or is no configuration.
    """
    if not isinstance(config, dict):
        raise ModelError(f"{source} holds no configuration of a Keras model")
    outermost = {key: value for key, value in config.items() if key != "compile_config"}
    for part in _parts(outermost):
        if part.depth > MOST_DEPTH:
            raise ModelError(f"{source} nests its configuration more than {MOST_DEPTH} deep")
        if (name := _unknown(part, own)) is not None:
            layer = _layer_name(part)
            where = f"layer {shown(layer)}" if layer else "its configuration"
            raise refusal(source, where, name)


def may_be_called(function: object) -> bool:
    """Say whether a layer may call a function of TensorFlow, "math.add" or "compat.v1.math.add", say."""
    return isinstance(function, str) and function.removeprefix(_COMPAT) in TF_FUNCTIONS


def refusal(source: str, where: str, name: str) -> ModelError:
    """Return the error for a model that names something that isn't allowed.

    Args:
        source: what the message calls the file.
        where: the part of the model.
        name: what it names.
    """
    return ModelError(
        f"{source}: {where} names {shown(name)}, which may run code or reach files; allowed is what only "
        "computes, of Keras and TensorFlow: give the network as FILE.py:FUNCTION (--model of train and "
        "compress), which runs as your own code, or convert it to .tflite yourself"
    )


def shown(name: object) -> str:
    """Return a name out of a stranger's file as a message shows it: short, in quotes, on one line."""
    return f'"{label(str(name))}"'


def _parts(config: dict[str, Any]) -> Iterator[_Part]:
    """Yield every value of a configuration, in its order."""
    waiting = [_Part(config, "", "", 0)]
    while waiting:
        part = waiting.pop()
        yield part
        waiting += reversed(_inside(part))


def _inside(part: _Part) -> list[_Part]:
    layer, depth = _layer_name(part), part.depth + 1
    if isinstance(part.value, dict):
        return [_Part(value, str(key), layer, depth) for key, value in part.value.items()]
    if isinstance(part.value, list):
        return [_Part(value, part.key, layer, depth) for value in part.value]
    return []


def _layer_name(part: _Part) -> str:
    """Return the name of the layer that a part is, or else of the one that it belongs to."""
    config = part.value.get("config") if isinstance(part.value, dict) else None
    name = config.get("name") if isinstance(config, dict) else None
    return name if isinstance(name, str) else part.layer


def _unknown(part: _Part, own: Collection[str]) -> str | None:
    """Return what a part names and may not, or None."""
    value = part.value
    if part.key == "layers" and not isinstance(value, dict | list):
        return str(value)  # Keras makes a layer of its name
    if isinstance(value, str):
        kinds = [names for end, names in STRINGS.items() if part.key.endswith(end)]
        return value if kinds and value not in {*kinds[0], *own} else None
    if isinstance(value, dict) and "class_name" in value:
        return _unknown_class(value, own)
    return None


def _unknown_class(value: dict[str, Any], own: Collection[str]) -> str | None:
    """Return what the form of an object names and may not, or None.

    Keras 3 and .keras files of Keras 2 look for the registered name, then in the module; .h5 files of Keras 2
    for the class name alone. All of them have to be known.
    """
    name, module = value["class_name"], value.get("module")
    registered = value.get("registered_name", name)
    if not isinstance(name, str) or not isinstance(module, str | None):
        return str(name)
    if name == "function":
        return _unknown_function(value, module, own)
    if _is_registered(name, registered, module, own):
        return None
    bare = name.removeprefix("Custom>")
    if bare not in CLASSES or registered not in (None, bare, f"Custom>{bare}"):
        return str(registered or name)
    if module is not None and module not in MODULES:
        return f"{module}.{name}"
    return _unknown_call(value) if bare in _CALLS else None


def _is_registered(name: str, registered: object, module: str | None, own: Collection[str]) -> bool:
    """Say whether all names of a class are those of one that edgecnn or the person's own code registered."""
    if name not in (registered, _tail(registered)):
        return False
    return registered in own or (registered in OURS and module in (None, *_OUR_MODULES))


def _tail(registered: object) -> str:
    return str(registered).rpartition(">")[2]


def _unknown_function(value: dict[str, Any], module: str | None, own: Collection[str]) -> str | None:
    function, registered = value.get("config"), value.get("registered_name")
    if function in own:
        return None
    known = module is None or module in MODULES
    if known and function in ACTIVATIONS and registered in (None, "function", function):
        return None
    return f"{module}.{function}"


def _unknown_call(layer: dict[str, Any]) -> str | None:
    config = layer.get("config")
    function = config.get("function") if isinstance(config, dict) else None
    return None if may_be_called(function) else f"tf.{function}"
