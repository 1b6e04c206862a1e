# SPDX-License-Identifier: Apache-2.0
"""Compiles a C program to WebAssembly, and runs it in Node.js."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from edgecnn.compiler.targets import Target
from edgecnn.runtime.host_compiler import HostCompiler, execute
from edgecnn.runtime.program import HERE, Program, need_c_library, need_tool

# Of the C library only what the harness compares with is linked; copies become instructions.
_FLAGS = ("-mbulk-memory", "-nostartfiles", "-nodefaultlibs", "-lc", "-Wl,--no-entry")


class WebAssembly:
    """A target that is compiled to WebAssembly."""

    def __init__(self, target: Target, optimize: str = "-O2") -> None:
        """Choose a target and a level of optimization.

        Raises:
            MissingToolError: the compiler, its linker, its C library or Node.js is not installed.
        """
        assert target.emulator is not None, "only such targets come here"
        need_tool(target.cc, target.packages)
        need_tool("wasm-ld", target.packages)
        need_c_library([target.cc, *target.cflags], target.packages)
        self._node, package = target.emulator
        need_tool(self._node, [package])
        self._compiler = HostCompiler(target.cc, flags=(optimize, *target.cflags, *_FLAGS))

    def run(self, program: Program, inputs: Sequence[bytes], timeout: float = 600) -> list[bytes]:
        """Compile `program` and run it on every input in turn, as `HostCompiler.run` does."""
        program.check(inputs)
        with tempfile.TemporaryDirectory(prefix="edgecnn-") as name:
            folder = Path(name)
            sources = (*program.sources, program.write_harness(folder), HERE / "webassembly.c")
            self._compiler.compile(sources, folder / "program.wasm", program.flags())
            sizes = str(program.input_bytes), str(program.output_bytes)
            node = (self._node, HERE / "webassembly.mjs", *sizes)
            return program.split(execute(folder / "program.wasm", b"".join(inputs), timeout, node))
