# SPDX-License-Identifier: Apache-2.0
"""`edgecnn verify`: proof that the generated C computes the same bytes."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgecnn.cli.compile import optimize_option, schedule_option, stop_option
from edgecnn.cli.console import given_options, json_option, say, tell
from edgecnn.cli.parts import target_option
from edgecnn.cli.tables import wide_option
from edgecnn.errors import ModelError
from edgecnn.files import require_there

_MOST_NAMED = 5  # operators of those that follow one oracle
_OF_COMPILER = ("target", "inputs", "schedule", "optimize", "stop_before_float", "profile")
_OF_BOARD = ("baud", "timeout")  # what only --serial asks for

if TYPE_CHECKING:
    from edgecnn.pipeline.verify import Verified
    from edgecnn.pipeline.verify.profile import OperatorProfile
    from edgecnn.pipeline.verify.serial import SerialVerified


_MOST_INPUTS = 100_000


@click.command("verify")
@click.argument("model", type=click.Path(path_type=Path), metavar="RUN_OR_FILE")
@target_option
@click.option(
    "--inputs",
    show_default="5; 64 where the model keeps variables",
    metavar="DIR|N",
    help="A folder of images or numbers (.npy, .csv), a file of numbers, or how many random inputs.",
)
@schedule_option
@optimize_option
@stop_option
@click.option("--profile", is_flag=True, help="Show what each operator costs, in an emulator.")
@click.option(
    "--serial",
    type=click.Path(path_type=Path),
    metavar="PORT|LOGFILE",
    help="Compare what a board's self-test prints there, and compile nothing.",
)
@click.option(
    "--baud", type=click.IntRange(1, 10_000_000), default=115200, show_default=True, help="Of that port."
)
@click.option(
    "--timeout",
    type=click.IntRange(1, 86_400),
    default=30,
    show_default=True,
    help="Seconds to wait for its lines.",
)
@wide_option
@json_option
def command(  # noqa: PLR0913, PLR0917 - one parameter for each option
    model: Path,
    target: str,
    inputs: str | None,
    schedule: str,
    optimize: str,
    stop_before_float: bool,
    profile: bool,
    serial: Path | None,
    baud: int,
    timeout: int,
    as_json: bool,
) -> None:
    """Compile a model's C with a real compiler, run it, and compare every byte.

    The outputs are compared with TensorFlow Lite's reference kernels (tflite-runtime 2.14), also those of an
    .onnx file that is quantized already. Where these
    can't run, or are wrong, it is edgecnn's own in NumPy, held to other kernels operator by operator: to
    which, and why, is said. Inputs are chosen anew where all have the same output. A model that keeps
    variables runs one input after the other, then from the start again with those of its self-test, and its
    variables are compared after each. Targets c99, x86-64 and
    x86-64-vnni run on this machine under ASan and UBSan, wasm32 in Node.js, and the others in QEMU, which
    counts their instructions. For the M4 they are weighed by the table in Arm's Technical Reference Manual,
    too: an estimate of cycles that leaves out waiting for flash and caches. With --serial the C runs on your
    board: the bytes are those that its self-test, NAME_test.c, prints. Exit code 1 when a byte differs.

    \b
    Examples:
      edgecnn verify model_int8.tflite
      edgecnn verify model_int8.tflite --target cortex-m4 --inputs photos/test
      edgecnn verify model_int8.tflite --target cortex-m4 --profile
      edgecnn verify model_int8.tflite --serial /dev/ttyACM0
    """
    _refuse_ignored(serial is not None)
    if serial is not None:
        _verify_serial(model, serial, baud, timeout, as_json)
        return
    chosen = None if inputs is None else _chosen(inputs)
    require_there(model, ModelError)
    from edgecnn.cli.console import print_json
    from edgecnn.pipeline.model_file import find_model
    from edgecnn.pipeline.verify import verify

    verified = verify(
        find_model(model),
        target,
        chosen,
        rows=schedule == "rows",
        optimize=optimize,
        profile=profile,
        stop_before_float=stop_before_float,
    )
    if as_json:
        print_json(verified.as_json())
    else:
        _print(verified)
    if not verified.equal:
        sys.exit(1)


def _chosen(inputs: str) -> int | Path:
    """Return how many inputs are asked for, or the folder of them."""
    chosen = int(inputs[:9]) if inputs.isascii() and inputs.isdigit() else Path(inputs)
    if isinstance(chosen, int) and not 1 <= chosen <= _MOST_INPUTS:
        raise click.BadParameter(f"give 1 to {_MOST_INPUTS:,} inputs, or a folder", param_hint="--inputs")
    if isinstance(chosen, Path) and not (chosen.is_dir() or chosen.suffix in (".npy", ".csv")):
        raise click.BadParameter(f"{inputs!r} is neither a number nor a folder", param_hint="--inputs")
    return chosen


def _refuse_ignored(by_serial: bool) -> None:
    """Refuse options that only what isn't asked for would read: a board's self-test, or C that runs here."""
    for given in given_options(dict.fromkeys(_OF_COMPILER if by_serial else _OF_BOARD)):
        name = given.replace("_", "-")
        if by_serial:
            raise click.UsageError(f"--serial compiles nothing; leave out --{name}")
        raise click.UsageError(f"--{name} is of a board's self-test; add --serial, or leave it out")


def _verify_serial(model: Path, serial: Path, baud: int, timeout: int, as_json: bool) -> None:
    from edgecnn.cli.console import print_json
    from edgecnn.pipeline.model_file import find_model
    from edgecnn.pipeline.verify.serial import verify_serial

    verified = verify_serial(find_model(model), serial, baud, timeout)
    if as_json:
        print_json(verified.as_json())
    else:
        say(f'{verified.vectors} vectors of "{verified.name}", compared with {verified.oracle}')
        _print_oracles(verified)
        say(f"{verified.bytes_different} of {verified.bytes_compared} bytes differ")
    if not verified.equal:
        sys.exit(1)


def _print_operators(operators: Sequence["OperatorProfile"]) -> None:
    from edgecnn.cli.tables import print_table

    total = sum(row.instructions for row in operators)
    macs = sum(row.macs for row in operators)
    rows = [
        [
            " ".join(str(word) for word in (row.index, row.op, row.name) if word not in (None, "")),
            f"{row.instructions:,}",
            f"{row.share:.1%}",
            f"{row.macs:,}" if row.macs else "",
            f"{row.instructions_per_mac:.2f}" if row.instructions_per_mac is not None else "",
            f"{row.cycles_estimated:,}" if row.cycles_estimated is not None else "",
        ]
        for row in operators
    ]
    cycles = sum(row.cycles_estimated or 0 for row in operators)
    rows.append(["total", f"{total:,}", "100.0%", f"{macs:,}", f"{total / max(macs, 1):.2f}", f"{cycles:,}"])
    columns = ["operator", "instructions", "share", "MACs computed", "instructions per MAC"]
    if cycles:
        columns.append("cycles, estimated")
    print_table("", columns, [row[: len(columns)] for row in rows])


def _print_oracles(verified: "Verified | SerialVerified") -> None:
    """Say whose kernels stand behind the references, where that isn't one for all, and where they differ."""
    for ruling in verified.oracles if len(verified.oracles) > 1 or verified.oracles[0].why else ():
        numbers = ", ".join(map(str, ruling.operators[:_MOST_NAMED]))
        more = ", ..." if len(ruling.operators) > _MOST_NAMED else ""
        say(
            f"  {', '.join(ruling.ops)} ({'operator' if len(ruling.operators) == 1 else 'operators'} "
            f"{numbers}{more}): {ruling.oracle}" + (f", as {ruling.why}" if ruling.why else "")
        )
    for name, count in verified.operators_different.items():
        say(f"  {name}: {count} bytes of our reference differ from that; please report it, with the file")


def _print_variety(verified: "Verified") -> None:
    """Say how much the inputs tell: equal outputs of all of them prove little."""
    counts = [f"{count:,}" for count in verified.different_outputs]
    names = [*verified.outputs, *verified.variables]
    if len(counts) > 1:
        counts = [f"{name} {count}" for name, count in zip(names, counts, strict=True)]
    say(f"different outputs            {', '.join(counts):>12}")
    pairs = zip(names, verified.different_outputs, strict=True)
    if verified.inputs > 1 and (same := [name for name, count in pairs if count == 1]):
        output = ", ".join(same) if len(counts) > 1 else "output"
        tell(
            f"All inputs have the same {output}, and no others changed that: that it is equal proves little."
        )


def _print(verified: "Verified") -> None:
    if verified.operators is not None:
        _print_operators(verified.operators)
    reset = f" (from the start again before number {verified.reset_at})" if verified.reset_at else ""
    say(f"target {verified.target}, {verified.inputs} inputs{reset}, compared with {verified.oracle}")
    _print_oracles(verified)
    _print_variety(verified)
    if verified.instructions is not None:
        rate = verified.instructions / max(verified.macs, 1)
        say(f"instructions per inference   {verified.instructions:>12,}   ({rate:.2f} per MAC as given)")
    if verified.cycles_estimated is not None:
        cycles = f"{verified.cycles_estimated:>12,}"
        say(f"cycles, estimated            {cycles}   (by Arm's table, no wait states)")
    for label, value in (
        ("MACs computed", verified.macs_computed),
        ("code", verified.code_bytes),
        ("constant data", verified.const_bytes),
        ("arena", verified.arena_bytes),
        ("variables", verified.variables_bytes or None),
        ("state", verified.state_bytes),
        ("statics", verified.static_bytes),
        ("worst stack", verified.stack_bytes),
        ("of it seen in use", verified.stack_painted_bytes),
    ):
        if value is not None:
            say(f"{label:<28} {value:>12,}" + ("" if label == "MACs computed" else " bytes"))
    say(f"{verified.bytes_different} of {verified.bytes_compared} bytes differ")
