# SPDX-License-Identifier: Apache-2.0
"""`edgecnn predict`: classify or mark images with a model."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgecnn import DISCLAIMER
from edgecnn.cli.console import json_option, print_json, say, window_option

if TYPE_CHECKING:
    from edgecnn.pipeline.predict import Answer


@click.command("predict")
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("images", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="IMAGE...")
@click.option(
    "--masks",
    "folder",
    type=click.Path(path_type=Path),
    help="Write masks here, if the model answers with them.",
)
@window_option
@json_option
def command(model: Path, images: tuple[Path, ...], folder: Path | None, window: str, as_json: bool) -> None:
    """Classify or mark images, or classify numbers, with a model.

    MODEL is a .tflite file or the folder of a run, whose int8 model is taken if there is one. Images of any
    size are decoded and resized as in training. The probability is the model's own: it says little about
    pictures unlike those it was trained on. Of a model that answers with masks you see how much is marked.
    Images that can't be decoded are named, the others are answered, and the exit code is 1. A model of
    numbers takes .npy files, of one sample or of several, samples first, and .csv files of one.

    \b
    Examples:
      edgecnn predict runs/first photo.jpg
      edgecnn predict model_int8.tflite photos/*.png --json
      edgecnn predict runs/nuclei slide.png --masks marked
      edgecnn predict runs/gestures window.npy recording.csv
    """
    from edgecnn.errors import ModelError
    from edgecnn.files import require_there

    require_there(model, ModelError)
    from edgecnn.pipeline.predict import predict
    from edgecnn.pipeline.predict_masks import answers_with_masks

    if answers_with_masks(model):
        _predict_masks(model, images, folder, window, as_json)
        return
    if folder:
        raise ModelError(f"{model} answers with classes and has no masks to write; leave out --masks")
    answer = predict(model, images, window)
    if as_json:
        print_json(answer.as_json())
    elif answer.predictions:
        _print(answer)
    _name(answer.unreadable)


def _print(answer: "Answer") -> None:
    images_width = max(len(str(prediction.image)) for prediction in answer.predictions)
    labels_width = max(map(len, answer.labels))
    for prediction in answer.predictions:
        name = str(prediction.image)
        line = f"{name:<{images_width}}  {prediction.label:<{labels_width}}  {prediction.probability:6.1%}"
        if other := prediction.runner_up(answer.labels):
            line += f"  all but a tie with {other[0]}, {other[1]:.1%}"
        say(line)
    say(DISCLAIMER)


def _name(unreadable: Mapping[Path, str]) -> None:
    """Name the images that can't be decoded, and end with exit code 1 if there are any."""
    say(*(f"Error: {reason}" for reason in unreadable.values()), error=True)
    if unreadable:
        sys.exit(1)


def _predict_masks(
    model: Path, images: tuple[Path, ...], folder: Path | None, window: str, as_json: bool
) -> None:
    from edgecnn.pipeline.predict import unreadable_as_json
    from edgecnn.pipeline.predict_masks import predict_masks

    marked, unreadable = predict_masks(model, images, folder, window)
    if as_json:
        rows = [
            {"image": str(marking.image), "share": marking.share, "mask": marking.mask and str(marking.mask)}
            for marking in marked
        ]
        unread = unreadable_as_json(unreadable)
        print_json({"model": str(model), "note": DISCLAIMER, "masks": rows, "unreadable": unread})
    elif marked:
        for marking in marked:
            say(f"{marking.image}  {marking.share:6.1%} marked{f'  {marking.mask}' if marking.mask else ''}")
        say(DISCLAIMER)
    _name(unreadable)
