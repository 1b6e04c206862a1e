# SPDX-License-Identifier: Apache-2.0
"""A float .tflite file that answers with logits to one that answers with probabilities."""

from copy import copy
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt

from edgecnn.converters.keras_file import are_logits
from edgecnn.errors import ModelError
from edgecnn.progress import say
from edgecnn.runtime.tflite import TfliteModel
from edgecnn.tf import schema

_OPS = {"softmax": schema.BuiltinOperator.SOFTMAX, "sigmoid": schema.BuiltinOperator.LOGISTIC}


def with_answers(tflite: bytes, path: Path, images: npt.NDArray[np.uint8], *, labelled: bool) -> bytes:
    """Return a float32 file that answers with probabilities where it is meant to; what is added is told.

    Args:
        tflite: the bytes of a file.
        path: what it is called.
        images: some of those it will see, (n, h, w, c).
        labelled: there are labels for its answers.

    Raises:
        ModelError: it can't be run.
    """
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
        tflite: the file, which our own reader has walked.
        kind: "softmax" or "sigmoid".

    Raises:
        ModelError: it keeps weights outside of its flatbuffer.
    """
    model = schema.ModelT.InitFromPackedBuf(tflite, 0)
    if any(buffer.offset for buffer in model.buffers):
        raise ModelError("the model keeps weights outside of its flatbuffer: no operator can be added")
    graph = model.subgraphs[0]
    [logits] = graph.outputs
    answers = copy(graph.tensors[logits])
    answers.name, answers.buffer = kind.encode(), 0  # buffer 0 is that of no data
    graph.tensors.append(answers)
    graph.operators.append(_operator(model, kind, int(logits), len(graph.tensors) - 1))
    graph.outputs = [len(graph.tensors) - 1]
    for signature in model.signatureDefs or []:
        for output in signature.outputs:
            output.tensorIndex = graph.outputs[0]
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _operator(model: Any, kind: str, given: int, made: int) -> Any:
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = _OPS[kind]
    code.version = 1
    model.operatorCodes.append(code)
    operator = schema.OperatorT()
    operator.opcodeIndex, operator.inputs, operator.outputs = len(model.operatorCodes) - 1, [given], [made]
    if kind == "softmax":
        operator.builtinOptionsType = schema.BuiltinOptions.SoftmaxOptions
        operator.builtinOptions = schema.SoftmaxOptionsT()
        operator.builtinOptions.beta = 1.0
    return operator
