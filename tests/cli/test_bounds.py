# SPDX-License-Identifier: Apache-2.0
"""Every number that an option takes has bounds, and one line says which."""

from collections.abc import Iterator

import click
import pytest

from edgecnn.cli.program import edgecnn

LARGE = "1" + 20 * "0"


def numbers(
    group: click.Group = edgecnn, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Option]]:
    """Every option of every command that takes a number, with the words that call the command."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from numbers(command, (*path, name))
            continue
        assert command is not None
        for option in command.params:
            if isinstance(option, click.Option) and isinstance(
                option.type, click.types.IntParamType | click.types.FloatParamType
            ):
                yield (*path, name), option


NUMBERS = list(numbers())


@pytest.mark.parametrize(
    ("path", "option"), NUMBERS, ids=lambda part: "-".join(part) if isinstance(part, tuple) else part.name
)
@pytest.mark.parametrize("value", [LARGE, "9" * 5000, "-1", "1e400", "nan", "x"])
def test_a_number_without_bounds_is_refused(path: tuple[str, ...], option: click.Option, value: str) -> None:
    with pytest.raises(click.BadParameter) as refused:
        option.type.convert(value, option, click.Context(edgecnn))
    assert "\n" not in refused.value.format_message()


def test_there_are_such_options() -> None:
    assert {option.name for _, option in NUMBERS} >= {
        "epochs",
        "threads",
        "count",
        "port",
        "runs",
        "sparsity",
    }


@pytest.mark.parametrize("value", ["0", "5000", "96x0", "-1", "9" * 5000, "96x96x96", "²", "96x1e9", "x"])
def test_a_size_without_bounds_is_refused(value: str) -> None:
    from edgecnn.cli.console import ImageSize

    with pytest.raises(click.BadParameter, match="is no size"):
        ImageSize().convert(value, None, None)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (["verify", "m.tflite", "--inputs", LARGE], "give 1 to 100,000 inputs, or a folder"),
        (["verify", "m.tflite", "--inputs", "²"], "is neither a number nor a folder"),
        (["compile", "m.tflite", "--out", "x", "--ram", "9" * 5000], "is no size"),
        (["compile", "m.tflite", "--out", "x", "--ram", "²"], "is no size"),
    ],
)
def test_other_numbers_have_bounds_too(call: list[str], told: str) -> None:
    with pytest.raises(click.UsageError) as refused:
        edgecnn.main(call, standalone_mode=False)
    assert told in refused.value.format_message()
