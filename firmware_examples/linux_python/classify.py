# SPDX-License-Identifier: Apache-2.0
"""Classifies pictures in a TFLite runtime, without edgecnn: classify.py MODEL PICTURE...

Needs NumPy, Pillow, and tflite-runtime or ai-edge-litert. Pictures become the input by the rule of
training, in integers: grey is luma, and resizing is a tent filter as wide as the reduction.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

try:
    from tflite_runtime.interpreter import Interpreter, OpResolverType
except ImportError:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType


def load(path: Path, height: int, width: int, channels: int) -> np.ndarray:
    """Return a picture as (height, width, channels) bytes."""
    opened = ImageOps.exif_transpose(Image.open(path))
    if opened.mode.startswith(("I", "F")):
        sys.exit(f"{path}: pixels of more than 8 bits; save it with 8")
    pixels = np.array(opened.convert("L" if opened.mode in ("1", "L", "LA") else "RGB"))
    pixels = pixels.reshape(*pixels.shape[:2], -1)
    if pixels.shape[2] > channels:
        luma = pixels.astype(np.uint16) @ np.array([[77], [150], [29]], np.uint16)
        pixels = ((luma + 128) >> 8).astype(np.uint8)
    pixels = np.repeat(pixels, channels // pixels.shape[2], axis=2)
    columns = resize_rows(pixels.swapaxes(0, 1), width)
    return resize_rows(columns.swapaxes(0, 1), height)


def resize_rows(pixels: np.ndarray, size: int) -> np.ndarray:
    """Resize (N, M, C) bytes to (size, M, C): each output is a sum with weights of 1/16384."""
    count = len(pixels)
    inputs, outputs = np.arange(count), np.arange(size)[:, None]
    distance = np.abs((2 * inputs + 1) * size - (2 * outputs + 1) * count)
    tent = np.maximum(0, 2 * max(count, size) - distance)
    sums = np.pad(tent.cumsum(axis=1), ((0, 0), (1, 0)))
    weights = np.diff((2 * 16384 * sums + sums[:, -1:]) // (2 * sums[:, -1:]), axis=1)
    total = np.tensordot(weights.astype(np.int32), pixels.astype(np.int32), axes=1)
    return ((total + 8192) >> 14).astype(np.uint8)


def quantized(pixels: np.ndarray, details: dict) -> np.ndarray:
    """Return bytes as the model takes them: a byte b means b / 255."""
    real = np.arange(256) / 255
    scale, zero_point = details["quantization"]
    if scale:
        real = np.clip(np.floor(real / scale + 0.5) + zero_point, -128, 127)
    return real.astype(details["dtype"])[pixels][np.newaxis]


def probabilities(output: np.ndarray, details: dict) -> np.ndarray:
    """Return the probability of each class; one output for two classes is that of the second."""
    scale, zero_point = details["quantization"]
    values = scale * (output.ravel().astype(float) - zero_point) if scale else output.ravel()
    return values if values.size > 1 else np.array([1 - values[0], values[0]])


def main(model: Path, pictures: list[Path]) -> None:
    """Print each picture's class, its probability, and the network's own output."""
    # The reference kernels: the bytes are those of generated C on a device. Leave them out for speed.
    kernels = OpResolverType.BUILTIN_REF
    interpreter = Interpreter(str(model), experimental_op_resolver_type=kernels)
    interpreter.allocate_tensors()
    [source], [made] = interpreter.get_input_details(), interpreter.get_output_details()
    beside = model.with_name("labels.txt")
    labels = beside.read_text(encoding="utf-8").splitlines() if beside.exists() else None
    for picture in pictures:
        interpreter.set_tensor(source["index"], quantized(load(picture, *source["shape"][1:]), source))
        interpreter.invoke()
        output = interpreter.get_tensor(made["index"])
        answer = probabilities(output, made)
        best = int(answer.argmax())
        print(f"{labels[best] if labels else f'class {best}'}  {100 * answer[best]:.1f}%")
        print("output", *output.ravel())


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(f"usage: {sys.argv[0]} MODEL PICTURE...")
    try:
        main(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]])
    except (OSError, ValueError) as error:  # a file that is absent, or no picture, or no model
        sys.exit(f"{sys.argv[0]}: {str(error).strip()}")
