# SPDX-License-Identifier: Apache-2.0
"""The command line: one thin file per command; this one says how the program begins and ends.

Nothing but Python's own is imported at the top: until `main` runs, Ctrl-C shows a traceback.
"""

import os
import signal
import sys
import warnings
from io import TextIOWrapper
from types import FrameType
from typing import NoReturn, TextIO

from edgecnn.errors import EdgecnnError, OtherRuntimeWarning
from edgecnn.escape import for_terminal

_SHOWN = 200  # characters of a name or a reason
_CODE = 128  # plus its number: how a shell tells that a signal ended a program


def main() -> None:
    """Run the command line; a user's mistake becomes one line and exit code 1, never a traceback."""
    ending = _Ending()
    _open_streams()
    warnings.showwarning = _show_warning
    try:
        try:
            _run()
            _flush()
        except BrokenPipeError:  # whoever reads us, `head` for one, has seen enough
            _drop_output()
        except Exception as error:
            if ending.signal:
                raise KeyboardInterrupt from error
            message = _message(error)
            if isinstance(error, OSError):
                _drop_output()
            _fail(message)
    except KeyboardInterrupt:
        _end_interrupted(ending.signal or signal.SIGINT)
    finally:
        ending.over()


def _open_streams() -> None:
    """Let a stream that is closed take everything, and one that lacks a sign show its number."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - until the end
        elif isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


class _Ending:
    """Remembers the signal that ends the program: Ctrl-C, or SIGTERM, and a second one ends it at once.

    TensorFlow, hit while it builds a graph, raises an error of its own in the place of ours.
    """

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._note)
        if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            signal.signal(signal.SIGTERM, self._note)

    def _note(self, number: int, _: FrameType | None) -> None:
        self.signal = signal.Signals(number)
        signal.signal(number, signal.SIG_DFL)
        raise KeyboardInterrupt

    def over(self) -> None:
        """Let a signal end the program at once from now on: Python, shutting down, would show a traceback."""
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) == self._note:
                signal.signal(number, signal.SIG_DFL)


def _run() -> None:
    import click

    from edgecnn.cli.program import edgecnn

    try:
        edgecnn(standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as no_args:
        print(no_args.format_message())
    except click.Abort as error:
        raise KeyboardInterrupt from error


def _message(error: Exception) -> str:
    """Return what a user did wrong; any other error is ours, and is raised again."""
    import click

    if isinstance(error, EdgecnnError):
        return str(error)
    if isinstance(error, OSError | UnicodeError | MemoryError | RecursionError):
        return _of_the_machine(error)
    if isinstance(error, click.UsageError) and error.ctx:
        return f"{error.format_message()} (see '{error.ctx.command_path} --help')"
    if isinstance(error, click.ClickException):
        return error.format_message()
    raise error


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Show one of ours as a note, and others as Python does."""
    text = warnings.formatwarning(message, category, filename, lineno, line)
    if issubclass(category, OtherRuntimeWarning):
        text = f"Note: {for_terminal(str(message))}\n"
    (file or sys.stderr).write(text)


def _of_the_machine(error: Exception) -> str:
    """Say what of the machine, or of a file that no reader of ours foresaw, ended the program."""
    if isinstance(error, OSError):
        name = error.filename if isinstance(error.filename, str) else "a file, or standard output,"
        return f"{name[:_SHOWN]} can't be read or written: {error.strerror or error}"
    if isinstance(error, UnicodeError):
        return f"a file, or its name, is not text in UTF-8: {str(error)[:_SHOWN]}"
    if isinstance(error, MemoryError):
        return f"there is not enough memory; take smaller images, or fewer at a time {str(error)[:_SHOWN]}"
    return "a file is nested too deep to be read; is it damaged?"


def _flush() -> None:
    if sys.stdout is not None:
        sys.stdout.flush()


def _drop_output() -> None:
    """Let what can't be written go nowhere; Python would try once more at its end, and complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _end_interrupted(by: signal.Signals) -> NoReturn:
    print("Interrupted; nothing half-written is left.", file=sys.stderr)
    sys.exit(_CODE + by)


def _fail(message: str) -> NoReturn:
    print(f"Error: {for_terminal(' '.join(message.split()))}", file=sys.stderr)
    sys.exit(1)
