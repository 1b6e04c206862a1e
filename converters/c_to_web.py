# SPDX-License-Identifier: Apache-2.0
"""A .tflite file as a web page: the same C as for firmware, compiled to WebAssembly, in one HTML file.

The page needs no server and no network, and sends nothing: its content security policy forbids it.
"""

import json
import tempfile
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from string import Template
from typing import Any

from edgecnn import __version__
from edgecnn.compiler.compile import compile_tflite
from edgecnn.compiler.targets import find_target
from edgecnn.compiler.writing.model import CModel
from edgecnn.converters.preprocess_to_c import write_preprocess
from edgecnn.errors import ModelError
from edgecnn.escape import for_html
from edgecnn.files import write_text
from edgecnn.runtime.program import compile_c, need_tool

_GLUE = Path(__file__).with_suffix(".c")
_PAGE = Path(__file__).with_suffix(".html")
_NAME = "model"  # what the C inside is called; c_to_web.c knows it
_TARGET = "wasm32"
_NAMED = 4  # classes in a title, at most
# Copies become instructions, so that nothing of a C library is needed; -s drops names.
_FLAGS = (
    "-std=c99",
    "-O3",
    "-mbulk-memory",
    "-nostdlib",
    "-Wl,--no-entry",
    "-Wl,-s",
    "-Wl,-z,stack-size=65536",
)


def write_web(folder: Path, model: bytes, title: str, labels: Sequence[str] = ()) -> list[Path]:
    """Write index.html, which runs the model on pictures that a person drops on it, into `folder`.

    Args:
        folder: where to write; made if need be.
        model: the bytes of a .tflite file that takes one grey or RGB image.
        title: what the page is called.
        labels: names of the classes; by default the model's own.

    Returns:
        The path of the page.

    Raises:
        MissingToolError: clang or its linker for WebAssembly is not installed.
        ModelError: the model takes no image, or answers with neither classes nor a mask.
    """
    page = folder / "index.html"
    write_text(page, page_text(model, title, labels))
    return [page]


def title_of(name: str, labels: Sequence[str]) -> str:
    """Return what a page is called after its model, and the classes that are told apart, if they are few."""
    if not 2 <= len(labels) <= _NAMED or labels[0] == "class 0":  # which names nothing
        return name
    return f"{name}: {', '.join(labels[:-1])} or {labels[-1]}?"


def page_text(model: bytes, title: str, labels: Sequence[str] = (), card: str = "") -> str:
    """Return the text of the page; `card` is HTML on the model, all else is as for `write_web`."""
    compiled = compile_tflite(model, name=_NAME, labels=labels, target=_TARGET)
    facts = _facts(compiled.model)
    with tempfile.TemporaryDirectory(prefix="edgecnn-") as name:
        compiled.write(Path(name))
        write_preprocess(Path(name), model, _NAME)
        wasm = _compiled(Path(name))
    data = json.dumps(facts | {"wasm": b64encode(wasm).decode()}).replace("<", "\\u003c")
    about = (
        f"Model sha256 {compiled.model.original.sha256[:16]}, {len(wasm):,} bytes of WebAssembly, "
        f"made with edgecnn {__version__}. Answers equal those of the generated C on a device, byte for byte."
    )
    text = Template(_PAGE.read_text(encoding="utf-8"))
    return text.substitute(title=for_html(title), about=about, model=data, card=card)


def _facts(model: CModel) -> dict[str, Any]:
    """Return what the page has to know of a model."""
    model.original.refuse_variables("a page shows it single pictures: compile it, and call the C yourself")
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ModelError(
            f"{model.original.name} has {len(model.inputs)} inputs and {len(model.outputs)} outputs; "
            "a page takes one picture and shows one answer"
        )
    output = model.outputs[0]
    is_mask = len(output.shape) == 4 and output.shape[3] == 1
    if not (is_mask or model.classes):
        raise ModelError(
            f"{model.original.name} answers with {list(output.shape)}; a page shows classes [1, n], "
            "one sigmoid [1, 1] or a mask [1, h, w, 1]"
        )
    return {
        "kind": "mask" if is_mask else "classes",
        "labels": [] if is_mask else list(model.labels),
        "threshold": model.original.threshold,
        "fit": model.original.fitting.fit,
        "input": {"shape": list(model.inputs[0].shape[1:])},
        "output": {
            "shape": list(output.shape[1:]),
            "size": output.size,
            "scale": output.quantization.scale,
            "zero_point": output.quantization.zero_point,
        },
    }


def _compiled(folder: Path) -> bytes:
    """Return the WebAssembly module of the C in `folder`."""
    target = find_target(_TARGET)
    need_tool(target.cc, target.packages)
    need_tool("wasm-ld", target.packages)
    sources = [_GLUE, folder / f"{_NAME}.c", folder / f"{_NAME}_preprocess.c"]
    output = folder / f"{_NAME}.wasm"
    compile_c([target.cc, *target.cflags, *_FLAGS, f"-I{folder}", *sources, "-o", output])
    return output.read_bytes()
