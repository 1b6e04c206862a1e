# SPDX-License-Identifier: Apache-2.0
"""A CMSIS-Pack with one component and an example for the CMSIS-Toolbox."""

from edgecnn.converters.package import Package, headers_apart


def package_files(package: Package) -> dict[str, str]:
    """Return the files of the package by their paths in it."""
    return {**headers_apart(package.c_files), **package.rendered("cmsis-pack")}
