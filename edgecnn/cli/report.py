# SPDX-License-Identifier: Apache-2.0
"""`edgecnn report`."""

from pathlib import Path

import click

from edgecnn import DISCLAIMER
from edgecnn.cli.console import json_option, print_json, say, tell
from edgecnn.cli.tables import print_table, wide_option


@click.command("report")
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RUN...")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write one HTML file with the table and the training curves of all runs.",
)
@wide_option
@json_option
def command(runs: tuple[Path, ...], out: Path | None, as_json: bool) -> None:
    """Compare finished runs: every model of each, side by side.

    Nothing is measured anew: the figures are those that 'train' and 'compress' left in the runs. Runs that
    were measured on different test images are named. What one run shows of itself is its report.html.

    \b
    Examples:
      edgecnn report runs/first runs/second
      edgecnn report runs/* --out comparison.html
    """
    from edgecnn.evaluation.comparison import (
        SPARE_COLUMNS,
        comparison_rows,
        different_images,
        synthetic_runs,
    )
    from edgecnn.pipeline.compare import read_runs

    compared = read_runs(runs)
    if out:
        from edgecnn.evaluation.comparison_page import write_comparison

        write_comparison(out, compared)
    if as_json:
        print_json(
            {
                "same_test_images": not different_images(compared),
                "runs": {
                    run.name: {"network": run.network, "metrics": run.metrics.as_json()} for run in compared
                },
            }
        )
        return
    print_table("", *comparison_rows(compared), SPARE_COLUMNS)
    if different := different_images(compared):
        tell(different)
    if synthetic := synthetic_runs(compared):
        say(f"The pictures of {', '.join(synthetic)} are synthetic.")
    if out:
        say(f"Report: {out}")
    say(DISCLAIMER)
