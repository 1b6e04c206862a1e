# SPDX-License-Identifier: Apache-2.0
"""`edgecnn export`."""

from dataclasses import asdict
from pathlib import Path
from shlex import quote

import click

from edgecnn.cli.console import (
    fitting_options,
    json_option,
    normalization_options,
    print_json,
    progress_bar,
    say,
    tell,
    window_option,
)
from edgecnn.cli.parts import part_option, say_what_fits, target_of, target_option
from edgecnn.cli.suggestions import Choice
from edgecnn.converters.formats import package_formats


@click.command("export")
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to write to.")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Images or numbers like those the model will see, as for train.",
)
@click.option(
    "--format",
    "formats",
    type=Choice(["tflite", "c-array", "c", "web", *package_formats()]),
    multiple=True,
    default=["tflite", "c-array"],
    help="c-array is data for an interpreter, c a network that needs none, web a page that runs it, the "
    "others are whole folders for the tools of that name; repeat it for several.  [default: tflite, c-array]",
)
@click.option(
    "--name", help="What files, and identifiers in C, are called.  [default: model_int8, or of another type]"
)
@click.option(
    "--incbin", is_flag=True, help="C array: let the assembler include the .tflite (GCC and clang, ELF)."
)
@click.option(
    "--title", default="", help="Of the page, for --format web.  [default: the network and its classes]"
)
@target_option
@part_option
@normalization_options
@fitting_options(defaults=False)
@window_option
@json_option
def command(
    source: Path,
    out: Path,
    data: Path | None,
    target: str,
    part: str | None,
    window: str,
    as_json: bool,
    **options: object,
) -> None:
    """Quantize a model and write it as .tflite, as C, as a web page, or as a package for firmware tools.

    SOURCE is a run, a .keras or .h5 file (Keras 2 or 3), an .onnx file (opset 11 to 28, as torch.onnx.export
    writes it), a SavedModel folder, or a .tflite file. A run gives its int8 model if 'compress' has made one;
    any other float model is quantized after training, with ranges taken from --data. It is given images of 0
    to 1; layers that scale bytes first are made to scale those, and --input-range or --mean and --std say
    what it learned from where nothing in it does. Of numbers it is given ranges, from the training part of
    --data, which go into it: it takes them as they are, or less --mean and divided by --std. A .tflite or
    .onnx file that is quantized already, or a .tflite that comes without --data, is taken as it is. Where
    --data has labels, you see how the model answers on its test part, as floats and as int8. No code of a
    file is run: a model that would need that (a Lambda, a layer that Keras doesn't have, an op that writes
    files) is refused by its name. 'edgecnn train --model FILE.py:FUNCTION' runs your own.

    \b
    Examples:
      edgecnn export runs/first --out firmware
      edgecnn export mine.keras --data photos --out firmware --format c-array --name mine
      edgecnn export runs/first --out lung --name lung --format cmake
      edgecnn export mine.keras --data photos --out firmware --fit crop --resize bilinear
      edgecnn export runs/first --out firmware --format c --part STM32F411CE
    """
    target = target_of(part, target)
    if not source.exists():
        from edgecnn.models import require_float_model

        require_float_model(source)  # says so, before what else is imported
    from edgecnn.pipeline.export import ExportOptions, export

    chosen = ExportOptions(target=target, **options)  # type: ignore[arg-type]
    with progress_bar() as progress:
        done = export(source, out, chosen, progress, data=data, window=window)
    if as_json:
        check = asdict(done.check) if done.check else None
        files = [str(path) for path in done.files]
        estimate = done.needs.as_json() if done.needs else None
        print_json({"files": files, "check": check, "estimate": estimate, "build": done.build or None})
        return
    for path in done.files:
        say(f"{path}  {path.stat().st_size:,} bytes")
    if done.check:
        tell(str(done.check), *(f"Warning: {warning}" for warning in done.check.warnings))
    if done.needs:
        say_what_fits(done.needs)
    if done.build:
        say(f"Build it: cd {quote(str(out))} && {done.build}")
