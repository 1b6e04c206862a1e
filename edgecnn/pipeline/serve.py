# SPDX-License-Identifier: Apache-2.0
"""A small web server over one model: the page of c_to_web.py, and `POST /predict` for other programs."""

from base64 import b64encode
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import PIL.Image
from flask import Flask, Response, jsonify, request
from numpy.typing import NDArray
from werkzeug.exceptions import HTTPException

from edgecnn import DISCLAIMER
from edgecnn.converters.c_to_web import page_text
from edgecnn.errors import DataError
from edgecnn.pipeline.model_file import find_model
from edgecnn.pipeline.predict import Classifier
from edgecnn.pipeline.segment import Segmenter, answers_with_masks, share

MAX_BYTES = 64 << 20  # of one request
MAX_FILES = 100
Image = tuple[Path, bytes]  # a file's name and content
Answer = Callable[[Sequence[Image]], dict[str, Any]]


def make_app(model: Path) -> Flask:
    """Return a WSGI application for a model.

    GET / is the page; POST /predict takes a form (multipart/form-data) whose files are images, and answers
    with what `edgecnn predict --json` prints; masks are PNG files in base64. A refused request gets a
    status of 400 to 499 and `{"error": "..."}`: 400 without a file, 413 where it is too large, 415 where a
    file is no image. What is sent stays in memory and is never written down.

    Args:
        model: as for `Classifier`, or `Segmenter`.

    Raises:
        MissingToolError: no compiler for WebAssembly, or no TFLite runtime, is installed.
        ModelError: the model can't be run or compiled, or answers with neither classes nor masks.
    """
    file = find_model(model)
    answer, labels = _with_masks(file) if answers_with_masks(file) else _with_classes(file)
    page = page_text(file.read_bytes(), file.stem, labels)
    one_at_a_time = Lock()  # the interpreter has one arena, and a decoded picture may take hundreds of MB
    app = Flask("edgecnn", static_folder=None)
    app.config.update(MAX_CONTENT_LENGTH=MAX_BYTES, MAX_FORM_PARTS=MAX_FILES)

    @app.get("/")
    def index() -> Response:
        return Response(page, mimetype="text/html")

    @app.post("/predict")
    def predict() -> Response | tuple[Response, int]:
        files = [file for _, file in request.files.items(multi=True)]
        if not files:
            return _refused(400, "the request has no file; send images as multipart/form-data")
        with one_at_a_time:
            try:
                found = answer([(Path(file.filename or "unnamed"), file.read()) for file in files])
            except DataError as error:
                return _refused(415, str(error))
        return jsonify(found)

    @app.errorhandler(HTTPException)
    def refused(error: HTTPException) -> tuple[Response, int]:
        return _refused(error.code or 500, error.description or error.name)

    return app


def _with_classes(file: Path) -> tuple[Answer, tuple[str, ...]]:
    """Return what answers with classes, and their names."""
    classifier = Classifier(file)

    def answer(images: Sequence[Image]) -> dict[str, Any]:
        return classifier.answer([classifier.predict(*image) for image in images]).as_json()

    return answer, classifier.labels


def _with_masks(file: Path) -> tuple[Answer, tuple[str, ...]]:
    """Return what answers with masks, and no names."""
    segmenter = Segmenter(file)

    def answer(images: Sequence[Image]) -> dict[str, Any]:
        masks = [(path, segmenter.mark(path, content)) for path, content in images]
        rows = [{"image": str(path), "share": share(mask), "mask": _png(mask)} for path, mask in masks]
        return {"model": str(file), "note": DISCLAIMER, "masks": rows}

    return answer, ()


def _png(mask: NDArray[np.uint8]) -> str:
    file = BytesIO()
    PIL.Image.fromarray(mask).save(file, "png")
    return b64encode(file.getvalue()).decode()


def _refused(status: int, reason: str) -> tuple[Response, int]:
    return jsonify({"error": reason}), status
