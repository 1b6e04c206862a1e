# SPDX-License-Identifier: Apache-2.0
"""`edgecnn demo`."""

from pathlib import Path

import click

from edgecnn.cli.console import json_option, print_metrics, progress_bar
from edgecnn.cli.tables import wide_option


@click.command("demo")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("runs/demo"),
    show_default=True,
    help="Run folder to make.",
)
@wide_option
@json_option
def command(out: Path, as_json: bool) -> None:
    """Run the whole job on built-in pictures: train, compress, export, measure, report.

    The pictures are synthetic: phantoms that look somewhat like CT slices of a chest. Takes under five
    minutes on two cores. Run again, it starts over.
    """
    from edgecnn.pipeline.demo import demo

    with progress_bar() as progress:
        run = demo(out, progress)
    print_metrics(run.metrics(), as_json, report=run.report_file)
