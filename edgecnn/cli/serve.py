# SPDX-License-Identifier: Apache-2.0
"""`edgecnn serve`: a model as a page in the browser, and over HTTP."""

from pathlib import Path

import click


@click.command("serve")
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0: any free one."
)
@click.option(
    "--megapixels",
    type=click.IntRange(1, 100),
    default=16,
    show_default=True,
    help="What an image may have; larger ones are refused before they are decoded.",
)
@click.option("--title", default="", help="Of the page.  [default: the network and its classes]")
def command(model: Path, host: str, port: int, megapixels: int, title: str) -> None:
    """Serve a model: a page for people, POST /predict for programs.

    The page has the model card; /docs and /openapi.json describe /predict, /healthz says that the server is
    there, and /metrics counts requests, images and times for Prometheus.

    MODEL is a .tflite classifier or segmenter of images, or the folder of a run. The page runs the model in
    the browser; /predict takes images as multipart/form-data and answers with what 'edgecnn predict --json'
    prints, or with {"error": ...}: status 413 for what is too large, 415 for what is no image, 503 when there
    is no room or it takes too long. There is no login: keep to 127.0.0.1 unless everybody who can reach the
    address may use it.

    \b
    Examples:
      edgecnn serve runs/first
      curl -F image=@photo.jpg http://127.0.0.1:8000/predict
    """
    from edgecnn.cli.console import say
    from edgecnn.errors import MissingToolError, ModelError
    from edgecnn.files import require_there

    require_there(model, ModelError)

    try:
        from edgecnn.pipeline.serve.app import MAX_BYTES, THREADS, make_app
        from edgecnn.pipeline.serve.server import listen, make_server
    except ImportError as error:
        raise MissingToolError(
            f"{error.name} is not installed; pip install 'edgecnn[serve,runtime]'"
        ) from error
    with listen(host, port) as at:
        server = make_server(make_app(model, megapixels, title), at, THREADS, MAX_BYTES)
        say(f"http://{host}:{at.getsockname()[1]}/  serves {model}; Ctrl+C ends it")
        server.run()
