# SPDX-License-Identifier: Apache-2.0
"""Shows and compiles broken .tflite files: each ends in C or in one EdgecnnError, in bounded time and memory.

    python tests/fuzz/hostile.py --seed 0 --count 100000         as many as you like
    python tests/fuzz/hostile.py FILE...                         such files, one after the other

A file that ends otherwise is written to --out, named after its SHA-256; so are, with --keep N, the first N
that gave C. The last line printed is the number of those that gave C, were refused, and failed.
"""

import argparse
import hashlib
import json
import random
import resource
import signal
import sys
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"
SECONDS, BYTES = 2, 1 << 30  # of the processor's time, and more than the program has at its start


class TooLong(BaseException):
    """No Exception, so that nothing takes it for an error of its own."""


def main() -> None:
    """Try files, print what they end in, and fail if one ends in anything unexpected."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path, help="files to try as they are")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=1000, help="mutations of the corpus")
    parser.add_argument("--out", type=Path, default=Path(), help="folder for files that fail")
    parser.add_argument("--keep", type=int, default=0, help="how many files that gave C to write, too")
    options = parser.parse_args()
    limit()
    ends: Counter[str] = Counter()
    for data in broken_files(options.files, options.seed, options.count):
        end = tried(data)
        ends[end] += 1
        if end == "failed" or (end == "compiled" and ends[end] <= options.keep):
            folder = options.out / end
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{hashlib.sha256(data).hexdigest()[:16]}.tflite").write_bytes(data)
    print(ends["compiled"], ends["refused"], ends["failed"])
    sys.exit(ends["failed"] > 0)


def broken_files(files: list[Path], seed: int, count: int) -> Iterator[bytes]:
    """Yield the contents of `files`, or `count` mutations of the corpus."""
    if files:
        yield from (file.read_bytes() for file in files)
        return
    from mutations import mutated

    rng, models = random.Random(seed), [file.read_bytes() for file in sorted(CORPUS.glob("*.tflite"))]
    for _ in range(count):
        yield mutated(rng.choice(models), rng)


def limit() -> None:
    """Bound the memory of this process."""
    from edgecnn.compiler import compile_tflite

    compile_tflite(next(CORPUS.glob("*.tflite")).read_bytes(), name="first")  # all is loaded now
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + BYTES
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    signal.signal(signal.SIGPROF, _too_long)


def tried(data: bytes) -> str:
    """Show and compile a file; return "compiled", "refused" or "failed", whose reason is printed."""
    from edgecnn.compiler import compile_tflite
    from edgecnn.compiler.inspect import contents
    from edgecnn.compiler.reading.tflite import parse_file
    from edgecnn.errors import EdgecnnError

    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        json.dumps(contents(parse_file(data)), allow_nan=False)
        compile_tflite(data, name="net")
    except EdgecnnError as error:
        return "failed" if "\n" in str(error) else "refused"
    except (Exception, TooLong):
        traceback.print_exc()
        return "failed"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return "compiled"


def _too_long(_signal: int, _frame: object) -> None:
    raise TooLong(f"more than {SECONDS} s of processor time")


if __name__ == "__main__":
    main()
