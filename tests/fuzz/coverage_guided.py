# SPDX-License-Identifier: Apache-2.0
"""Looks for files that the compiler neither compiles nor refuses, led by what code they reach (atheris).

    make fuzz                                                    for an hour
    python tests/fuzz/coverage_guided.py NEW -max_total_time=60

NEW is a folder for files that reach something new; libFuzzer's options follow. A file that fails is written
as crash-...: mend the compiler, and put the file into the corpus as found-....tflite.
"""

import random
import sys
from contextlib import suppress
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["edgecnn"]):
    from edgecnn.compiler import compile_tflite
    from edgecnn.errors import EdgecnnError

sys.path.append(str(Path(__file__).parent))
from hostile import CORPUS
from mutations import mutated


def try_one(data: bytes) -> None:
    """Compile a file; whatever is raised but the one error is a finding."""
    with suppress(EdgecnnError):
        compile_tflite(data, name="net")


def mutate(data: bytes, most: int, seed: int) -> bytes:
    """Break a file as mutations.py does: libFuzzer alone would hardly ever leave a flatbuffer sound."""
    return mutated(data, random.Random(seed))[:most]


if __name__ == "__main__":
    folder, options = sys.argv[1], sys.argv[2:]
    Path(folder).mkdir(parents=True, exist_ok=True)
    call = [sys.argv[0], "-timeout=10", "-rss_limit_mb=2048", "-max_len=16384", *options, folder, str(CORPUS)]
    atheris.Setup(call, try_one, custom_mutator=mutate)
    atheris.Fuzz()
