# SPDX-License-Identifier: Apache-2.0
"""Building what lies in the folder of a package."""

import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

STUBS = Path(__file__).parents[1] / "converters" / "stubs"
WARNINGS = "-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wundef -Wcast-align -Werror"


def run(command: str, folder: Path, **environment: str) -> str:
    """Run a command line in `folder`, and return what it prints."""
    done = subprocess.run(
        ["bash", "-euc", command],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def readme_commands(folder: Path) -> list[str]:
    """The commands that the README gives."""
    return re.findall(r"^```sh\n(.*?)^```", (folder / "README.md").read_text(), re.MULTILINE | re.DOTALL)


def run_on_stubs(folder: Path, main: str, headers: str = "src") -> str:
    """Build the example around `main` with our stand-ins for its platform, and return what it prints."""
    sources = " ".join(str(path.relative_to(folder)) for path in sorted((folder / "src").glob("*.c")))
    run(f"gcc -std=c99 {WARNINGS} -O1 -c {sources} -I{headers}", folder)
    compiler = "gcc -std=gnu11" if main.endswith(".c") else "g++ -std=c++11 -x c++"
    run(f"{compiler} {WARNINGS} -DSTUB_MAIN -I{headers} -I{STUBS} -c {main} -o main.o", folder)
    return run("g++ *.o -o demo_here && ./demo_here", folder)


def cross_compile(folder: Path, compiler: str, sources: Sequence[str], headers: str) -> None:
    """Compile for another machine, warnings being errors."""
    run(f"{compiler} {WARNINGS} -O2 -I{headers} -I{STUBS} -c {' '.join(sources)}", folder)
