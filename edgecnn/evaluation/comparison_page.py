# SPDX-License-Identifier: Apache-2.0
"""One HTML file that shows several runs side by side."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from edgecnn.escape import for_html
from edgecnn.evaluation.comparison import ComparedRun, comparison_rows, different_images, synthetic_runs
from edgecnn.evaluation.html import drawing, grid, note, page, synthetic, text_table
from edgecnn.evaluation.plots import RUN_COLOURS, overlaid
from edgecnn.files import write_text

_COSTS = (
    "RAM is what the C of a run's int8 model needs, row by row (c99). Latency is that of the machine on "
    "which a run was measured."
)


def write_comparison(path: Path, runs: Sequence[ComparedRun]) -> None:
    """Write one self-contained HTML file with the table and the curves of `runs`.

    Raises:
        EdgecnnError: `path` can't be written.
    """
    drawn = synthetic_runs(runs)
    notices = synthetic(", ".join(drawn)) if drawn else ""
    if different := different_images(runs):
        notices += f'\n<p class="notice"><strong>{for_html(different)}</strong></p>'
    sections = {
        "Results": text_table(*comparison_rows(runs)) + note(_explained(runs)),
        "Training": _training(runs),
    }
    networks = ", ".join(dict.fromkeys(run.network for run in runs))
    write_text(path, page("Runs compared", f"Networks: {networks}.", notices, sections, ""))


def _explained(runs: Sequence[ComparedRun]) -> str:
    counts = sorted({run.metrics.test_images for run in runs})
    return (
        f"On {' or '.join(f'{count:,}' for count in counts)} test images. Loss is against the first model of "
        f"the same run; a negative one is a gain. {_COSTS}"
    )


def _training(runs: Sequence[ComparedRun]) -> str:
    """Lay the validation curves of all runs over each other."""
    histories = {run.name: run.history for run in runs if any(run.history.values())}
    if not histories:
        return ""
    names = ("Dice" if runs[0].metrics.masks else "Accuracy", "Loss")
    figures = (drawing(name, (), overlaid(histories, name.lower())) for name in names)
    keys = f"<p>{''.join(_keys(histories))}</p>"
    return f"{keys}\n{grid('pair', figures)}\n{note('On the validation images, epoch by epoch.')}"


def _keys(names: Iterable[str]) -> Iterator[str]:
    """Yield a key for each line of `overlaid`: colours, and dashes where these begin again."""
    for number, name in enumerate(names):
        again, colour = divmod(number, RUN_COLOURS)
        css = "key dashed" if again else "key"
        variables = "; ".join(f"--{line}: var(--run-{colour})" for line in ("validation", "training"))
        yield f'<span class="{css}" style="{variables}">{for_html(name)}</span>'
