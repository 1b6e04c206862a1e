# SPDX-License-Identifier: Apache-2.0
"""A float .tflite file that answers with logits to one that answers with probabilities."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgecnn.compiler import ops
from edgecnn.compiler.ir import Operator, Options, Signature
from edgecnn.compiler.ops import logistic, softmax
from edgecnn.compiler.reading.tflite import parse
from edgecnn.compiler.writing.tflite import tflite_bytes
from edgecnn.converters.keras_file import are_logits
from edgecnn.progress import say
from edgecnn.runtime.tflite import TfliteModel

_OPS: Mapping[str, tuple[str, Options]] = {
    "softmax": (ops.name(softmax), softmax.SoftmaxOptions(beta=1.0)),
    "sigmoid": (ops.name(logistic), Options()),
}


def with_answers(tflite: bytes, path: Path, images: npt.NDArray[np.uint8], *, labelled: bool) -> bytes:
    """Return a float32 file that answers with probabilities where it is meant to; what is added is told.

    One of several outputs comes back as it is.

    Args:
        tflite: the bytes of a file.
        path: what it is called.
        images: some of those it will see, (n, h, w, c).
        labelled: there are labels for its answers.

    Raises:
        ModelError: it can't be run.
    """
    if len(parse(tflite).outputs) != 1:  # of several there is no saying which tells classes apart
        return tflite
    answers = TfliteModel(tflite).predict(images[:8])
    if not are_logits(answers):
        return tflite
    kind = "sigmoid" if answers.shape[-1] == 1 else "softmax"
    if not labelled:
        say(
            f"{path} answers without a {kind}: if it tells classes apart, those are logits, not probabilities"
        )
        return tflite
    say(f"{path} answers with logits: a {kind} is added behind it, as probabilities decide")
    return with_probabilities(tflite, kind)


def with_probabilities(tflite: bytes, kind: str) -> bytes:
    """Return a float32 .tflite file of one output with an operator more.

    Args:
        tflite: the file.
        kind: "softmax" or "sigmoid".

    Raises:
        ModelError: it can't be read, or holds what can't be written anew.
    """
    graph = parse(tflite)
    [logits] = graph.outputs
    answers = len(graph.tensors)
    op, options = _OPS[kind]
    operator = Operator(op, len(graph.operators), (logits,), (answers,), options)
    return tflite_bytes(
        replace(
            graph,
            tensors=(*graph.tensors, replace(graph.tensors[logits], name=kind, data=None)),
            operators=(*graph.operators, operator),
            outputs=(answers,),
            signature=graph.signature and _answering(graph.signature, answers),
        )
    )


def _answering(signature: Signature, tensor: int) -> Signature:
    return replace(signature, outputs=tuple((name, tensor) for name, _ in signature.outputs))
