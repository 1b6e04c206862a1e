# SPDX-License-Identifier: Apache-2.0
"""A small web application over one model: the page of c_to_web.py, and what other programs ask."""

import os
import time
from pathlib import Path
from typing import Any

from flask import Flask, Response, g, jsonify, request
from werkzeug.exceptions import HTTPException

from edgecnn.compiler.reading.tflite import read_model
from edgecnn.converters.c_to_web import page_text, title_of
from edgecnn.data.images import TooManyPixelsError
from edgecnn.errors import DataError, EdgecnnError
from edgecnn.files import read_bytes
from edgecnn.pipeline.model_file import find_model, network_name
from edgecnn.pipeline.serve.answers import Answers
from edgecnn.pipeline.serve.counters import CONTENT_TYPE, Counters
from edgecnn.pipeline.serve.pages import card_section, docs_page, openapi
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


def make_app(model: Path, megapixels: int = MEGAPIXELS, title: str = "") -> Flask:
    """Return a WSGI application for a model.

    GET / is the page, with the model card; GET /docs and /openapi.json say how programs ask, /healthz that
    the server is there, /metrics what it counted, for Prometheus.

    POST /predict takes a form (multipart/form-data) whose files are images, and answers with what
    `edgecnn predict --json` prints; masks are PNG files in base64. A refused request gets
    `{"error": "..."}` in one line and a status: 400 without a file, 413 where it or an image in it is too
    large, 415 where a file is no image, 503 where too many wait or it takes too long. What is sent is
    forgotten with the answer.

    Args:
        model: as for `Classifier`, or `MaskPredictor`.
        megapixels: how many an image may have.
        title: of the page; by default the network and its classes.

    Raises:
        MissingToolError: no compiler for WebAssembly, or no TFLite runtime, is installed.
        ModelError: the model can't be run or compiled, or answers with neither classes nor masks.
    """
    file = find_model(model)
    graph = read_model(file)  # what is wrong with it is told before a process is begun
    pool = Pool(Answers, file, megapixels * 10**6, size=_PROCESSES, waiting=_WAITING, seconds=_SECONDS)
    labels, counters = pool.call("labels"), Counters(graph.sha256)
    title = title or title_of(network_name(model), labels)
    page = page_text(read_bytes(file), title, labels, card_section(file, labels))
    app = Flask("edgecnn", static_folder=None)
    app.config.update(MAX_CONTENT_LENGTH=MAX_BYTES, MAX_FORM_PARTS=MAX_FILES)
    _add_pages(app, page, openapi(title, not labels, MAX_BYTES, MAX_FILES), counters)

    @app.before_request
    def begin() -> None:
        g.begun, g.images = time.monotonic(), 0

    @app.after_request
    def count(response: Response) -> Response:
        if request.path == "/predict" and request.method == "POST":
            counters.add(response.status_code, g.images, time.monotonic() - g.begun)
        return response

    @app.post("/predict")
    def predict() -> Response:
        files = [file for _, file in request.files.items(multi=True)]
        if not files:
            return _refused(400, "the request has no file; send images as multipart/form-data")
        try:
            images = [(Path(file.filename or "unnamed"), file.read()) for file in files]
            answer = jsonify(pool.call("answer", images))
            g.images = len(images)
            return answer
        except EdgecnnError as error:
            status = next(status for kind, status in _STATUS.items() if isinstance(error, kind))
            return _refused(status, str(error))

    @app.errorhandler(HTTPException)
    def refused(error: HTTPException) -> Response:
        return _refused(error.code or 500, error.description or error.name)

    return app


def _add_pages(app: Flask, page: str, description: dict[str, Any], counters: Counters) -> None:
    """Let the application answer every GET that it knows."""
    docs = docs_page(description)

    @app.get("/")
    def index() -> Response:
        return Response(page, mimetype="text/html")

    @app.get("/docs")
    def docs_of_predict() -> Response:
        return Response(docs, mimetype="text/html")

    @app.get("/openapi.json")
    def described() -> Response:
        return jsonify(description)

    @app.get("/healthz")
    def health() -> Response:
        return jsonify({"status": "ok"})

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(counters.text(), content_type=CONTENT_TYPE)


def _refused(status: int, reason: str) -> Response:
    response = jsonify({"error": " ".join(reason.split())})
    response.status_code = status
    if status == 503:
        response.headers["Retry-After"] = "10"
    return response
