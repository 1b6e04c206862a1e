# SPDX-License-Identifier: Apache-2.0
"""The program's commands, each loaded only when it is asked for."""

import sys
from importlib import import_module
from typing import Any

import click

from edgecnn import __version__
from edgecnn.cli.suggestions import Group

_WIDTH = 80  # of help in a file
# In the order in which a person meets them; `edgecnn --help` keeps it.
COMMANDS = {
    "demo": "Run the whole job on built-in pictures: train, compress, export, measure, report.",
    "data": "Make the built-in pictures, or check your own before you train on them.",
    "models": "List the networks that can be trained, and what one needs on a device.",
    "train": "Train a compact CNN on a folder of images.",
    "compress": "Shrink a trained model until it fits a device, and quantize it to int8.",
    "export": "Quantize a model and write it as .tflite, C, a web page or a firmware package.",
    "benchmark": "Measure latency and accuracy of several models side by side.",
    "report": "Compare finished runs side by side.",
    "predict": "Classify or mark images with a model.",
    "serve": "Show a model as a page in the browser, and answer other programs.",
    "inspect": "Show what is inside a .tflite file.",
    "targets": "List what C can be generated for, and what runs it here.",
    "compile": "Turn an int8 .tflite file into C that needs no interpreter.",
    "budget": "Hold what a model takes of a device against limits, for CI.",
    "drift": "Find the operator where two models part that should compute the same.",
    "verify": "Prove that this C computes the same bytes, here or on any other target.",
}


class _Commands(Group):
    """Loads the module of a command when it is used, so that `--help` imports none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command = import_module(f"edgecnn.cli.{name}").command
        assert isinstance(command, click.Command)
        return command

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Begin a call; help that no terminal shows is as wide as ever."""
        if not sys.stdout.isatty():
            extra.setdefault("terminal_width", _WIDTH)
        return super().make_context(info_name, args, parent, **extra)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="edgecnn")
def edgecnn() -> None:
    """From a folder of images to a small neural network on a five-euro device.

    \b
    A session, from pictures to firmware:
      edgecnn data check photos
      edgecnn train --data photos --model cainvas --out runs/first
      edgecnn compress runs/first
      edgecnn benchmark runs/first --data photos
      edgecnn export runs/first --out firmware --format c-array

    Every command explains itself with --help. Models trained with edgecnn are for research and
    education, never for diagnosis.
    """
