# SPDX-License-Identifier: Apache-2.0
"""`edgecnn budget`: whether a model fits, for a person and for CI."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgecnn import DISCLAIMER
from edgecnn.cli.console import BYTES, COUNT, FiniteRange, given_options, json_option, progress_bar, say, tell
from edgecnn.cli.parts import part_option
from edgecnn.cli.suggestions import Choice
from edgecnn.cli.tables import wide_option
from edgecnn.compiler.targets import PARTS, TARGETS
from edgecnn.errors import ModelError
from edgecnn.files import require_there

if TYPE_CHECKING:
    from edgecnn.evaluation.budget import Budget
    from edgecnn.pipeline.budget_file import BudgetFile

_DEVICES = ("target", "part")
_LIMITS = ("flash", "ram", "stack", "instructions", "accuracy", "loss")


@click.command("budget")
@click.argument("model", type=click.Path(path_type=Path), metavar="RUN_OR_TFLITE")
@click.option(
    "--target",
    type=Choice([name for name, target in TARGETS.items() if target.board]),
    default="cortex-m4",
    show_default=True,
    help="The core.",
)
@part_option
@click.option("--flash", type=BYTES, metavar="LIMIT", help="Bytes of code and constants (256K, 1M).")
@click.option("--ram", type=BYTES, metavar="LIMIT", help="Bytes of arena, state and statics (64K).")
@click.option("--stack", type=BYTES, metavar="LIMIT", help="Bytes of the deepest stack (1K).")
@click.option("--instructions", type=COUNT, metavar="LIMIT", help="Of an inference (500k, 30M).")
@click.option("--accuracy", type=FiniteRange(0, 1), help="The least, of test images (0.9).")
@click.option(
    "--loss", type=FiniteRange(0, 100), help="Points of it that may be lost against the run's float model."
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Images as for train, to measure accuracy on.  [default: what the run has measured]",
)
@click.option(
    "--against",
    type=click.Path(path_type=Path),
    metavar="RUN_OR_TFLITE|FILE.json",
    help="Another model, or what --save wrote of one: nothing may be worse.",
)
@click.option(
    "--tolerance",
    type=FiniteRange(0, 1e6),
    default=0.0,
    show_default=True,
    help="Percent of it, or points of accuracy, that still may be.",
)
@click.option("--markdown", type=click.Path(path_type=Path), help="Write a summary for a pull request.")
@click.option("--junit", type=click.Path(path_type=Path), help="Write a test report for CI.")
@click.option("--save", type=click.Path(path_type=Path), metavar="FILE", help="Write the figures as JSON.")
@wide_option
@json_option
def command(
    model: Path,
    against: Path | None,
    markdown: Path | None,
    junit: Path | None,
    save: Path | None,
    as_json: bool,
    **asked: Any,
) -> None:
    """Hold what a model takes of a device against limits; exit code 1 when it takes too much.

    Flash, RAM and the deepest stack are those of the C that 'edgecnn compile' makes, by the compiler of
    the target; instructions are counted in an emulator, and bytes compared with TensorFlow Lite's. Without
    limits those in budget.toml beside the model hold, which has a table for each device:

    \b
      data = "photos"
      [STM32F411CE]
      ram = "16K"
      instructions = "20M"
      accuracy = 0.9

    \b
    Examples:
      edgecnn budget model_int8.tflite --flash 64K --ram 16K --stack 1K
      edgecnn budget runs/first --part STM32F103C8 --instructions 2M --loss 1
      edgecnn budget runs/first --against main.json --tolerance 2 --markdown summary.md
    """
    require_there(model, ModelError)
    from edgecnn.cli.console import print_json
    from edgecnn.evaluation import budget as results
    from edgecnn.files import write_json, write_text
    from edgecnn.pipeline.budget import Base, check_budget

    told = _asked(model, given_options(asked))
    base = None if against is None else Base(against, told.tolerance)
    with progress_bar() as progress:
        budgets = [check_budget(model, limits, progress, data=told.data, base=base) for limits in told.limits]
    if save is not None:
        write_json(save, results.as_json(budgets))
    if markdown is not None:
        write_text(markdown, results.markdown(budgets))
    if junit is not None:
        write_text(junit, results.junit(budgets))
    if as_json:
        print_json(results.as_json(budgets))
    else:
        _print(budgets)
    if any(budget.faults for budget in budgets):
        sys.exit(1)


def _asked(model: Path, given: dict[str, Any]) -> "BudgetFile":
    """Return what the options ask for, or, where they limit nothing, the budget.toml beside the model."""
    from edgecnn.pipeline.budget import Limits
    from edgecnn.pipeline.budget_file import BudgetFile, beside, of_part, read_budget

    given.pop("wide", None)
    if set(_DEVICES) <= given.keys():
        raise click.UsageError("--part has its own core; leave out --target")
    tolerance = given.get("tolerance", 0.0)
    if not given.keys() & {*_LIMITS, *_DEVICES}:
        file = beside(model)
        if not file.exists():
            raise click.UsageError(
                f"nothing is limited, and there is no {file}; give --part, or a limit such as --flash 64K"
            )
        told = read_budget(file)
        return BudgetFile(told.limits, given.get("data", told.data), given.get("tolerance", told.tolerance))
    most = {name: given[name] for name in _LIMITS if name in given}
    if (part := given.get("part")) is not None:
        limits = Limits(PARTS[part].name, part, of_part(part) | most)
    else:
        limits = Limits(given.get("target", "cortex-m4"), None, most)
    return BudgetFile((limits,), given.get("data"), tolerance)


def _print(budgets: list["Budget"]) -> None:
    from edgecnn.cli.tables import print_table

    for budget in budgets:
        print_table(budget.title, *budget.table())
        tell(*budget.costs())
        tell(*(f"over: {fault}" for fault in budget.faults) if budget.faults else ["within all limits"])
        tell(*(f"would help: {remedy.sentence()}" for remedy in budget.remedies))
    say(DISCLAIMER)
