# SPDX-License-Identifier: Apache-2.0
"""With which versions a result was made."""

import platform
from importlib.metadata import PackageNotFoundError, version

PACKAGES = (
    "edgecnn",
    "numpy",
    "pillow",
    "tensorflow",
    "tf-keras",
    "tensorflow-model-optimization",
    "tflite-runtime",
    "ai-edge-litert",
)


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that matter to a result and are installed."""
    installed = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            installed[package] = version(package)
        except PackageNotFoundError:
            continue
    return installed
