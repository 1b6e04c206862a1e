# SPDX-License-Identifier: Apache-2.0
"""What becomes of a folder of others' .tflite files: refused, or compiled and compared byte by byte.

    EDGECNN_DATA=... python benchmarks/public_models.py edge-models

The folder is searched for .tflite files, those in folders of it included; one that does not exist is looked
for in EDGECNN_DATA. Each file has a process of its own and a time limit, and becomes one line: refused with
the op and the reason; or compiled for portable C99, with CPU seconds and the arena, and the bytes of its
outputs compared, with whom (`edgecnn verify` says what that means). What is refused because of floats behind
the integers is compiled up to these (--stop-before-float). With --json the figures are written to a file.
Exit code 1 if a byte differs or a file ends in anything but C or one line.
"""

import argparse
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from provenance import first_line, package_versions, provenance

from edgecnn.compiler.compile import CompiledModel, compile_tflite
from edgecnn.errors import EdgecnnError
from edgecnn.escape import for_terminal
from edgecnn.files import write_json
from edgecnn.pipeline.verify import verify_compiled
from edgecnn.pipeline.verify.oracle import Ruling

PACKAGES = ("tflite-runtime", "ai-edge-litert", "tflite", "numpy")
TARGET, INPUTS, LIMIT_S = "c99", 5, 900
_OPERATOR = re.compile(r"([A-Z]\S*) (?:\".*?\" )?\(operator \d+\)")  # at the beginning of a reason
Row = dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    """Try all files, print a line for each, and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--inputs", type=int, default=INPUTS, help="random inputs of each model")
    parser.add_argument(
        "--limit", type=float, default=LIMIT_S, metavar="SECONDS", help="that a file may take"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write the figures")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)  # DIR is a file
    given = parser.parse_args(arguments)
    if given.inputs < 1:
        parser.error(f"argument --inputs: {given.inputs} is too few; 1 or more needed")
    if given.one:
        print(json.dumps(tried(given.folder, given.inputs)))
        return 0
    folder = given.folder
    if not folder.exists():
        folder = Path(os.environ.get("EDGECNN_DATA", "")) / folder
    files = sorted(folder.rglob("*.tflite"))
    if not files:
        print(f"Error: {folder} holds no .tflite file", file=sys.stderr)
        return 1
    rows = []
    for file in files:
        row = {"file": str(file.relative_to(folder)), **isolated(file, given.inputs, given.limit)}
        rows.append(row)
        print(for_terminal(line(row)), flush=True)
    counts = Counter(row["outcome"] for row in rows)
    cut = sum("left" in row for row in rows)
    also = f"; {cut} of them up to where floats begin" if cut else ""
    print(", ".join(f"{count} {outcome}" for outcome, count in counts.items()) + also)
    if given.json:
        settings = {"target": TARGET, "inputs": given.inputs, "limit_s": given.limit}
        write_json(given.json, {**origin(given.folder), **settings, "counts": counts, "files": rows})
    return int(any(row["outcome"] not in ("refused", "equal") for row in rows))


def origin(folder: Path) -> dict[str, Any]:
    """Return command, commit, machine, compiler and versions."""
    command = f"python benchmarks/public_models.py {folder.name}"
    gcc = first_line(["gcc", "--version"])
    return {"command": command, **provenance(), "gcc": gcc, **package_versions(PACKAGES)}


def isolated(file: Path, inputs: int, limit: float) -> Row:
    """Return what `tried` does, run in a process of its own: one that dies or takes too long has failed."""
    command = [sys.executable, __file__, "--one", "--inputs", str(inputs), str(file)]
    # A group of its own, which ends with the compilers and emulators in it.
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        output, errors = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        return {"outcome": "failed", "reason": f"still running after {limit:g} seconds"}
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    if process.returncode:
        last = errors.strip().splitlines()[-1:]
        return {"outcome": "failed", "reason": f"exit code {process.returncode}: {''.join(last)}"}
    row: Row = json.loads(output)
    return row


def tried(file: Path, inputs: int) -> Row:
    """Compile a file and run it; return figures, or the op and the reason of a refusal."""
    begin = time.process_time()
    try:
        compiled = compiled_of(file)
    except EdgecnnError as error:
        reason = str(error).removeprefix(f"{file}: ")
        named = _OPERATOR.match(reason)
        return {"outcome": "refused", "op": named[1] if named else "", "reason": reason}
    row = {"seconds": round(time.process_time() - begin, 2), "arena_bytes": compiled.plan["arena_bytes"]}
    if compiled.model.left:
        row["left"] = compiled.model.left_to_caller
    try:
        verified = verify_compiled(compiled, file, inputs)
    except EdgecnnError as error:
        return {"outcome": "failed", "reason": str(error), **row}
    return {
        "outcome": "equal" if verified.equal else "different",
        **row,
        "bytes_compared": verified.bytes_compared,
        "bytes_different": verified.bytes_different,
        "operators_different": verified.operators_different,
        "different_outputs": verified.different_outputs,
        "oracle": verified.oracle,
        "oracles": [text(ruling) for ruling in verified.oracles],
    }


def compiled_of(file: Path) -> CompiledModel:
    """Compile a file, or what it has before floats where these are why it is refused."""
    try:
        return compile_tflite(file, name="model", target=TARGET)
    except EdgecnnError as error:
        if "--stop-before-float" not in str(error):
            raise
        return compile_tflite(file, name="model", target=TARGET, stop_before_float=True)


def text(ruling: Ruling) -> str:
    """Return who was asked for which operators."""
    why = f" ({ruling.why})" if ruling.why else ""
    operators = "1 operator" if len(ruling.operators) == 1 else f"{len(ruling.operators)} operators"
    return f"{operators}: {ruling.oracle}{why}"


def line(row: Row) -> str:
    """Return what the terminal shows of a file."""
    if row["outcome"] == "refused":
        reason = row["reason"].removeprefix(row["op"]).strip()
        return f"{row['file']}  refused  {row['op'] or 'the file'}: {reason}"
    if row["outcome"] == "failed":
        return f"{row['file']}  failed  {row['reason']}"
    outputs = ", ".join(map(str, row["different_outputs"]))
    left = f"  before {row['left']}" if "left" in row else ""
    return (
        f"{row['file']}  {row['seconds']:.1f} s  arena {row['arena_bytes']:,}  "
        f"{row['bytes_different']:,} of {row['bytes_compared']:,} bytes differ, {outputs} different outputs  "
        f"{'; '.join(row['oracles'])}{left}"
    )


if __name__ == "__main__":
    sys.exit(main())
