# SPDX-License-Identifier: Apache-2.0
"""Pictures for the examples, and what the reference kernels say of them."""

from pathlib import Path

from PIL import Image

from edgecnn.compiler import reference
from edgecnn.compiler.reading.tflite import parse
from edgecnn.data.images import load_image
from edgecnn.data.phantoms import write_phantoms
from edgecnn.runtime.tflite import TfliteModel


def write_pictures(folder: Path, count: int) -> list[Path]:
    """Write PNG files: `count` grey phantoms, and as many in color and of other sizes."""
    write_phantoms(folder, {"test": count}, seed=3)
    grey = sorted(folder.rglob("*.png"))
    color = [folder / f"color-{number}.png" for number in range(count)]
    for number, (source, path) in enumerate(zip(grey, color, strict=True)):
        image = Image.open(source).resize((40 + 31 * number, 90 - 14 * number))
        Image.merge("RGB", (image, image.transpose(Image.Transpose.ROTATE_180), image)).save(path)
    return grey + color


def reference_output(model: bytes, picture: Path) -> list[int]:
    """The int8 output for a picture that is read as `edgecnn predict` does."""
    runner = TfliteModel(model)
    _, height, width, channels = runner.input.shape
    pixels = runner.values(load_image(picture, height, width, channels)[None])
    output: list[int] = reference.run(parse(model), [pixels])[0].ravel().tolist()
    return output
