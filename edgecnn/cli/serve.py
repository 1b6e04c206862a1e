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
def command(model: Path, host: str, port: int) -> None:
    """Serve a model: a page for people, POST /predict for programs.

    MODEL is a .tflite classifier or segmenter of images, or the folder of a run. The page runs the model in
    the browser; /predict takes images as multipart/form-data and answers with what 'edgecnn predict --json'
    prints. There is no login: keep to 127.0.0.1 unless everybody who can reach the address may use it.

    \b
    Examples:
      edgecnn serve runs/first
      curl -F image=@photo.jpg http://127.0.0.1:8000/predict
    """
    from edgecnn.cli.console import say
    from edgecnn.errors import EdgecnnError, MissingToolError

    try:
        from waitress import create_server

        from edgecnn.pipeline.serve import MAX_BYTES, make_app
    except ImportError as error:
        raise MissingToolError(
            f"{error.name} is not installed; pip install 'edgecnn[serve,runtime]'"
        ) from error
    app = make_app(model)
    try:
        server = create_server(app, host=host, port=port, threads=4, max_request_body_size=MAX_BYTES)
    except OSError as error:
        raise EdgecnnError(
            f"can't listen at {host} port {port}: {error.strerror}; choose another --port"
        ) from error
    say(f"http://{host}:{server.effective_port}/  serves {model}; Ctrl+C ends it")
    server.run()
