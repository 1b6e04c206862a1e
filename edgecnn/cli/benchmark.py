# SPDX-License-Identifier: Apache-2.0
"""`edgecnn benchmark`."""

from pathlib import Path
from typing import Any

import click

from edgecnn import DISCLAIMER
from edgecnn.cli.console import json_option, print_json, print_metrics, progress_bar, say, whole
from edgecnn.cli.tables import wide_option
from edgecnn.errors import ModelError
from edgecnn.files import require_file, write_json
from edgecnn.values import RUNS, SEED, THREADS


class _Command(click.Command):
    """Understands `--json FILE`, too, which is `--save FILE` since `--json` is a flag everywhere."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the words of a call, as click asks of its commands."""
        words = list(args)
        for number, word in enumerate(args):
            following = args[number + 1] if number + 1 < len(args) else "-"
            if word.startswith("--json=") or (word == "--json" and _is_file_of_figures(following)):
                words[number] = word.replace("--json", "--save", 1)
                say("Note: --json FILE is --save FILE now; this version understands both.", error=True)
        return super().parse_args(ctx, words)


def _is_file_of_figures(word: str) -> bool:
    """Say whether the word behind --json is a file to write, and neither an option nor a model."""
    return not word.startswith("-") and not word.endswith(".tflite") and not Path(word).is_dir()


@click.command("benchmark", cls=_Command)
@click.argument(
    "models", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RUN_OR_TFLITE..."
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    required=True,
    help="Images or numbers as for train; the test split is used.",
)
@click.option("--seed", type=whole(SEED), help="Of the split, as for train.  [default: the run's, else 0]")
@click.option("--runs", type=whole(RUNS), default=200, show_default=True, help="Inferences that are timed.")
@click.option("--warmup", type=whole(RUNS, 0), default=20, show_default=True, help="Inferences before those.")
@click.option("--threads", type=whole(THREADS), default=1, show_default=True, help="Of the TFLite runtime.")
@click.option(
    "--ssh",
    metavar="HOST",
    help="Measure there, not here: pi@host, or what else ssh takes. It needs Python with NumPy, Pillow and a "
    "TFLite runtime; the C is measured where it has a compiler.",
)
@click.option(
    "--save", type=click.Path(path_type=Path), metavar="FILE", help="Write the figures as JSON, too."
)
@wide_option
@json_option
def command(  # noqa: PLR0913, PLR0917 - one parameter for each option
    models: tuple[Path, ...],
    data: Path,
    seed: int | None,
    runs: int,
    warmup: int,
    threads: int,
    ssh: str | None,
    save: Path | None,
    as_json: bool,
) -> None:
    """Measure latency and accuracy of several models side by side.

    Of a run every variant is measured. Each model is compared with the first, on the same images. Where
    gcc is installed, the C that 'edgecnn compile' makes of an int8 model is measured, too. What is measured
    on another machine joins the report.html of a run.

    \b
    Examples:
      edgecnn benchmark runs/first --data photos
      edgecnn benchmark mine_float32.tflite mine_int8.tflite --data photos --save figures.json
      edgecnn benchmark runs/first --data photos --ssh pi@raspberrypi.local
    """
    for model in models:
        _require(model)
    from edgecnn.pipeline.benchmark import benchmark
    from edgecnn.pipeline.benchmark_ssh import benchmark_ssh
    from edgecnn.pipeline.evaluate import Timing

    timing = Timing(warmup, runs, threads)
    with progress_bar() as progress:
        if ssh is not None:
            figures = benchmark_ssh(ssh, models, data, timing, progress, seed=seed)
        else:
            metrics = benchmark(models, data, timing, progress, seed=seed).metrics
            figures = metrics.as_json()
    if save:
        write_json(save, figures)
    if as_json:
        print_json(figures)
    elif ssh is not None:
        _print_device(ssh, figures)
    else:
        print_metrics(metrics)


def _require(model: Path) -> None:
    """Check that a model is there, before what measures it is loaded."""
    if model.suffix == ".tflite":
        require_file(model, ModelError)
        return
    from edgecnn.pipeline.run import Run

    Run(model).record()


def _print_device(address: str, report: dict[str, Any]) -> None:
    from edgecnn.cli.tables import print_table
    from edgecnn.evaluation.devices import COLUMNS, SPARE_COLUMNS, device_rows, device_title

    print_table(f"{address}: {device_title(report)}", COLUMNS, device_rows(report), SPARE_COLUMNS)
    say(DISCLAIMER)
