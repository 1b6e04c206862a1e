# SPDX-License-Identifier: Apache-2.0
"""A model compiled to C and then to a shared library, run through ctypes; it needs nothing but NumPy."""

import ctypes
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler.ir import Normalization
from edgecnn.compiler.reading.metadata import parse_ranges
from edgecnn.errors import ModelError
from edgecnn.files import require_file
from edgecnn.runtime.model import Model, TensorSpec


class SharedLibrary(Model):
    """A library that `edgecnn compile --shared` built, ready to run: int8 in, int8 out.

    State and arena are the instance's own, so that several instances run side by side.
    """

    def __init__(self, path: Path) -> None:
        """Load a library.

        Raises:
            ModelError: it can't be loaded, is none of edgecnn's, or needs another processor.
        """
        self.name = str(path)
        require_file(path, ModelError)
        try:
            library = ctypes.CDLL(str(path.resolve()))
            about = _describe(library)
        except (OSError, AttributeError) as error:
            raise ModelError(f"{path} is no library that edgecnn compile --shared built: {error}") from error
        missing = sorted(set(about["features"]) - cpu_features())
        if missing:
            raise ModelError(
                f"{path} is for processors with {', '.join(missing)}, which this one lacks; "
                "compile the model for another target, such as c99"
            )
        self.runtime, self.delegate = f"{about['generator']}, C for {about['target']}", "none"
        self.input, self.output = _spec("input", about["input"]), _spec("output", about["output"])
        normalization = about.get("normalization")
        self.normalization = normalization and Normalization(*map(tuple, normalization))
        ranges = about.get("ranges")
        self.ranges = ranges and parse_ranges(ranges)
        self._state = ctypes.create_string_buffer(library.edgecnn_state_size())
        size, align = about["arena_size"], about["arena_align"]
        self._arena = np.empty(size + align, np.int8)
        begin = -self._arena.ctypes.data % align
        if library.edgecnn_init(self._state, self._arena[begin:].ctypes.data, size):
            raise ModelError(f"{path} refuses its arena of {size:,} bytes; compile the model again")
        self._run = library.edgecnn_run
        # An array's address takes Python longer than a small network its answer.
        self._made = np.empty(self.output.shape, np.int8)
        self._made_at = self._made.ctypes.data

    def invoke(self, values: NDArray[Any]) -> NDArray[Any]:
        """Run the model on its own numbers: `values` and the result are int8, of the specs' shapes.

        Raises:
            ModelError: `values` have another shape or dtype.
        """
        if values.shape != self.input.shape or values.dtype != np.int8:
            raise ModelError(
                f"{self.name} takes int8{list(self.input.shape)}, not {values.dtype}{list(values.shape)}"
            )
        self._run(self._state, values.tobytes(), self._made_at)
        return self._made.copy()


def cpu_features() -> set[str]:
    """Return the instruction sets of this processor, as Linux calls them; none elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return set()
    flags = (
        line.partition(":")[2].split() for line in lines if line.lower().startswith(("flags", "features"))
    )
    return set(next(flags, []))


def _describe(library: ctypes.CDLL) -> Any:
    """Declare the library's functions and return what it says of itself."""
    address, size = ctypes.c_void_p, ctypes.c_size_t
    library.edgecnn_description.argtypes, library.edgecnn_description.restype = [], ctypes.c_char_p
    library.edgecnn_state_size.argtypes, library.edgecnn_state_size.restype = [], size
    library.edgecnn_init.argtypes = [address, address, size]
    library.edgecnn_run.argtypes = [address, ctypes.c_char_p, address]
    return json.loads(library.edgecnn_description())


def _spec(name: str, about: Any) -> TensorSpec:
    return TensorSpec(name, tuple(about["shape"]), np.dtype(np.int8), about["scale"], about["zero_point"])
