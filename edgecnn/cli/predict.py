# SPDX-License-Identifier: Apache-2.0
"""`edgecnn predict`: classify images with a model."""

from pathlib import Path

import click

from edgecnn.cli.console import json_option, print_json


@click.command("predict")
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("images", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="IMAGE...")
@json_option
def command(model: Path, images: tuple[Path, ...], as_json: bool) -> None:
    """Classify images with a model.

    MODEL is a .tflite file or the folder of a run, whose int8 model is taken if there is one. Images of any
    size are decoded and resized as in training. The probability is the model's own: it says little about
    pictures unlike those it was trained on.

    \b
    Examples:
      edgecnn predict runs/first photo.jpg
      edgecnn predict model_int8.tflite photos/*.png --json
    """
    from edgecnn.pipeline.predict import DISCLAIMER, predict

    answer = predict(model, images)
    if as_json:
        print_json(answer.as_json())
        return
    images_width = max(len(str(prediction.image)) for prediction in answer.predictions)
    labels_width = max(map(len, answer.labels))
    for prediction in answer.predictions:
        name = str(prediction.image)
        print(f"{name:<{images_width}}  {prediction.label:<{labels_width}}  {prediction.probability:6.1%}")
    print(DISCLAIMER)
