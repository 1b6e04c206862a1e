# SPDX-License-Identifier: Apache-2.0
"""The formats of firmware packages; apart from package.py, so that --help can name them and load nothing."""

from pathlib import Path

TEMPLATES = Path(__file__).parent / "templates"


def package_formats() -> list[str]:
    """Return the names of the formats: each has a module c_to_NAME.py and a folder templates/NAME."""
    names = (path.stem.removeprefix("c_to_").replace("_", "-") for path in TEMPLATES.parent.glob("c_to_*.py"))
    return sorted(name for name in names if (TEMPLATES / name).is_dir())
