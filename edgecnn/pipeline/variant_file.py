# SPDX-License-Identifier: Apache-2.0
"""Writes the .tflite file of a variant, with the sigmoid from which on it says yes.

That is chosen on the validation images by the file's own answers.
"""

from pathlib import Path

from edgecnn import DISCLAIMER, __version__
from edgecnn.compiler.reading.tflite import parse
from edgecnn.converters.tflite_metadata import add_fitting, add_metadata
from edgecnn.data.arrays import Arrays
from edgecnn.evaluation.binary import choose_threshold
from edgecnn.evaluation.overlap import choose_mask_threshold
from edgecnn.files import write_bytes
from edgecnn.pipeline.run import Run
from edgecnn.runtime.tflite import TfliteModel


def write_tflite(run: Run, path: Path, tflite: bytes, validation: Arrays) -> None:
    """Write a .tflite file with the run's labels, a threshold and a description in its metadata."""
    record = run.record()
    description = f"{record['model']}, made with edgecnn {__version__}. {DISCLAIMER}"
    chosen = threshold(tflite, validation)
    metadata = (record["model"], description, run.labels(), chosen, run.window())
    write_bytes(path, add_fitting(add_metadata(tflite, *metadata, ranges=run.ranges()), run.fitting()))


def threshold(tflite: bytes, validation: Arrays) -> float | None:
    """Choose the threshold of a .tflite file; None for one that tells more than two classes apart.

    It is the file's own, since quantization shifts answers: a float model's threshold can lie where its int8
    twin has no answer near.

    Args:
        tflite: the file, for images and labels, or masks, such as `validation` has.
        validation: images of the model's input size.

    Raises:
        MissingToolError: no TFLite runtime is installed.
    """
    graph = parse(tflite)
    if validation.masks is not None:
        return choose_mask_threshold(validation.masks == 1, TfliteModel(tflite).predict(validation.images))
    if graph.tensors[graph.outputs[0]].size > 1:
        return None
    return choose_threshold(validation.labels, TfliteModel(tflite).predict(validation.images).ravel())
