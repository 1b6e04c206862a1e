# SPDX-License-Identifier: Apache-2.0
"""`edgecnn inspect`: what is inside a .tflite file."""

from pathlib import Path
from typing import Any

import click

from edgecnn.cli.console import json_option, say


@click.command("inspect")
@click.argument("model", type=click.Path(path_type=Path))
@json_option
def command(model: Path, as_json: bool) -> None:
    """Show what is inside a .tflite file.

    Operators with shapes, quantization, multiplications (MACs), weights and their share of zeros, and
    the lines of C++ that register just these ops with TensorFlow Lite Micro.
    """
    from edgecnn.cli.console import print_json
    from edgecnn.compiler.inspect import inspect

    found = inspect(model)
    if as_json:
        print_json(found)
    else:
        _print(found)


def _print(found: dict[str, Any]) -> None:
    from edgecnn.cli.console import print_table
    from edgecnn.compiler.ir import short_name

    say(f"{found['file']}   {found['bytes']:,} bytes   sha256 {found['sha256']}")
    for end in ("inputs", "outputs"):
        for tensor in found[end]:
            say(f"{end[:-1]:<7} {short_name(tensor['name'])}   {_type(tensor)}   {_scale(tensor)}")
    if found["labels"]:
        say("labels  " + ", ".join(short_name(label) for label in found["labels"]))
    columns = ("operator", "filter", "input", "output", "output scale", "MACs", "weights", "zeros")
    print_table("", columns, [_row(operator) for operator in found["operators"]])
    zeros = "" if found["sparsity"] is None else f", {found['sparsity']:.1%} of the weights zero"
    say(f"total: {found['macs']:,} MACs, {found['constant_bytes']:,} bytes of constants{zeros}", "")
    say("TensorFlow Lite Micro needs these ops:")
    say(*(f"    {line}" for line in found["tflm"]))


def _row(operator: dict[str, Any]) -> tuple[str, ...]:
    inputs = [tensor for tensor in operator["inputs"] if not tensor["constant"]]
    constants = [tensor for tensor in operator["inputs"] if tensor["constant"]]
    weights = constants[0] if constants and operator["macs"] else None
    channels = " per channel" if weights and (weights["quantization"] or {}).get("per_channel") else ""
    return (
        f"{operator['index']} {operator['op']}",
        _shape(weights) + channels if weights else "",
        " ".join(_shape(tensor) for tensor in inputs),
        " ".join(_shape(tensor) for tensor in operator["outputs"]),
        " ".join(_scale(tensor) for tensor in operator["outputs"]),
        "-" if operator["macs"] is None else f"{operator['macs']:,}",
        f"{operator['weight_bytes']:,}",
        "" if operator["sparsity"] is None else f"{operator['sparsity']:.0%}",
    )


def _shape(tensor: dict[str, Any]) -> str:
    return "x".join(map(str, tensor["shape"])) or "scalar"


def _type(tensor: dict[str, Any]) -> str:
    return f"{tensor['dtype']}[{','.join(map(str, tensor['shape']))}]"


def _scale(tensor: dict[str, Any]) -> str:
    quantization = tensor["quantization"]
    if quantization is None:
        return ""
    if quantization["per_channel"]:
        return f"{len(quantization['scale'])} scales"
    return f"{quantization['scale']:.6g}*(q{-quantization['zero_point']:+d})"
