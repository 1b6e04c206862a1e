# SPDX-License-Identifier: Apache-2.0
"""A CMake library: installs, is found by find_package, and builds for Linux and for bare metal."""

from edgecnn.converters.package import Package, in_folder


def package_files(package: Package) -> dict[str, str]:
    """Return the files of the package by their paths in it."""
    headers = {name: text for name, text in package.c_files.items() if name.endswith(".h")}
    sources = {name: text for name, text in package.c_files.items() if name not in headers}
    return {
        **in_folder(headers, "include"),
        **in_folder(sources, "src"),
        **package.rendered("cmake"),
    }
