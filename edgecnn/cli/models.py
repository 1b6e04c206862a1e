# SPDX-License-Identifier: Apache-2.0
"""`edgecnn models`: the networks that can be trained, and what one needs on a device."""

from typing import TYPE_CHECKING, Any

import click

from edgecnn.cli.console import json_option, network_options, print_json, progress_bar, say, tell, whole
from edgecnn.cli.tables import print_table, wide_option
from edgecnn.values import CLASSES

if TYPE_CHECKING:
    from edgecnn.models import Architecture

_DEFAULTS = (
    "epochs", "batch_size", "optimizer", "learning_rate", "loss", "monitor", "patience", "reduce_patience",
    "target_accuracy", "class_weights", "sampling", "augment", "weights",
)  # fmt: skip


@click.command("models")
@click.argument("name", required=False)
@network_options
@click.option("--classes", type=whole(CLASSES), help="That it tells apart.")
@wide_option
@json_option
def command(
    name: str | None,
    input_size: tuple[int, int] | None,
    channels: int | None,
    width: float,
    classes: int | None,
    as_json: bool,
) -> None:
    """List the networks that 'train' knows, or show what one needs on a device.

    Without NAME: their inputs, and parameters at that size. With NAME, which may be a network of your own
    (FILE.py:FUNCTION, which runs as your own code, or a .keras, .h5 or .onnx file, which is refused where it
    would run any): it is built with random weights, quantized and compiled, and you see its multiplications
    (MACs), the bytes of its int8 file and of RAM (C99, row by row and with whole tensors), the smallest part
    that holds it, and what 'train' does with it unless told otherwise.

    \b
    Examples:
      edgecnn models
      edgecnn models melanoma-v2 --input-size 96
    """
    from edgecnn.converters.network_file import load_network
    from edgecnn.models import architecture, architectures

    if name is None:
        _list(list(architectures().values()), as_json)
        return
    network = architecture(
        name, load_network
    )  # before the import: it needs TensorFlow, and a wrong name doesn't
    from edgecnn.pipeline.size import size

    with progress_bar() as progress:
        figures = size(network, input_size, channels, width, classes, progress)
    training = {option: getattr(network, option) for option in _DEFAULTS}
    if as_json:
        print_json({**figures, "training": training})
    else:
        _show(network, figures, training)


def _list(networks: "list[Architecture]", as_json: bool) -> None:
    if as_json:
        keys = ("name", "summary", "input_shape", "classes", "parameters")
        print_json([{key: getattr(network, key) for key in keys} for network in networks])
        return
    rows = [
        (
            network.name,
            network.summary,
            _by(network.input_shape),
            "a mask" if network.classes == 1 else str(network.classes),
            f"{network.parameters:,}",
        )
        for network in networks
    ]
    columns = ("network", "purpose", "input", "classes", "parameters")
    print_table("", columns, rows, text="purpose")
    say("'edgecnn models NAME' shows what one needs on a device.")


def _show(network: "Architecture", figures: dict[str, Any], training: dict[str, Any]) -> None:
    lines = [
        ("input", _by(figures["input_shape"])),
        ("parameters", f"{figures['parameters']:,}"),
        ("int8 .tflite", f"{figures['int8_bytes']:,} bytes"),
    ]
    if "not_compiled" in figures:
        lines.append(("C", f"can't be compiled: {figures['not_compiled']}"))
    else:
        lines += [
            ("MACs", f"{figures['macs']:,}"),
            ("RAM, row by row", f"{figures['ram_bytes_rows']:,} bytes"),
            ("RAM, whole tensors", f"{figures['ram_bytes_whole']:,} bytes"),
            ("smallest device", _device(figures["device"])),
        ]
    tell(f"{network.name}: {network.summary}")
    say(*(f"  {what:<20}{value}" for what, value in lines))
    chosen = ", ".join(f"{option.replace('_', '-')} {value}" for option, value in training.items() if value)
    tell(f"Training, unless told otherwise: {chosen}")


def _device(device: dict[str, Any] | None) -> str:
    if device is None:
        return "none of those that edgecnn knows; a Raspberry Pi or a PC"
    kib = {name: f"{device[name] // 1024:,} KiB" for name in ("flash", "ram")}
    return f"{device['target']}, such as {device['part']} ({kib['flash']} of flash, {kib['ram']} of RAM)"


def _by(shape: "list[int] | tuple[int, ...]") -> str:
    return "x".join(map(str, shape))
