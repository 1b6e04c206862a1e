# SPDX-License-Identifier: Apache-2.0
"""`edgecnn compile`: a .tflite or a quantized .onnx file to standalone C."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgecnn.cli.console import BYTES, json_option, say
from edgecnn.cli.parts import part_option, say_what_fits, target_of, target_option
from edgecnn.cli.suggestions import Choice
from edgecnn.cli.tables import wide_option
from edgecnn.compiler import supported_ops
from edgecnn.compiler.scheduling.effort import SEARCH, Effort
from edgecnn.errors import ModelError
from edgecnn.files import require_there

if TYPE_CHECKING:
    from edgecnn.compiler.compile import CompiledModel

schedule_option = click.option(
    "--schedule",
    type=Choice(["rows", "whole"]),
    default="rows",
    show_default=True,
    help="Run row by row through rings, or tensor by tensor.",
)
stop_option = click.option(
    "--stop-before-float",
    is_flag=True,
    help="Compile up to the integers that floats are computed of, and say what is left to you.",
)
optimize_option = click.option(
    "--optimize",
    type=Choice(["speed", "size"]),
    default="speed",
    show_default=True,
    help="One copy of a kernel for each operator, or one for all.",
)


@click.command("compile", epilog=f"Operators: {', '.join(supported_ops())}.")
@click.argument("model", type=click.Path(path_type=Path), metavar="RUN_OR_FILE")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to write to.")
@click.option(
    "--name", default="", help="What files and identifiers in C are called.  [default: as the file]"
)
@target_option
@part_option
@schedule_option
@click.option(
    "--ram",
    metavar="LIMIT",
    type=BYTES,
    help="Take a fast schedule with an arena of so many bytes at most (20K, 1M).  [default: the smallest]",
)
@click.option(
    "--search",
    type=click.IntRange(1, 10**12),
    metavar="STEPS",
    show_default=f"{SEARCH:,}",
    help="How long to look for the smallest arena; a step simulates about one row. More may find a smaller "
    "one, and the same number finds the same one everywhere.",
)
@optimize_option
@stop_option
@click.option(
    "--shared", is_flag=True, help="Also build NAME.so, for a target of this machine; see edgecnn.runtime."
)
@click.option(
    "--weights",
    type=Choice(["internal", "external"]),
    default="internal",
    show_default=True,
    help="In NAME.c, or in NAME_weights.bin, which an update in the field can replace.",
)
@click.option(
    "--weights-version",
    type=click.IntRange(0, 2**32 - 1),
    show_default="1",
    help="Of that file: a higher number for each update.",
)
@click.option(
    "--dump", type=click.Path(path_type=Path), help="Folder for the graph as text, after each pass."
)
@wide_option
@json_option
def command(  # noqa: PLR0913, PLR0917 - one parameter for each option
    model: Path,
    out: Path,
    name: str,
    target: str,
    part: str | None,
    schedule: str,
    ram: int | None,
    search: int | None,
    optimize: str,
    stop_before_float: bool,
    shared: bool,
    weights: str,
    weights_version: int | None,
    dump: Path | None,
    as_json: bool,
) -> None:
    """Compile an int8 .tflite or .onnx file to C that needs no interpreter.

    Activations may be int16 where weights are int8, TFLite's 16x8 mode, or all of them uint8, as TensorFlow 1
    made them. An .onnx file (opset 11 to 28; pip install 'edgecnn[onnx]') must be quantized already, and
    keeps its scales. Writes NAME.h, which explains itself, NAME.c, and NAME_test.h and .c, a self-test on
    stored inputs. The outputs equal TensorFlow Lite's reference kernels byte for byte; 'edgecnn verify'
    proves it.

    \b
    Examples:
      edgecnn compile model_int8.tflite --out firmware
      edgecnn compile model_int8.tflite --out firmware --target cortex-m4 --ram 20K
      edgecnn compile net.int8.onnx --out firmware
      edgecnn compile retrained.tflite --out update --name model_int8 --weights external --weights-version 2
      edgecnn compile model_int8.tflite --out build --target x86-64 --shared
    """
    require_there(model, ModelError)
    from edgecnn.cli.console import print_json, terminal_bar
    from edgecnn.compiler.compile import compile_tflite
    from edgecnn.files import fill, write_text
    from edgecnn.pipeline.model_file import find_model
    from edgecnn.pipeline.shared import build_shared

    target = target_of(part, target)
    if search is not None and schedule == "whole":
        raise click.UsageError("--search is for rows; leave out --schedule whole")
    if shared and weights == "external":
        raise click.UsageError("--shared holds its weights; leave out --weights external")
    if weights == "internal" and weights_version is not None:
        raise click.UsageError("--weights-version is of a file of weights; add --weights external")
    if weights == "external" and weights_version is None:
        weights_version = 1
    with terminal_bar() as progress:
        compiled = compile_tflite(
            find_model(model),
            name=name,
            target=target,
            rows=schedule == "rows",
            ram=ram,
            optimize=optimize,
            weights_version=weights_version,
            effort=Effort(search or SEARCH, progress),
            stop_before_float=stop_before_float,
        )
    files = fill(out, partial(build_shared, compiled) if shared else compiled.write)
    if dump is not None:
        for number, (stage, text) in enumerate(compiled.dumps.items()):
            write_text(dump / f"{number:02}_{stage}.txt", text)
    if as_json:
        print_json(compiled.plan | {"files": [str(file) for file in files]})
    else:
        _print(compiled, files)


def _print(compiled: "CompiledModel", files: list[Path]) -> None:
    from edgecnn.cli.tables import print_table

    plan = compiled.plan
    columns = ("step", "makes", "MACs as given", "MACs computed", "kernel", "rows kept")
    spare = ("MACs as given", "kernel", "rows kept")
    print_table("", columns, [_row(operator) for operator in plan["steps"]], spare)
    saved = plan["arena_bytes_whole"] / max(plan["arena_bytes"], 1)
    whole = f"tensor by tensor it would be {plan['arena_bytes_whole']:,} ({saved:.1f} times as many)"
    say(f"arena    {plan['arena_bytes']:,} bytes; {whole}")
    if plan["variables_bytes"]:
        say(f"variables {plan['variables_bytes']:,} bytes, which outlive an inference")
    say(f"weights  {plan['weight_bytes']:,} bytes, with biases, scales and tables")
    say(f"MACs     {plan['macs_computed']:,} of {plan['macs']:,}")
    if plan["left_to_caller"]:
        say(f"left     to you, of these outputs: {plan['left_to_caller']}")
    say_what_fits(compiled.model.needs)
    for file in files:
        say(f"{file}  {file.stat().st_size:,} bytes")


def _row(operator: dict[str, Any]) -> tuple[str, ...]:
    cut = "  (new segment)" if operator["begins_segment"] and operator["op"] != "INPUT" else ""
    return (
        f"{operator['index']} {operator['op']}{cut}" if operator["op"] != "INPUT" else "INPUT",
        "x".join(map(str, operator["shape"])),
        f"{operator['macs']:,}",
        f"{operator['macs_computed']:,}",
        operator["kernel"] if operator["op"] != "INPUT" else "",
        f"{operator['rows_kept']} of {operator['rows']}",
    )
