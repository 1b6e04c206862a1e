# SPDX-License-Identifier: Apache-2.0
"""A PlatformIO library with an example project."""

from edgecnn.converters.package import Package, in_folder


def package_files(package: Package) -> dict[str, str]:
    """Return the files of the package by their paths in it."""
    return {**in_folder(package.c_files, "src"), **package.rendered("platformio")}
