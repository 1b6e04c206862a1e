# SPDX-License-Identifier: Apache-2.0
"""Compares what a board's self-test printed with TFLite's reference kernels, byte by byte."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgecnn.compiler.golden import golden_vectors
from edgecnn.compiler.reading.tflite import read_model
from edgecnn.compiler.writing.selftest import VectorLine, read_lines
from edgecnn.errors import EdgecnnError, ModelError
from edgecnn.files import read_bytes
from edgecnn.pipeline.verify.oracle import Oracle, Ruling, as_bytes
from edgecnn.runtime.serial_port import serial_lines


@dataclass(frozen=True)
class SerialVerified:
    """What `edgecnn verify --serial` found; names are those of `Verified`."""

    name: str
    model_id: str
    oracle: str
    oracles: list[Ruling]
    operators_different: dict[str, int]
    vectors: int
    bytes_compared: int
    bytes_different: int

    @property
    def equal(self) -> bool:
        """Whether nothing differs."""
        return not (self.bytes_different or self.operators_different)

    def as_json(self) -> dict[str, Any]:
        """Return the figures by name; every value fits JSON."""
        return asdict(self)


def verify_serial(path: Path, source: Path, baud: int, timeout: float) -> SerialVerified:
    """Read a self-test's lines and compare every byte.

    Args:
        path: the .tflite file that the board's C was made from.
        source: the serial port, or a file with what one has sent.
        baud: of the port.
        timeout: seconds to wait for the lines; a board that repeats them may be listened to at any time.

    Raises:
        ModelError: `path` is no model that can be compiled.
        EdgecnnError: the port can't be read, or sends no line, too few, or those of another model.
    """
    original = read_model(path).in_signature_order()
    given = [vector.inputs for vector in golden_vectors(original)]
    model_id = original.sha256[:8]
    vectors = _gather(read_lines(serial_lines(source, baud, timeout)), model_id, source)
    missing = [number for number in range(len(given)) if number not in vectors]
    if missing:
        raise EdgecnnError(
            f"{source} lacks vector {missing[0]} of {len(given)}, or sent it disturbed; "
            "run the self-test again"
        )
    oracle = Oracle(original, read_bytes(path, error=ModelError))
    expected = as_bytes([values[: len(original.outputs)] for values in oracle.outputs(given)])
    outputs = np.frombuffer(b"".join(vectors[number].output for number in range(len(given))), np.int8)
    if outputs.size != expected.size:
        raise EdgecnnError(f"{source} has {outputs.size} bytes of outputs, the model makes {expected.size}")
    different = int(np.count_nonzero(outputs != expected))
    return SerialVerified(
        vectors[0].name,
        model_id,
        oracle.name,
        oracle.rulings(),
        oracle.differing,
        len(given),
        outputs.size,
        different,
    )


def _gather(lines: Iterable[VectorLine], model_id: str, source: Path) -> dict[int, VectorLine]:
    """Return the vectors by their numbers, as soon as all are there."""
    vectors: dict[int, VectorLine] = {}
    others: set[str] = set()
    for line in lines:
        if line.model_id != model_id:
            others.add(line.model_id)
            continue
        vectors[line.number] = line
        if len(vectors) == line.count:
            return vectors
    if not vectors and others:
        raise EdgecnnError(
            f"{source} tests model {', '.join(sorted(others))}, the file is {model_id}; give the file that "
            "the board's C was made from"
        )
    if not vectors:
        raise EdgecnnError(f"{source} has no line of a self-test; reset the board, and look at --baud")
    return vectors
