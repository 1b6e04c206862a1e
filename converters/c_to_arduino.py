# SPDX-License-Identifier: Apache-2.0
"""An Arduino library with an example sketch, for boards with 32-bit cores."""

from edgecnn.converters.package import Package, in_folder
from edgecnn.errors import ModelError

_LONGEST_NAME = 63  # https://docs.arduino.cc/arduino-cli/library-specification


def package_files(package: Package) -> dict[str, str]:
    """Return the files of the package by their paths in it.

    Raises:
        ModelError: the library's name would be longer than Arduino's tools allow.
    """
    longest = _LONGEST_NAME - len("edgecnn_")
    if len(package.name) > longest:
        raise ModelError(
            f"name {package.name!r} has {len(package.name)} characters; {longest} are allowed: the "
            f"library, edgecnn_NAME, may have {_LONGEST_NAME}; choose another by --name"
        )
    return {**in_folder(package.c_files, "src"), **package.rendered("arduino")}
