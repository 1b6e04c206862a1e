# SPDX-License-Identifier: Apache-2.0
"""The program that runs one inference of a compiled model, wherever it is measured."""

from pathlib import Path

from edgecnn.compiler.writing.harness import harness_text
from edgecnn.compiler.writing.model import CModel
from edgecnn.compiler.writing.source import program_table
from edgecnn.runtime.program import Program


def program(model: CModel, folder: Path, *, both_ways: bool, pointer: int, reset_at: int = 0) -> Program:
    """Return a program that runs the model whose C is in `folder`, with all inputs and outputs in a row.

    Args:
        model: the model.
        folder: where its files are.
        both_ways: push the lines of an image as well as run it whole, and fail where the bytes differ.
        pointer: bytes of a pointer, by which the size of the state struct is asserted.
        reset_at: the inference, counted from 0, before which variables are set to their first values anew.
    """
    return Program(
        sources=(folder / f"{model.name}.c",),
        harness=harness_text(model, both_ways=both_ways, pointer=pointer, reset_at=reset_at),
        input_bytes=sum(edge.bytes for edge in model.inputs),
        output_bytes=sum(edge.bytes for edge in model.outputs) + model.variables.value_bytes,
        include_dirs=(folder,),
        order_name=f"{model.name}_program",
        order=bytes(program_table(model)[::2]),
        reports=bool(model.variables.kept),
    )
