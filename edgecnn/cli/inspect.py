# SPDX-License-Identifier: Apache-2.0
"""`edgecnn inspect`: what is inside a .tflite file, or what a quantized .onnx file becomes."""

from pathlib import Path
from typing import Any

import click

from edgecnn.cli.console import json_option, say
from edgecnn.cli.tables import wide_option
from edgecnn.errors import ModelError
from edgecnn.files import require_there

_MOST_PROBLEMS = 5  # that are printed
_COLUMNS = ("operator", "filter", "input", "output", "output scale", "MACs", "weight bytes", "zeros")
_SPARE = ("output scale", "zeros", "filter", "input")


@click.command("inspect")
@click.argument("model", type=click.Path(path_type=Path), metavar="RUN_OR_FILE")
@wide_option
@json_option
def command(model: Path, as_json: bool) -> None:
    """Show what is inside a .tflite, a run's or any, or what an .onnx becomes that is quantized already.

    Operators with shapes, quantization, multiplications (MACs), weights and their share of zeros, and
    the lines of C++ that register just these ops with TensorFlow Lite Micro. Models of several subgraphs,
    with a state or with ops of one's own are shown, too, with what keeps them from being run or compiled.
    """
    require_there(model, ModelError)
    from edgecnn.cli.console import print_json
    from edgecnn.compiler.inspect import inspect
    from edgecnn.pipeline.model_file import find_model

    contents = inspect(find_model(model))
    if as_json:
        print_json(contents)
    else:
        _print(contents)


def _print(contents: dict[str, Any]) -> None:
    say(f"{contents['file']}   {contents['bytes']:,} bytes", f"sha256  {contents['sha256']}")
    problems = contents["problems"]
    say(*(f"problem {problem}" for problem in problems[:_MOST_PROBLEMS]))
    if len(problems) > _MOST_PROBLEMS:
        say(f"problem and {len(problems) - _MOST_PROBLEMS} more, which --json names")
    for signature in contents["signatures"] if len(contents["signatures"]) > 1 else ():
        ends = (", ".join(map(_printable, signature[end])) for end in ("inputs", "outputs"))
        where = f"subgraph {signature['subgraph']}"
        say(f"signature {_printable(signature['key'])}   {where}   {next(ends)} -> {next(ends)}")
    _print_subgraph(contents)
    for subgraph in contents["subgraphs"]:
        name = _printable(subgraph["subgraph"]["name"])
        say(f"subgraph {subgraph['subgraph']['index']}" + (f' "{name}"' if name else ""))
        _print_subgraph(subgraph)
    zeros = "" if contents["sparsity"] is None else f", {contents['sparsity']:.1%} of the weights zero"
    say(f"total: {contents['macs']:,} MACs, {contents['constant_bytes']:,} bytes of constants{zeros}", "")
    say("TensorFlow Lite Micro needs these ops:")
    say(*(f"    {line}" for line in contents["tflm"]))


def _print_subgraph(subgraph: dict[str, Any]) -> None:
    from edgecnn.cli.tables import print_table

    for end in ("inputs", "outputs"):
        for tensor in subgraph[end]:
            names = [_printable(name) for name in (tensor["signature_name"], tensor["name"]) if name]
            say("   ".join([f"{end[:-1]:<7} {names[0] if names else ''}", *names[1:], *_type(tensor)]))
    if subgraph.get("labels"):
        say("labels  " + ", ".join(map(_printable, subgraph["labels"])))
    print_table("", _COLUMNS, [_row(operator) for operator in subgraph["operators"]], _SPARE)


def _row(operator: dict[str, Any]) -> tuple[str, ...]:
    inputs = [tensor for tensor in operator["inputs"] if not tensor["constant"]]
    constants = [tensor for tensor in operator["inputs"] if tensor["constant"]]
    weights = constants[0] if constants and operator["macs"] else None
    channels = " per channel" if weights and (weights["quantization"] or {}).get("per_channel") else ""
    return (
        f"{operator['index']} {_printable(operator['op'])}",
        _shape(weights) + channels if weights else "",
        " ".join(_shape(tensor) for tensor in inputs),
        " ".join(_shape(tensor) for tensor in operator["outputs"]),
        " ".join(_scale(tensor) for tensor in operator["outputs"]),
        "-" if operator["macs"] is None else f"{operator['macs']:,}",
        f"{operator['weight_bytes']:,}",
        "" if operator["sparsity"] is None else f"{operator['sparsity']:.0%}",
    )


def _printable(name: str) -> str:
    from edgecnn.compiler.ir import short_name

    return short_name(name)


def _shape(tensor: dict[str, Any]) -> str:
    """Return the shape, and what is unusual about the tensor."""
    from edgecnn.compiler.reading.schema import DTYPES

    odd = [] if tensor["dtype"] in DTYPES.values() else [tensor["dtype"]]
    odd += [mark for mark in ("state", "sparse") if tensor[mark]]
    return " ".join(["x".join(map(str, tensor["shape"])) or "scalar", *odd])


def _type(tensor: dict[str, Any]) -> list[str]:
    shape, signature = ("[" + ",".join(map(str, tensor[key])) + "]" for key in ("shape", "shape_signature"))
    free = [f"shape_signature {signature}"] if tensor["shape_signature"] else []
    return [tensor["dtype"] + shape, *free, *filter(None, [_scale(tensor)])]


def _scale(tensor: dict[str, Any]) -> str:
    quantization = tensor["quantization"]
    if quantization is None:
        return ""
    if quantization["per_channel"]:
        return f"{len(quantization['scale'])} scales"
    return f"{quantization['scale']:.6g}*(q{-quantization['zero_point']:+d})"
