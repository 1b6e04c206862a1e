# SPDX-License-Identifier: Apache-2.0
"""What a firmware package holds, whatever tools it is for.

A format is a module `c_to_FORMAT.py` with a function `package_files`, and the folder templates/FORMAT with
the files that the package has besides the C: their texts, and their names, say @{field} where one package
differs from another. What all formats share is in templates/common.
"""

import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module

import numpy as np
from numpy.typing import NDArray

from edgecnn import __version__
from edgecnn.compiler import reference
from edgecnn.compiler.compile import CompiledModel, compile_tflite
from edgecnn.compiler.fits import Needs, sentences
from edgecnn.compiler.golden import golden_vectors
from edgecnn.compiler.ir import Graph
from edgecnn.compiler.passes.integer_edges import integer_edges
from edgecnn.compiler.picture import as_values
from edgecnn.compiler.writing.header import threshold
from edgecnn.compiler.writing.selftest import printed_lines
from edgecnn.converters.formats import TEMPLATES
from edgecnn.converters.preprocess_to_c import input_image, preprocess_to_c
from edgecnn.data.images import fit_image
from edgecnn.errors import ModelError
from edgecnn.escape import code_for_markdown

_VERSION = "1.0.0"  # of every package: what it holds is told by the model's hash
_FRAME_HEIGHT, _FRAME_WIDTH = 120, 160
_SHOWN = 16  # values of an output


class _Text(string.Template):
    """A template whose fields are @{name}: $ and % belong to the languages of the files."""

    delimiter = "@"
    idpattern = r"(?!)"
    braceidpattern = r"(?a:\w+)"


@dataclass(frozen=True)
class Package:
    """What every package is made of.

    Attributes:
        name: of the model, its C files and its identifiers.
        tflite: the model.
        graph: the same as read.
        labels: names of the classes; none where its output is no vector of them.
        c_files: text of the compiled C, the preprocessing and the self-test, by their names.
        fields: what templates may name.
        documents: LICENSE, MODEL_CARD.md and labels.txt.
        needs: what the compiled C takes on a device.
    """

    name: str
    tflite: bytes
    graph: Graph
    labels: Sequence[str]
    c_files: Mapping[str, str]
    fields: Mapping[str, str]
    documents: Mapping[str, str]
    needs: Needs

    def rendered(self, folder: str, **fields: str) -> dict[str, str]:
        """Return the files of templates/FOLDER by their paths, `fields` and the package's own filled in."""
        root = TEMPLATES / folder
        files = sorted(path for path in root.rglob("*") if path.is_file())
        known = {**self.fields, **fields}
        return {
            fill(path.relative_to(root).as_posix(), known): fill(path.read_text(encoding="utf-8"), known)
            for path in files
        }


def package_files(form: str, package: Package) -> dict[str, str]:
    """Return the files of a package in one of `formats.package_formats` by their paths in it."""
    module = import_module(f"edgecnn.converters.c_to_{form.replace('-', '_')}")
    make: Callable[[Package], dict[str, str]] = module.package_files
    files = make(package) | dict(package.documents)
    return dict(sorted(files.items()))


def build_command(files: Mapping[str, str]) -> str:
    """Return what builds a package in its folder: the first command that its README shows."""
    _, _, commands = files["README.md"].partition("```sh\n")
    return commands.partition("\n")[0]


def in_folder(files: Mapping[str, str], folder: str) -> dict[str, str]:
    """Return the files by their paths when they lie in a folder."""
    return {f"{folder}/{name}": text for name, text in files.items()}


def headers_apart(files: Mapping[str, str]) -> dict[str, str]:
    """Return the files by their paths when headers lie in include/ and sources in src/."""
    return {f"{'include' if name.endswith('.h') else 'src'}/{name}": text for name, text in files.items()}


def fill(text: str, fields: Mapping[str, str]) -> str:
    """Return `text` with every @{field} filled in; one that is not known is a bug."""
    return _Text(text).substitute(fields)


def make_package(
    tflite: bytes,
    name: str,
    labels: Sequence[str] = (),
    *,
    target: str = "c99",
    model_card: str | None = None,
) -> Package:
    """Gather what packages of a model hold.

    Args:
        tflite: the bytes of an int8 .tflite file, with one image in and one tensor out.
        name: what the C files and identifiers are called.
        labels: names of the classes; by default the model's own.
        target: what the C is compiled for, of `targets.TARGETS`.
        model_card: Markdown; None: one with what the model's file tells.

    Raises:
        ModelError: the model can't be compiled, or takes or makes something else.
    """
    compiled = compile_tflite(tflite, name=name, labels=labels, target=target)
    graph = compiled.model.original
    graph.refuse_variables("a package's example shows it single pictures: export c, and call it yourself")
    if len(graph.outputs) != 1:
        raise ModelError(f"the model has {len(graph.outputs)} outputs, a package's example reads 1; export c")
    header, source = preprocess_to_c(tflite, name)
    preprocess = {f"{name}_preprocess.h": header, f"{name}_preprocess.c": source}
    fields = _fields(compiled)
    card = model_card or fill(_common("MODEL_CARD.md"), fields)
    documents = {"LICENSE": _common("0BSD.txt"), "MODEL_CARD.md": card}
    if compiled.model.classes:
        documents["labels.txt"] = "".join(f"{label}\n" for label in compiled.model.labels)
    return Package(
        name,
        tflite,
        graph,
        compiled.model.labels,
        {**compiled.texts, **preprocess},
        fields,
        documents,
        compiled.model.needs,
    )


def _common(name: str) -> str:
    return (TEMPLATES / "common" / name).read_text(encoding="utf-8")


def _fields(compiled: CompiledModel) -> dict[str, str]:
    """Return what the templates may name; what shared texts make of it comes last."""
    model, (output,) = compiled.model, compiled.model.outputs
    image, _ = input_image(model.original)
    _, height, width, channels = image.shape
    fields = {
        "name": model.name,
        "NAME": model.name.upper(),
        "version": _VERSION,
        "generator": __version__,
        "target": model.target,
        "sha256": model.original.sha256,
        "id": model.original.sha256[:8],
        "arena": f"{model.schedule.arena:,}",
        "height": str(height),
        "width": str(width),
        "channels": str(channels),
        "kind": "grey" if channels == 1 else "RGB",
        "frame_format": "GREY" if channels == 1 else "RGB888",
        "frame_height": str(_FRAME_HEIGHT),
        "frame_width": str(_FRAME_WIDTH),
        "output_size": str(output.size),
        "output_scale": f"{output.quantization.scale:.9g}",
        "output_zero_point": f"({output.quantization.zero_point})",
        "label_list": ", ".join(map(code_for_markdown, model.labels))
        or "none: the output is no vector of them",
        "shown": str(_SHOWN),
        "serial": _serial(compiled),
        "constants": f"{compiled.plan['weight_bytes']:,}",
        "fits": "\n".join(sentences(model.needs)),
    }
    fields["facts"] = fill(_common("facts.md"), fields).rstrip()
    fields["about"] = fill(_common("about.md"), fields).rstrip()
    fields["answer"] = fill(_common("answer.inc"), fields) if model.classes else ""
    fields["app"] = fill(_common("app.inc"), fields).rstrip()
    fields["sketch"] = fill(_common("sketch.inc"), fields).rstrip()
    return fields


def _serial(compiled: CompiledModel) -> str:
    """Return what the example prints, by the NumPy references."""
    graph, name = compiled.model.original, compiled.model.name
    outputs = [b"".join(map(bytes, vector.outputs)) for vector in golden_vectors(graph)]
    lines = printed_lines(name, graph.sha256[:8], outputs)
    [answer] = reference.run(integer_edges(graph), [_test_picture(graph)])
    values = answer.ravel()
    if compiled.model.classes:
        best = int(values.argmax()) if values.size > 1 else int(values[0] >= threshold(compiled.model))
        lines.append(f"picture: {compiled.model.labels[best]}")
    return "\n".join([*lines, f"output {' '.join(map(str, values[:_SHOWN]))}"])


def _test_picture(graph: Graph) -> NDArray[np.int8]:
    """Return the picture of the example, common/app.inc, as the model's input."""
    image, table = input_image(graph)
    _, height, width, channels = image.shape
    line = np.arange(_FRAME_WIDTH * channels) + 2 * np.arange(_FRAME_HEIGHT)[:, None]
    frame = line.astype(np.uint8).reshape(_FRAME_HEIGHT, _FRAME_WIDTH, channels)
    return as_values(fit_image(frame, height, width, channels, graph.fitting)[np.newaxis], table)
