# SPDX-License-Identifier: Apache-2.0
"""`edgecnn compress`."""

from pathlib import Path

import click

from edgecnn.cli.console import FiniteRange, given_options, json_option, print_metrics, progress_bar, whole
from edgecnn.values import EPOCHS


@click.command("compress")
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--sparsity",
    type=FiniteRange(0, 0.98, min_open=True),
    default=0.5,
    show_default=True,
    help="Part of the weights that become zero.",
)
@click.option(
    "--prune-epochs",
    type=whole(EPOCHS),
    default=10,
    show_default=True,
    help="Passes over the training images while weights become zero.",
)
@click.option(
    "--qat-epochs",
    type=whole(EPOCHS),
    default=5,
    show_default=True,
    help="Passes with int8 arithmetic imitated.",
)
@click.option("--ptq", is_flag=True, help="Post-training quantization only: no pruning, no further training.")
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
@json_option
def command(
    run: Path,
    data: Path | None,
    model: str | None,
    resume: bool,
    as_json: bool,
    ptq: bool,
    **training: float,
) -> None:
    """Prune a trained model and quantize it to int8.

    Prunes by magnitude, trains on with the quantization in the loop and the zeros kept, the float model
    being the teacher. Leaves model_int8.tflite and its C array in the RUN folder, and beside them, to compare
    with, the pruned float model and the post-training int8 model. Every variant is measured on the same test
    images.

    \b
    Example:
      edgecnn compress runs/first --sparsity 0.7 --prune-epochs 20
    """
    from edgecnn.models._user import runs_code
    from edgecnn.pipeline.run.options import CompressOptions, check_compress, resumed_compression

    if model is not None and not runs_code(model):
        raise click.UsageError(f"--model {model} defines no layers; give FILE.py:FUNCTION, or leave it out")
    if ptq and (useless := given_options(training)):
        names = ", ".join(f"--{name.replace('_', '-')}" for name in useless)
        raise click.UsageError(f"--ptq neither prunes nor trains; leave out {names}")
    if resume:
        options = resumed_compression(run, given_options({"ptq": ptq, **training}))
    else:
        options = None if ptq else CompressOptions(**training)  # type: ignore[arg-type]
    check_compress(run, options, data=data, resume=resume)
    from edgecnn.pipeline.compress import compress

    with progress_bar() as progress:
        done = compress(run, options, progress, data=data, resume=resume, model=model)
    print_metrics(done.metrics(), as_json, report=done.report_file)
