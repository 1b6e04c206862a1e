# SPDX-License-Identifier: Apache-2.0
"""What the server shows beside the model's page: the model card, and how programs ask (OpenAPI 3.1)."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt

from edgecnn import DISCLAIMER, __version__
from edgecnn.compiler.inspect import inspect
from edgecnn.compiler.reading.tflite import read_model
from edgecnn.escape import code_for_markdown, for_html, for_markdown
from edgecnn.files import read_text

_CARDS = ("model_card.md", "MODEL_CARD.md")  # of a run, and of a firmware package
_LINKS = (
    '<a href="docs">How programs ask</a> · <a href="openapi.json">OpenAPI</a> · '
    '<a href="healthz">health</a> · <a href="metrics">metrics</a>'
)
_REFUSED = {
    "400": "no file",
    "413": "too large",
    "415": "a file is no image",
    "500": "the model fails",
    "503": "no room, or too slow",
}
_TEXT, _NUMBER = {"type": "string"}, {"type": "number", "minimum": 0, "maximum": 1}
_DOCS = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1.5rem 1.25rem 3rem;
       overflow-wrap: anywhere; }}
pre {{ white-space: pre-wrap; padding: .8rem 1rem; border: 1px solid; border-radius: 6px; }}
th, td {{ text-align: left; vertical-align: top; padding: .3rem 1rem .3rem 0; }}
</style>
</head>
<body>
<h1>{title}</h1>
<p>{description}</p>
<h2>POST /predict</h2>
<p>{summary} The whole description for programs is <a href="openapi.json">openapi.json</a>.</p>
<pre>{example}</pre>
<h2>Answers</h2>
<table>{answers}</table>
<h2>What the fields of an answer are</h2>
<pre>{schema}</pre>
<p><a href="./">Back to the page</a></p>
</body>
</html>
"""


def card_section(file: Path, labels: Sequence[str]) -> str:
    """Return HTML on a model: its card, where one lies beside it, else what its file tells, and the links."""
    card = next((file.with_name(name) for name in _CARDS if file.with_name(name).is_file()), None)
    text = _facts(file, labels) if card is None else read_text(card)
    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(text)
    return f'<details class="card"><summary>About the model</summary>{body}</details>\n<p>{_LINKS}</p>\n'


def _facts(file: Path, labels: Sequence[str]) -> str:
    graph, contents = read_model(file), inspect(file)
    rows = {
        "SHA-256": f"`{graph.sha256}`",
        "input": " ".join(f"{graph.tensors[i].dtype}{list(graph.tensors[i].shape)}" for i in graph.inputs),
        "classes": ", ".join(map(code_for_markdown, labels)) or "none: it marks pixels",
        "multiplications": f"{contents['macs']:,}",
        "bytes": f"{contents['bytes']:,}",
    }
    table = "\n".join(f"| {name} | {value} |" for name, value in rows.items())
    head = f"# {for_markdown(file.stem)}\n\n{DISCLAIMER}\n\n| | |\n|---|---|\n"
    return f"{head}{table}\n\nNo model card lies beside it.\n"


def openapi(title: str, masks: bool, most_bytes: int, most_files: int) -> dict[str, Any]:
    """Return the description of `POST /predict` for programs; every value fits JSON."""
    images = {"type": "array", "maxItems": most_files, "items": {"type": "string", "format": "binary"}}
    post = {
        "summary": f"What the model says of images: {most_files} at most, of {most_bytes:,} bytes in all.",
        "requestBody": {
            "required": True,
            "content": {"multipart/form-data": {"schema": _object({"image": images})}},
        },
        "responses": {
            "200": _response("an answer for each image", _answer(masks)),
            **{status: _response(why, _object({"error": _TEXT})) for status, why in _REFUSED.items()},
        },
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": __version__, "description": DISCLAIMER},
        "paths": {"/predict": {"post": post}},
    }


def _response(why: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": why, "content": {"application/json": {"schema": schema}}}


def _answer(masks: bool) -> dict[str, Any]:
    if masks:
        row = {"image": _TEXT, "share": _NUMBER, "mask": {**_TEXT, "contentEncoding": "base64"}}
        return _object({"model": _TEXT, "note": _TEXT, "masks": _list(_object(row))})
    row = {"image": _TEXT, "label": _TEXT, "probability": _NUMBER, "probabilities": _list(_NUMBER)}
    return _object(
        {
            "model": _TEXT,
            "runtime": _TEXT,
            "note": _TEXT,
            "labels": _list(_TEXT),
            "predictions": _list(_object(row)),
            "unreadable": _list(_object({"file": _TEXT, "reason": _TEXT})),
        }
    )


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def docs_page(description: dict[str, Any]) -> str:
    """Return an HTML page of what `openapi` says."""
    post = description["paths"]["/predict"]["post"]
    answers = "".join(
        f"<tr><th>{status}</th><td>{for_html(answer['description'])}</td></tr>"
        for status, answer in post["responses"].items()
    )
    schema = post["responses"]["200"]["content"]["application/json"]["schema"]
    return _DOCS.format(
        title=for_html(description["info"]["title"]),
        description=for_html(description["info"]["description"]),
        summary=for_html(post["summary"]),
        example="curl -F image=@photo.jpg http://127.0.0.1:8000/predict",
        answers=answers,
        schema="\n".join(map(for_html, json.dumps(schema, indent=2).splitlines())),
    )
