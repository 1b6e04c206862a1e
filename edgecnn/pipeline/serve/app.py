# SPDX-License-Identifier: Apache-2.0
"""A small web application over one model: the page of c_to_web.py, and `POST /predict` for other programs."""

import os
from pathlib import Path

from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import HTTPException

from edgecnn.compiler.reading.tflite import read_model
from edgecnn.converters.c_to_web import page_text
from edgecnn.data.images import TooManyPixelsError
from edgecnn.errors import DataError, EdgecnnError
from edgecnn.files import read_bytes
from edgecnn.pipeline.model_file import find_model
from edgecnn.pipeline.serve.answers import Answers
from edgecnn.runtime.pool import FullError, Pool, TooSlowError

MAX_BYTES = 64 << 20  # of one request
MAX_FILES = 100
MEGAPIXELS = 16  # of an image
_PROCESSES = min(4, os.cpu_count() or 1)
_WAITING = 64  # requests
_SECONDS = 30  # in which a request has its turn, and then its answer
THREADS = _PROCESSES + _WAITING + 8  # the last ones show the page, and say that there is no room
_STATUS = {
    TooManyPixelsError: 413,
    DataError: 415,
    FullError: 503,
    TooSlowError: 503,
    EdgecnnError: 500,
}


def make_app(model: Path, megapixels: int = MEGAPIXELS) -> Flask:
    """Return a WSGI application for a model.

    GET / is the page; POST /predict takes a form (multipart/form-data) whose files are images, and answers
    with what `edgecnn predict --json` prints; masks are PNG files in base64. A refused request gets
    `{"error": "..."}` in one line and a status: 400 without a file, 413 where it or an image in it is too
    large, 415 where a file is no image, 503 where too many wait or it takes too long. What is sent is
    forgotten with the answer.

    Args:
        model: as for `Classifier`, or `MaskPredictor`.
        megapixels: how many an image may have.

    Raises:
        MissingToolError: no compiler for WebAssembly, or no TFLite runtime, is installed.
        ModelError: the model can't be run or compiled, or answers with neither classes nor masks.
    """
    file = find_model(model)
    read_model(file)  # what is wrong with it is told before a process is begun
    pool = Pool(Answers, file, megapixels * 10**6, size=_PROCESSES, waiting=_WAITING, seconds=_SECONDS)
    page = page_text(read_bytes(file), file.stem, pool.call("labels"))
    app = Flask("edgecnn", static_folder=None)
    app.config.update(MAX_CONTENT_LENGTH=MAX_BYTES, MAX_FORM_PARTS=MAX_FILES)

    @app.get("/")
    def index() -> Response:
        return Response(page, mimetype="text/html")

    @app.post("/predict")
    def predict() -> Response:
        files = [file for _, file in request.files.items(multi=True)]
        if not files:
            return _refused(400, "the request has no file; send images as multipart/form-data")
        try:
            images = [(Path(file.filename or "unnamed"), file.read()) for file in files]
            return jsonify(pool.call("answer", images))
        except EdgecnnError as error:
            status = next(status for kind, status in _STATUS.items() if isinstance(error, kind))
            return _refused(status, str(error))

    @app.errorhandler(HTTPException)
    def refused(error: HTTPException) -> Response:
        return _refused(error.code or 500, error.description or error.name)

    return app


def _refused(status: int, reason: str) -> Response:
    response = jsonify({"error": " ".join(reason.split())})
    response.status_code = status
    if status == 503:
        response.headers["Retry-After"] = "10"
    return response
