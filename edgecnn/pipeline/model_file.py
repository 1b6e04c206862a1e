# SPDX-License-Identifier: Apache-2.0
"""What a .tflite file says of the images that it takes, and of the classes that it tells apart."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgecnn.compiler.ir import Graph
from edgecnn.compiler.reading.metadata import MOST_BYTES, label_lines, read_labels
from edgecnn.compiler.reading.tflite import read_model
from edgecnn.errors import ModelError, RunError
from edgecnn.files import read_bytes, read_text
from edgecnn.pipeline.run import Run


def find_model(model: Path) -> Path:
    """Return the .tflite file that is meant by `model`: itself, or the one of a run to use.

    Raises:
        RunError: the folder holds no model.
    """
    if not model.is_dir():
        return model
    for name in ("model_int8.tflite", "model_float32.tflite"):
        if (model / name).exists():
            return model / name
    raise RunError(
        f"{model} holds no model_int8.tflite and no model_float32.tflite; train one with 'edgecnn train'"
    )


def network_name(source: Path) -> str:
    """Return what the network of a run, or of a file, is called."""
    run = Run(source)
    return Path(run.record()["model"]).stem if run.record_file.exists() else source.stem


def image_shape(path: Path) -> tuple[int, int, int]:
    """Return height, width and channels of the images that a .tflite file takes.

    Raises:
        ModelError: it is no .tflite file, or takes anything but one grey or RGB image.
    """
    return shape_of_image(read_model(path), path)


def shape_of_image(graph: Graph, path: Path) -> tuple[int, int, int]:
    """Return what `image_shape` does of a file's graph."""
    shape = graph.tensors[graph.inputs[0]].shape if len(graph.inputs) == 1 else ()
    if graph.ranges is not None:
        raise ModelError(f"{path} takes numbers, not images; give it .npy or .csv files")
    if len(shape) != 4 or shape[0] != 1 or shape[3] not in (1, 3):
        raise ModelError(
            f"{path} takes an input of shape {list(shape)}; it must be one grey or RGB image, [1, h, w, 1|3]"
        )
    return shape[1], shape[2], shape[3]


def numbers_shape(graph: Graph, path: Path) -> tuple[int, ...]:
    """Return the shape of the numbers that a .tflite file takes, without its batch.

    Raises:
        ModelError: it takes several inputs or a batch, or pictures, as its metadata say.
    """
    shape = graph.tensors[graph.inputs[0]].shape if len(graph.inputs) == 1 else ()
    if graph.normalization is not None:
        raise ModelError(f"{path} takes pictures, as its metadata say, not numbers; give it image files")
    if len(shape) < 2 or shape[0] != 1:
        raise ModelError(f"{path} takes an input of shape {list(shape)}; it must be one sample, [1, ...]")
    return shape[1:]


def class_labels(model: Path, classes: int) -> tuple[str, ...] | None:
    """Return the labels in labels.txt beside a .tflite file, else those in its metadata; None without either.

    Raises:
        ModelError: there are not as many as the model tells `classes` apart, or the file is damaged.
    """
    beside = model.with_name("labels.txt")
    if beside.exists():
        text, source = read_text(beside, ModelError, MOST_BYTES), str(beside)
        if "\0" in text:  # UTF-16 of Latin letters is UTF-8, too
            raise ModelError(f"{beside} is not text in UTF-8: it has zero bytes; save it as UTF-8")
        labels: tuple[str, ...] | None = label_lines(text.removeprefix("\N{BYTE ORDER MARK}"))
    else:
        labels, source = read_labels(read_bytes(model, error=ModelError)) or None, f"{model}'s metadata"
    if labels is not None and len(labels) != classes:
        raise ModelError(f"{source} has {len(labels)} labels, but the model tells {classes} classes apart")
    return labels


def decide(model: Graph, probabilities: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """Return the class of each image: the most probable, or of one sigmoid's two what its threshold says.

    Args:
        model: what the .tflite file holds.
        probabilities: its answers, (n, classes), in its own order of classes.
    """
    if model.tensors[model.outputs[0]].shape[-1] == 1:
        return np.asarray(probabilities[:, 1] >= model.threshold, np.int64)
    return np.asarray(probabilities.argmax(axis=1))
