# SPDX-License-Identifier: Apache-2.0
"""What the tests of generated C let it check of itself."""

from pathlib import Path

import pytest
from generated_c import random_inputs
from guard import guard
from tflite_builder import Builder

from edgecnn.compiler import compile_tflite
from edgecnn.errors import EdgecnnError
from edgecnn.pipeline.verify.program import program
from edgecnn.runtime.host_compiler import HostCompiler


def test_a_byte_written_beside_a_tensor_is_noticed_where_it_hits_nothing_alive(tmp_path: Path) -> None:
    builder = Builder()
    source = builder.input((1, 4, 6, 2))
    wide = builder.conv(builder.reshape(source, (1, 6, 4, 2)), 40, (1, 1))
    model = builder.build((source,), (builder.mean(builder.conv(wide, 40)),))
    compiled = compile_tflite(model, name="net")
    compiled.write(tmp_path)
    guard(compiled.model, tmp_path)
    sound = (tmp_path / "net.c").read_text()
    one = program(compiled.model, tmp_path, both_ways=True, pointer=8)
    given = [value[0].tobytes() for value in random_inputs(model)]
    host = HostCompiler(sanitize=True, flags=("-O1",))
    host.run(one, given)
    assert sound.count("memcpy(output, rows") == 1
    (tmp_path / "net.c").write_text(sound.replace("memcpy(output, rows", "memcpy(output - 1, rows"))
    with pytest.raises(EdgecnnError, match="net: firing 0 of step 1 writes beyond its place"):
        host.run(one, given)
