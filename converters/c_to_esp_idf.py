# SPDX-License-Identifier: Apache-2.0
"""An ESP-IDF component with an example project."""

from edgecnn.converters.package import Package, headers_apart


def package_files(package: Package) -> dict[str, str]:
    """Return the files of the package by their paths in it."""
    return {**headers_apart(package.c_files), **package.rendered("esp-idf")}
