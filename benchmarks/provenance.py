# SPDX-License-Identifier: Apache-2.0
"""What every result file says of where its figures come from."""

import os
import platform
import subprocess
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"


def provenance() -> dict[str, Any]:
    """Return commit, machine, system and Python."""
    return {
        "commit": first_line(["git", "-C", str(ROOT), "rev-parse", "HEAD"]),
        "machine": _cpu(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def _cpu() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    named = (line.split(": ", 1)[1] for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


def first_line(command: list[str]) -> str:
    """Return the first line that `command` prints; some programs print their version on standard error."""
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return (done.stdout or done.stderr).splitlines()[0]


def package_versions(packages: Sequence[str]) -> dict[str, str | None]:
    """Return the versions of packages that are installed, None for others."""
    versions: dict[str, str | None] = {}
    for package in packages:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = None
    return versions
