# SPDX-License-Identifier: Apache-2.0
"""A small web server over one model: the page of c_to_web.py, and `POST /predict` for other programs."""

from pathlib import Path
from threading import Lock

from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import HTTPException

from edgecnn.converters.c_to_web import page_text
from edgecnn.errors import DataError
from edgecnn.pipeline.predict import Classifier

MAX_BYTES = 64 << 20  # of one request
MAX_FILES = 100


def make_app(model: Path) -> Flask:
    """Return a WSGI application for a model.

    GET / is the page; POST /predict takes a form (multipart/form-data) whose files are images, and answers
    with what `edgecnn predict --json` prints. A refused request gets a status of 400 to 499 and
    `{"error": "..."}`: 400 without a file, 413 where it is too large, 415 where a file is no image. What is
    sent stays in memory and is never written down.

    Args:
        model: as for `Classifier`.

    Raises:
        MissingToolError: no compiler for WebAssembly, or no TFLite runtime, is installed.
        ModelError: the model can't be run or compiled, or is no classifier of images.
    """
    classifier = Classifier(model)
    page = page_text(classifier.file.read_bytes(), classifier.file.stem, classifier.labels)
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
                found = [classifier.predict(Path(file.filename or "unnamed"), file.read()) for file in files]
            except DataError as error:
                return _refused(415, str(error))
        return jsonify(classifier.answer(found).as_json())

    @app.errorhandler(HTTPException)
    def refused(error: HTTPException) -> tuple[Response, int]:
        return _refused(error.code or 500, error.description or error.name)

    return app


def _refused(status: int, reason: str) -> tuple[Response, int]:
    return jsonify({"error": reason}), status
