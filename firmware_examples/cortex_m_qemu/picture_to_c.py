# SPDX-License-Identifier: Apache-2.0
"""Writes a picture, by default a synthetic lung CT slice, as a C header: picture_to_c.py HEADER [PICTURE]."""

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.data.images import decode
from edgecnn.data.phantoms import CLASSES, phantom
from edgecnn.errors import EdgecnnError


def header_text(pixels: NDArray[np.uint8]) -> str:
    """Return the text of the header for (height, width, channels) bytes."""
    height, width, channels = pixels.shape
    lines = ",\n".join("    {" + ", ".join(map(str, line.ravel())) + "}" for line in pixels)
    return (
        "#include <stdint.h>\n\n"
        f"#define PICTURE_WIDTH {width}\n"
        f"#define PICTURE_HEIGHT {height}\n"
        f"#define PICTURE_CHANNELS {channels} /* 1: grey, 3: red, green, blue */\n\n"
        f"static const uint8_t picture[PICTURE_HEIGHT][PICTURE_WIDTH * PICTURE_CHANNELS] = {{\n{lines}\n}};\n"
    )


def main(header: Path, picture: Path | None = None) -> None:
    """Write `header`, unless it holds that picture already: make builds anew what is newer than before."""
    pixels = decode(picture) if picture else phantom(CLASSES.index("malignant"), np.random.default_rng(0))
    text = header_text(pixels.reshape(*pixels.shape[:2], -1))
    if not header.exists() or header.read_text(encoding="ascii") != text:
        header.write_text(text, encoding="ascii")


if __name__ == "__main__":
    try:
        main(*map(Path, sys.argv[1:]))
    except EdgecnnError as error:
        sys.exit(f"Error: {error}")
