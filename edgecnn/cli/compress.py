# SPDX-License-Identifier: Apache-2.0
"""`edgecnn compress`."""

from pathlib import Path
from typing import Any

import click

from edgecnn.cli.console import (
    BYTES,
    COUNT,
    FiniteRange,
    given_options,
    json_option,
    print_metrics,
    progress_bar,
    whole,
)
from edgecnn.cli.parts import part_option
from edgecnn.cli.suggestions import Choice
from edgecnn.cli.tables import wide_option
from edgecnn.compiler.targets import PARTS, STACK_BYTES, TARGETS
from edgecnn.values import EPOCHS

_CORES = [name for name, target in TARGETS.items() if target.board]
# Options of which one can be given, and what goes with each.
_LIMITS = ("target", "part", "flash", "ram", "instructions", "max_loss", "weight_bits")
_WAYS = {"ptq": (), "sparsity": (), "filters": ("target", "weight_bits"), "limits": _LIMITS}


@click.command("compress")
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--target", type=Choice(_CORES), default="cortex-m4", show_default=True, help="The core that counts."
)
@part_option
@click.option("--flash", type=BYTES, metavar="LIMIT", help="Bytes of code and constants (16K, 1M).")
@click.option("--ram", type=BYTES, metavar="LIMIT", help="Bytes of the arena (8K).")
@click.option("--instructions", type=COUNT, metavar="LIMIT", help="Of an inference (500k, 1M).")
@click.option(
    "--max-loss",
    type=FiniteRange(0, 100),
    default=1.0,
    show_default=True,
    help="Points of validation accuracy, or Dice, that may be lost; without a limit, with 95% certainty.",
)
@click.option(
    "--filters",
    type=FiniteRange(0, 1, min_open=True, max_open=True),
    help="Part of the multiplications that goes, whatever is lost.",
)
@click.option(
    "--weight-bits",
    type=Choice([8, 4]),
    default=8,
    show_default=True,
    help="Of weights: with 4 those layers that lose most keep 8, until --flash or --max-loss holds.",
)
@click.option(
    "--sparsity",
    type=FiniteRange(0, 0.98, min_open=True),
    help="Part of the weights that become zero, in place of filters: a file that gzip makes smaller.",
)
@click.option(
    "--prune-epochs",
    type=whole(EPOCHS),
    help="Passes over the training images while filters go, half as many to follow, or while weights become "
    "zero.  [default: 30; with --sparsity 10]",
)
@click.option(
    "--qat-epochs",
    type=whole(EPOCHS),
    default=5,
    show_default=True,
    help="Passes with int8 arithmetic imitated.",
)
@click.option(
    "--ptq", is_flag=True, help="Post-training quantization only: nothing goes, nothing is trained."
)
@click.option(
    "--data", type=click.Path(path_type=Path), help="Where the run's images are now, if they were moved."
)
@click.option(
    "--model",
    metavar="FILE.py:FUNCTION",
    help="What a run was trained from, where it defines layers of its own: it runs as your own code.",
)
@click.option(
    "--resume",
    is_flag=True,
    help="Go on from the last epoch of an interrupted compress; its options are in the run folder.",
)
@wide_option
@json_option
def command(
    run: Path,
    data: Path | None,
    model: str | None,
    resume: bool,
    as_json: bool,
    **asked: Any,
) -> None:
    """Shrink a trained model until it fits a device, and quantize it to int8.

    Removes whole filters, those first that matter least for what they cost on the device, until every limit
    holds, or where none is given, as many as the loss allows. The float model is the teacher of what is left.
    Then trains with the quantization in the loop. Leaves model_int8.tflite and its C array in the RUN folder,
    and beside them, to compare with, the smaller float model and the post-training int8 model of the whole
    one. Every variant is measured on the same test images.

    \b
    Examples:
      edgecnn compress runs/first
      edgecnn compress runs/first --part STM32F103C8 --instructions 2M
      edgecnn compress runs/first --flash 16K --ram 4K --max-loss 2
      edgecnn compress runs/first --weight-bits 4
    """
    from edgecnn.models._user import runs_code
    from edgecnn.pipeline.run.options import (
        CompressOptions,
        FilterOptions,
        check_compress,
        resumed_compression,
    )

    if model is not None and not runs_code(model):
        raise click.UsageError(f"--model {model} defines no layers; give FILE.py:FUNCTION, or leave it out")
    given = given_options(asked)
    _refuse_several_ways(given)
    given |= _of_part(given.pop("part", None), given)
    if resume:
        options = resumed_compression(run, given)
    elif given.pop("ptq", False):
        options = None
    else:
        options = CompressOptions(**given) if "sparsity" in given else FilterOptions(**given)
    check_compress(run, options, data=data, resume=resume)
    from edgecnn.pipeline.compress import compress

    with progress_bar() as progress:
        done = compress(run, options, progress, data=data, resume=resume, model=model)
    print_metrics(done.metrics(), as_json, report=done.report_file)


def _refuse_several_ways(given: dict[str, Any]) -> None:
    """Refuse options of which one makes another useless."""
    for way, allowed in _WAYS.items():
        if way not in given:
            continue
        others = [name for name in (*_WAYS, *_LIMITS) if name in given and name not in (way, *allowed)]
        if way == "ptq":
            others += [name for name in ("prune_epochs", "qat_epochs") if name in given]
        if others:
            names = ", ".join(f"--{name.replace('_', '-')}" for name in others)
            raise click.UsageError(f"--{way} leaves nothing to do for {names}; give one or the other")
    if {"part", "target"} <= given.keys():
        raise click.UsageError("--part has its own core; leave out --target")


def _of_part(part: str | None, given: dict[str, Any]) -> dict[str, Any]:
    """Return target, flash and RAM of a part; limits that are given by themselves come first."""
    if part is None:
        return {}
    target = PARTS[part]
    assert target.ram is not None
    return {
        "target": target.name,
        "flash": given.get("flash", target.flash),
        "ram": given.get("ram", target.ram - STACK_BYTES),
    }
