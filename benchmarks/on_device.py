# SPDX-License-Identifier: Apache-2.0
"""Measure .tflite models, or their C, on the machine to which this file is copied, such as a Raspberry Pi.

    python3 on_device.py model_float32.tflite model_int8.tflite --images test --json pi4.json

It is one file. It needs Linux, Python 3.8 or later, NumPy and a TFLite runtime (pip install tflite-runtime
'numpy<2', or ai-edge-litert), and for --images Pillow. What one runtime can't run, the other does, if it is
there. A model may also be a library that `edgecnn compile --shared` built, or a C compiler as NAME_shared.c
says: that needs no TFLite runtime. Each model runs in a process of its own. Latency is measured on a fixed
pattern of bytes, after a warm-up. What a byte is to a model its metadata say, else the range of its input's
scale, else it is byte / 255, as edgecnn has it. Images are
decoded and resized exactly as edgecnn does in training, fitted as the model says, those of more than 8 bits
through its window.
Their folder is one that `edgecnn data check` takes, with a folder for each class; where it is divided into
parts, the test images count. Of a model of numbers it holds a .npy file for each sample. Classes are named
by labels.txt beside a model, else by its metadata, else by the folders of the images in alphabetical order;
of two that one sigmoid tells apart, the metadata's threshold decides.

Models trained with edgecnn are for research and education, not for diagnosis.
"""

from __future__ import annotations

import argparse
import ctypes
import hashlib
import importlib
import json
import multiprocessing
import os
import platform
import resource
import signal
import struct
import sys
import threading
import time
import zipfile
import zlib
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

try:
    import numpy as np
except ImportError:
    sys.exit("Error: NumPy is missing; install it with: pip install numpy")
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Normalization = tuple[Sequence[float], Sequence[float]]  # mean and deviation, of all channels or of each

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp")
NUMBERS = ".npy"
PARTS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}
RUNTIMES = ("tflite_runtime", "ai_edge_litert")
UNIT = ([0.0], [255.0])  # a mean and a deviation of bytes that make them 0 to 1
SQUASHED = ("squash", "triangle", "RGB")  # how pictures are fitted for a model that tells nothing of it
FITTINGS = (("squash", "crop", "pad"), ("triangle", "bilinear"), ("RGB", "BGR"))
RANGES = ((0, 1), (-1, 1), (0, 255), (-128, 127))  # by which networks for pictures are trained
FARTHEST = 1 << 40  # a bound of a window
MOST_LABEL_BYTES = 1 << 20  # a few bytes of a zip can stand for gigabytes
# What TFLite chooses its kernels by, as /proc/cpuinfo calls it.
FEATURES = "neon asimd asimdhp asimddp i8mm sve sve2 sse4_1 avx avx2 fma f16c avx512f avx512_vnni avx_vnni"


class BenchmarkError(Exception):
    """What the user can mend, in one line."""


class UndecodableError(BenchmarkError):
    """An image that can't be decoded."""


def main() -> None:
    """Measure what the command line names, print the figures, and write them down if asked to."""
    try:
        options = parse_arguments()
        report = measure_all(options)
        print(as_text(report))
        if options.json:
            options.json.write_text(json.dumps(report, indent=2) + "\n")
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}")
    except BenchmarkError as error:
        fail(str(error))
    except KeyboardInterrupt:
        sys.exit(130)


def fail(message: str) -> NoReturn:
    """End with one line that says what is wrong."""
    sys.exit("Error: " + printable(" ".join(message.split())))


def printable(text: str) -> str:
    """Return a line of text with what a terminal would obey spelled out."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.error = fail  # type: ignore[method-assign]
    add = parser.add_argument
    add("models", nargs="+", type=Path, metavar="MODEL", help="a .tflite file, or a .so of edgecnn's")
    add("--runtime", choices=RUNTIMES, help="of TFLite; default the first of these that runs the model")
    add("--images", type=Path, metavar="FOLDER", help="with a folder per class, or of no known class")
    add("--window", type=window_option, metavar="LOW:HIGH", help="of images of 16 bits; default the model's")
    add("--threads", type=positive, default=1, metavar="N", help="of the kernels; default 1")
    add("--warmup", type=positive, default=20, metavar="N", help="inferences that aren't timed; default 20")
    add("--runs", type=positive, default=200, metavar="N", help="timed inferences; default 200")
    add("--json", type=Path, metavar="FILE", help="write the figures there, too")
    return parser.parse_args()


def window_option(text: str) -> tuple[float, float]:
    """Read which values of an image of more than 8 bits become 0 to 255."""
    window = parse_window(text)
    if window is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not LOW:HIGH, two numbers of which the first is less")
    return window


def parse_window(text: str | None) -> tuple[float, float] | None:
    """Return the window that "LOW:HIGH" says; None where it says none."""
    try:
        low, high = (float(part) for part in (text or "").split(":"))
    except ValueError:
        return None
    if not -FARTHEST <= low < high <= FARTHEST:
        return None
    return int(low) if low.is_integer() else low, int(high) if high.is_integer() else high


def positive(text: str) -> int:
    """Read a number of 1 or more."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of 1 or more")
    return int(text)


# ---- measuring ---------------------------------------------------------------------------------------------


def measure_all(options: argparse.Namespace) -> dict[str, Any]:
    """Measure one model after the other; return the report that --json writes."""
    images = list_images(options.images) if options.images else []
    before = temperature()
    models: dict[str, dict[str, Any]] = {}
    for path in options.models:
        # A process each: peak memory counts by process, and a runtime may die of a damaged file.
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), end_with_parent) as pool:
            try:
                models[str(path)] = pool.submit(measure, path, images, options).result()
            except BrokenProcessPool:
                raise BenchmarkError(f"the TFLite runtime crashed on {path}; is the file damaged?") from None
    answers = [np.array(result.pop("answers")) for result in models.values()]
    skipped = [result.pop("skipped") for result in models.values()]
    for path, reasons in zip(models, skipped):  # noqa: B905 - strict= is not in Python 3.8
        if reasons != skipped[0]:  # one tells a window, and one doesn't
            [first, *_] = sorted(set(reasons) ^ set(skipped[0]))
            raise BenchmarkError(f"not every image is one for {path} and {next(iter(models))}: {first}")
    for result, own in zip(models.values(), answers):  # noqa: B905
        result["agreement"] = float(np.mean(own == answers[0])) if images else None
    return {
        "machine": {**machine(), "temperature_c": {"before": before, "after": temperature()}},
        "software": {
            "system": platform.platform(),
            "python": platform.python_version(),
            "numpy": np.__version__,
        },
        "options": {"threads": options.threads, "warmup": options.warmup, "runs": options.runs},
        "images": {
            "folder": str(options.images),
            "count": len(images) - len(skipped[0]),
            "skipped": skipped[0],
        }
        if images
        else None,
        "models": models,
    }


def end_with_parent() -> None:
    """End this process when its parent is killed; it would wait for more work for good otherwise."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def measure(path: Path, images: list[tuple[Path, str]], options: argparse.Namespace) -> dict[str, Any]:
    """Measure one model in this process. `images` are files, each with the name of its class or ""."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # the runtimes note their delegates on standard error
    if not path.is_file():  # reading a pipe or a device may never end
        raise BenchmarkError(f"{path} is not a file")
    content = path.read_bytes()
    if content[4:8] != b"TFL3" and path.suffix != ".so":
        raise BenchmarkError(f"{path} is not a .tflite file")
    model = Library(path, options.window) if path.suffix == ".so" else Model(path, content, options)
    noise = np.resize(np.arange(251) * 97 % 256, model.input["shape"]).astype(np.uint8)
    pattern = as_input(model.input, model.normalization or UNIT, noise)
    result = {
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "runtime": model.runtime,
        "note": model.note,
        "delegate": model.delegate,
        "input": model.input,
        "output": model.output,
        "init_ms": model.init_ms,
        "latency_us": measure_latency(model, pattern, options.warmup, options.runs),
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    if not images:
        crcs = zlib.crc32(pattern.tobytes()), zlib.crc32(model.invoke(pattern).tobytes())
        result = {**result, "input_crc32": crcs[0], "output_crc32": crcs[1], "accuracy": None}
        return {**result, "answers": [], "skipped": []}
    return {**result, **run_images(model, images, class_names(path, images))}


def measure_latency(model: Model | Library, values: NDArray[Any], warmup: int, runs: int) -> dict[str, float]:
    """Return the distribution of one inference's time in microseconds; `first` is the very first one's."""
    times = []
    for _ in range(warmup + runs):
        start = time.perf_counter_ns()
        model.invoke(values)
        times.append((time.perf_counter_ns() - start) / 1000)
    timed = np.array(times[warmup:])
    low, median, p95, high = np.percentile(timed, [0, 50, 95, 100]).tolist()
    mean = float(timed.mean())
    return {"first": times[0], "min": low, "median": median, "mean": mean, "p95": p95, "max": high}


def run_images(model: Model | Library, images: list[tuple[Path, str]], names: list[str]) -> dict[str, Any]:
    """Classify `images`; return how many are right, if `names` tell, and CRCs of all bytes in and out.

    Those that can't be decoded are left out; `skipped` says why.
    """
    if len(model.output["shape"]) != 2:
        raise BenchmarkError(f"{model.path} doesn't classify images, so --images can't be used with it")
    require_kind(model, numbers=images[0][0].suffix.lower() == NUMBERS)
    outputs, scale = model.output["shape"][1], model.output["scale"] or 1.0
    if names and len(names) != max(2, outputs):
        raise BenchmarkError(f"{model.path} tells {max(2, outputs)} classes apart, not {len(names)}: {names}")
    input_crc = output_crc = 0
    answers, labels, skipped = [], [], []
    for path, label in images:
        try:
            values = load_values(model, path)
        except UndecodableError as error:
            skipped.append(str(error))
            continue
        labels.append(label)
        output = model.invoke(values)
        input_crc = zlib.crc32(values.tobytes(), input_crc)
        output_crc = zlib.crc32(output.tobytes(), output_crc)
        # A sigmoid says how probable the second of two classes is.
        sigmoid = scale * (float(output[0, 0]) - model.output["zero_point"])
        answers.append(int(output.argmax()) if outputs > 1 else int(sigmoid >= model.threshold))
    if not answers:
        raise BenchmarkError(skipped[0])
    right = [names[answer] == label for answer, label in zip(answers, labels)] if names else []  # noqa: B905
    return {
        "input_crc32": input_crc,
        "output_crc32": output_crc,
        "accuracy": {"correct": sum(right), "share": sum(right) / len(right)} if right else None,
        "answers": answers,
        "skipped": skipped,
    }


def require_kind(model: Model | Library, *, numbers: bool) -> None:
    """Check that a model takes numbers, or pictures."""
    if numbers and model.of_pictures:
        raise BenchmarkError(f"{model.path} takes pictures, as its metadata say, and not numbers ({NUMBERS})")
    if numbers:
        return
    if model.ranges is not None or len(model.input["shape"]) != 4:
        raise BenchmarkError(
            f"{model.path} takes no pictures; give it numbers, a {NUMBERS} file for each sample"
        )
    if model.normalization is None:
        raise BenchmarkError(
            f"{model.path} has an input of no range that pictures are known by; write it anew with the right "
            "one by edgecnn export --input-range LOW:HIGH"
        )


def load_values(model: Model | Library, path: Path) -> NDArray[Any]:
    """Return what a model's input takes for a picture, or for the numbers in a .npy file."""
    if path.suffix.lower() == NUMBERS:
        return numbers_as_input(model.input, model.ranges, load_numbers(path, model.input["shape"]))
    _, height, width, channels = model.input["shape"]
    image = load_image(path, height, width, channels, model.window, model.fitting)
    return as_input(model.input, model.normalization or UNIT, image[None])


class Model:
    """A .tflite model with one input and one output, in the TFLite runtime of this machine."""

    def __init__(self, path: Path, content: bytes, options: argparse.Namespace) -> None:
        self.path = path
        names = [options.runtime] if options.runtime else RUNTIMES
        self._load(names, content, options.threads)
        inputs, outputs = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        if (len(inputs), len(outputs)) != (1, 1):
            raise BenchmarkError(f"{path} has {len(inputs)} inputs and {len(outputs)} outputs, not 1 and 1")
        self._input, self._output = inputs[0]["index"], outputs[0]["index"]
        self.input, self.output = describe(inputs[0]), describe(outputs[0])
        self.threshold = read_threshold(content)
        self.window = options.window or read_window(content)
        self.fitting = parse_fitting(path, read_entry(content, b"edgecnn_fitting"))
        list_operators = getattr(self._interpreter, "_get_ops_details", list)  # missing before 2.5
        operators: list[dict[str, Any]] = list_operators()
        delegated = any(operator["op_name"] == "DELEGATE" for operator in operators)
        self.ranges = parse_ranges(read_entry(content, b"edgecnn_ranges").decode("ascii", "replace"))
        said = None if self.ranges else read_normalization(content)
        self.of_pictures = said is not None
        self.normalization = said or normalization_by_scale(self._inner(operators))
        self.delegate = "XNNPACK" if delegated else "none"

    def _inner(self, operators: list[dict[str, Any]]) -> dict[str, Any]:
        """Return the spec of the input, or of what it is quantized to first."""
        numbers = [
            operator["outputs"][0]
            for operator in operators
            if operator["op_name"] == "QUANTIZE" and operator["inputs"][0] == self._input
        ]
        tensors = {details["index"]: details for details in self._interpreter.get_tensor_details()}
        return describe(tensors[numbers[0]]) if len(numbers) == 1 else self.input

    def _load(self, names: Sequence[str], content: bytes, threads: int) -> None:
        """Make an interpreter of the first runtime that can run the model; note why those before can't."""
        refusals, absent = [], []
        for name in names:
            try:
                package = importlib.import_module(name)
            except ImportError:
                absent.append(name.replace("_", "-"))
                continue
            self.runtime = f"{name} {package.__version__}"
            start = time.perf_counter_ns()
            try:
                module = importlib.import_module(f"{name}.interpreter")
                self._interpreter = module.Interpreter(model_content=content, num_threads=threads)
                self._interpreter.allocate_tensors()
            except (ImportError, SystemError, RuntimeError, ValueError) as error:
                refusals.append(f"{self.runtime} can't run it ({why_refused(error)})")
            else:
                self.init_ms = (time.perf_counter_ns() - start) / 1e6
                self.note = f"{'; '.join(refusals)}; {self.runtime} does" if refusals else None
                return
        if not refusals:
            raise BenchmarkError(f"no TFLite runtime is installed: pip install {' or '.join(absent)}")
        other = f"; or pip install {' or '.join(absent)}" if absent else ""
        raise BenchmarkError(f"{self.path}: {'; '.join(refusals)}{other}")

    def invoke(self, values: NDArray[Any]) -> NDArray[Any]:
        """Run the model on its own numbers."""
        self._interpreter.set_tensor(self._input, values)
        self._interpreter.invoke()
        result: NDArray[Any] = self._interpreter.get_tensor(self._output)
        return result


class Library:
    """A model that `edgecnn compile --shared` made a library, int8 in and out; it runs on one thread."""

    delegate, note = "none", None

    def __init__(self, path: Path, window: tuple[float, float] | None = None) -> None:
        self.path = path
        start = time.perf_counter_ns()
        try:
            library = ctypes.CDLL(str(path.resolve()))
            library.edgecnn_description.restype = ctypes.c_char_p
            about = json.loads(library.edgecnn_description())
        except (OSError, AttributeError) as error:
            raise BenchmarkError(f"{path} is no library of edgecnn's for this machine: {error}") from None
        missing = [feature for feature in about["features"] if feature not in cpu_facts()["known"].split()]
        if missing:
            raise BenchmarkError(f"{path} needs a processor with {' '.join(missing)}; compile it for c99")
        library.edgecnn_state_size.restype = ctypes.c_size_t
        library.edgecnn_init.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t]
        library.edgecnn_run.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
        size, align = about["arena_size"], about["arena_align"]
        self._state = ctypes.create_string_buffer(library.edgecnn_state_size())
        self._arena = np.empty(size + align, np.int8)
        begin = -self._arena.ctypes.data % align
        if library.edgecnn_init(self._state, self._arena[begin:].ctypes.data, size):
            raise BenchmarkError(f"{path} refuses its arena; compile the model again")
        self._run = library.edgecnn_run
        self.init_ms = (time.perf_counter_ns() - start) / 1e6
        self.runtime = f"{about['generator']}, C for {about['target']}"
        self.input, self.output = ({**about[end], "dtype": "int8"} for end in ("input", "output"))
        self.threshold = about.get("threshold", 0.5)
        self.window = window or parse_window(about.get("window"))
        self.fitting = parse_fitting(path, about.get("fitting", "").encode())
        self.ranges, self.of_pictures = parse_ranges(about.get("ranges", "")), False
        self.normalization = about.get("normalization")
        # An array's address takes Python longer than a small network its answer.
        self._made = np.empty(self.output["shape"], np.int8)
        self._made_at = self._made.ctypes.data

    def invoke(self, values: NDArray[Any]) -> NDArray[Any]:
        """Run the model on its own numbers."""
        self._run(self._state, values.tobytes(), self._made_at)
        return self._made.copy()


def why_refused(error: Exception) -> str:
    """Return why a runtime can't run a model, from what it raises."""
    if isinstance(error, (ImportError, SystemError)) and not np.__version__.startswith("1."):
        return f"it was built for NumPy 1, and here is NumPy {np.__version__}: pip install 'numpy<2'"
    return str(error).split(". ")[0]


def describe(details: dict[str, Any]) -> dict[str, Any]:
    """Return what the report says of an input or output; scale is 0 where it isn't quantized."""
    scale, zero_point = details["quantization"]
    shape, dtype = details["shape"].tolist(), np.dtype(details["dtype"]).name
    return {"shape": shape, "dtype": dtype, "scale": float(scale), "zero_point": int(zero_point)}


def read_window(content: bytes) -> tuple[float, float] | None:
    """Return the window of the images that a model was trained on; None where it tells none."""
    try:
        return parse_window(read_entry(content, b"edgecnn_window").decode("ascii"))
    except ValueError:
        return None  # metadata of others' may be anything


def read_entry(content: bytes, name: bytes) -> bytes:
    """Return what a metadata entry of a model leads to; nothing where it has none of that name."""
    try:
        model = Table.root(content)
        for entry in model.tables(6):
            if entry.vector(0) == name:
                found: Table = model.tables(4)[entry.number(1, "<I")]
                return found.vector(0)
    except (struct.error, IndexError, ValueError):
        pass  # as above
    return b""


def parse_fitting(path: Path, text: bytes) -> Sequence[str]:
    """Return which part of a picture a model sees, how that is resized, and the order of its channels."""
    said = tuple(text.decode("ascii", "replace").split(",")) if text else SQUASHED
    if len(said) != 3 or any(word not in known for word, known in zip(said, FITTINGS)):  # noqa: B905
        raise BenchmarkError(
            f"{path} wants pictures fitted as {said}, which this script doesn't know; get a newer one"
        )
    return said


def read_threshold(content: bytes) -> float:
    """Return from which score on a sigmoid means the second class: 0.5 unless the metadata tell another."""
    for score in read_units(content, 3, 3, lambda options: options.number(0, "<f")):
        return float(score) if 0 < score < 1 else 0.5
    return 0.5


def read_normalization(content: bytes) -> Normalization | None:
    """Return the mean and deviation of bytes that a model's metadata tell; None where they tell none."""
    for mean, deviation in read_units(content, 2, 1, lambda options: (options.floats(0), options.floats(1))):
        known = len(mean) == len(deviation) in (1, 3) and np.isfinite(mean + deviation).all()
        return (mean, deviation) if known and min(deviation) > 0 else None
    return None


def read_units(content: bytes, edges: int, kind: int, read: Callable[[Table], Any]) -> list[Any]:
    """Return what `read` makes of the options of the first edge's process units of a kind.

    Of inputs (edges 2), 1 is normalization; of outputs (3), 3 is score thresholding.
    """
    try:
        model = Table.root(content)
        for entry in model.tables(6):
            if entry.vector(0) == b"TFLITE_METADATA":
                metadata = Table.root(model.tables(4)[entry.number(1, "<I")].vector(0))
                units = metadata.tables(3)[0].tables(edges)[0].tables(4)
                return [read(Table(u.data, u.follow(1))) for u in units if u.number(0, "<B") == kind]
    except (struct.error, IndexError, ValueError):
        pass  # metadata of others' may be anything
    return []


class Table:
    """A table of a flatbuffer, whose fields are found by their slots."""

    def __init__(self, data: bytes, at: int) -> None:
        self.data, self.at = data, at

    @staticmethod
    def root(data: bytes) -> Table:
        """Return the table that a flatbuffer is."""
        return Table(data, struct.unpack_from("<I", data)[0])

    def field(self, slot: int) -> int:
        """Return where a field lies, or 0."""
        slots = self.at - struct.unpack_from("<i", self.data, self.at)[0]
        if 4 + 2 * slot >= struct.unpack_from("<H", self.data, slots)[0]:
            return 0
        offset = struct.unpack_from("<H", self.data, slots + 4 + 2 * slot)[0]
        return self.at + offset if offset else 0

    def number(self, slot: int, kind: str) -> Any:
        """Return a number of a kind that `struct` knows, or 0 where it is absent."""
        return struct.unpack_from(kind, self.data, self.field(slot))[0] if self.field(slot) else 0

    def follow(self, slot: int) -> int:
        """Return where the table, string or vector of a field lies."""
        return self.field(slot) + int(self.number(slot, "<I"))

    def vector(self, slot: int) -> bytes:
        """Return the bytes of a string or of a vector of bytes."""
        start = self.follow(slot)
        return self.data[start + 4 : start + 4 + struct.unpack_from("<I", self.data, start)[0]]

    def floats(self, slot: int) -> list[float]:
        """Return the numbers of a vector; none where it is absent."""
        if not self.field(slot):
            return []
        start = self.follow(slot)
        count = min(4, struct.unpack_from("<I", self.data, start)[0])
        return list(struct.unpack_from(f"<{count}f", self.data, start + 4))

    def tables(self, slot: int) -> list[Table]:
        """Return the tables of a vector; none where it is absent."""
        if not self.field(slot):
            return []
        start = self.follow(slot)
        places = range(start + 4, start + 4 + 4 * struct.unpack_from("<I", self.data, start)[0], 4)
        return [Table(self.data, place + struct.unpack_from("<I", self.data, place)[0]) for place in places]


def normalization_by_scale(spec: dict[str, Any]) -> Normalization | None:
    """Return the mean and deviation of bytes that the range of an input tells; None where it tells none."""
    if spec["dtype"] not in ("int8", "uint8") or not spec["scale"]:
        return UNIT
    limits = np.iinfo(spec["dtype"])
    held = [spec["scale"] * (end - spec["zero_point"]) for end in (limits.min, limits.max)]
    distances = [max(abs(held[0] - low), abs(held[1] - high)) for low, high in RANGES]
    low, high = RANGES[distances.index(min(distances))]
    if min(distances) <= 1.01 * spec["scale"]:
        return [float(spec["zero_point"] - limits.min)], [1 / spec["scale"]]
    deviation = 255 / (high - low)
    return ([-low * deviation], [deviation]) if min(distances) <= 0.1 * (high - low) else None


def parse_ranges(text: str) -> list[tuple[float, float]] | None:
    """Return what of each channel of numbers becomes 0 to 255; None where it isn't said."""
    ranges = [parse_window(part) for part in text.split(",")]
    return [known for known in ranges if known] if all(ranges) else None


def numbers_as_input(
    spec: dict[str, Any], ranges: list[tuple[float, float]] | None, numbers: NDArray[np.float32]
) -> NDArray[Any]:
    """Return what the input takes for numbers, by edgecnn/compiler/numbers.py, to the byte."""
    if spec["dtype"] in ("int8", "uint8"):
        lowest = int(np.iinfo(spec["dtype"]).min)
        held = [spec["scale"] * (end - spec["zero_point"]) for end in (lowest, lowest + 255)]
        steps = numbers_to_bytes(numbers, ranges or [(held[0], held[1])])
        return (steps.astype(np.int64) + lowest).astype(spec["dtype"])
    if ranges and not spec["scale"]:
        return as_input(spec, UNIT, numbers_to_bytes(numbers, ranges))
    if not spec["scale"]:
        return numbers.astype(spec["dtype"])
    raise BenchmarkError(f"numbers for an input of {spec['dtype']} are not known here; give int8 or float32")


def numbers_to_bytes(
    numbers: NDArray[np.float32], ranges: Sequence[tuple[float, float]]
) -> NDArray[np.uint8]:
    """Turn numbers, (..., channels), into bytes, each sum and product rounded to float32."""
    low, high = np.array(ranges, np.float64).T
    step = (high - low) / 255
    offset, factor = (step / 2 - low).astype(np.float32), (1 / step).astype(np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        steps = (numbers + offset) * factor
    return np.asarray(np.floor(np.clip(steps, 0, 255)), np.uint8)


def load_numbers(path: Path, shape: Sequence[int]) -> NDArray[np.float32]:
    """Read the sample in a .npy file in a model's shape, from which it may differ by sides of 1."""
    try:
        numbers = np.ascontiguousarray(np.load(str(path), allow_pickle=False), np.float32)
    except Exception as error:
        raise UndecodableError(f"{path} can't be read: {error}") from None
    sides, taken = ([side for side in given if side > 1] for given in (numbers.shape, shape))
    if sides != taken and not (len(sides) <= 1 and numbers.size == np.prod(shape)):
        raise UndecodableError(f"{path} holds {numbers.shape} numbers, and the model takes {tuple(shape)}")
    if not np.isfinite(numbers).all():
        raise UndecodableError(f"{path} holds values that are no finite numbers")
    return numbers.reshape(shape)


def as_input(spec: dict[str, Any], normalization: Normalization, pixels: NDArray[np.uint8]) -> NDArray[Any]:
    """Return what the input takes for bytes, (..., channels), quantized half up if it is."""
    mean, deviation = map(np.array, normalization)
    real = (np.arange(256)[:, np.newaxis] - mean) / deviation
    if spec["scale"]:
        limits = np.iinfo(spec["dtype"])
        real = np.clip(np.floor(real / spec["scale"] + 0.5) + spec["zero_point"], limits.min, limits.max)
    channels = pixels.shape[-1]
    table = np.broadcast_to(real.astype(spec["dtype"]), (256, channels))
    return np.asarray(table[pixels, np.arange(channels)])


# ---- images: edgecnn/data/images.py and resize.py again, to the byte; a test compares them -----------------


def list_images(folder: Path) -> list[tuple[Path, str]]:
    """Return the images in `folder` and below, each with its class: the folder in `folder` it is in, or "".

    Where `folder` is divided into parts, it is the one for testing that is meant.
    """
    folders = [entry for entry in sorted(folder.iterdir()) if entry.is_dir() and not is_clutter(entry.name)]
    parts = {PARTS.get(entry.name.lower(), ""): entry for entry in folders}
    if "test" in parts and ("train" in parts or "" not in parts):
        folder = parts["test"]
    found = []
    for path in sorted(folder.rglob("*")):
        names = path.relative_to(folder).parts
        if path.suffix.lower() in (*SUFFIXES, NUMBERS) and path.is_file() and not any(map(is_clutter, names)):
            found.append((path, names[0] if len(names) > 1 else ""))
    dicom = sum(path.suffix.lower() in (".dcm", ".dicom") for path in folder.rglob("*"))
    left = f"this script reads no DICOM ({dicom:,} files): save them as 16-bit grey PNG, and use --window"
    if not found:
        raise BenchmarkError(left if dicom else f"{folder} holds no images ({' '.join(SUFFIXES)})")
    if len({path.suffix.lower() == NUMBERS for path, _ in found}) > 1:
        raise BenchmarkError(f"{folder} holds images and numbers ({NUMBERS}); give one or the other")
    if dicom:
        print(f"Note: {left}", file=sys.stderr)
    return found


def is_clutter(name: str) -> bool:
    """Say whether file managers leave files or folders of that name behind."""
    return name.startswith(".") or name.lower() in ("__macosx", "desktop.ini", "thumbs.db")


def class_names(model: Path, images: list[tuple[Path, str]]) -> list[str]:
    """Return the names of the model's classes, in the order of its output; none if the images have none."""
    labels = {label for _, label in images}
    if "" in labels:
        return []
    names = sorted(labels)
    beside = model.with_name("labels.txt")
    if beside.exists():
        names = label_lines(beside.read_bytes())
    elif zipfile.is_zipfile(model):
        with zipfile.ZipFile(model) as archive:
            file = next((name for name in archive.namelist() if name.endswith(".txt")), None)
            if file:
                with archive.open(file) as opened:
                    names = label_lines(opened.read(MOST_LABEL_BYTES))
    strange = sorted(labels - set(names))
    if strange:
        raise BenchmarkError(f"{model} knows the classes {names}, but a folder of images is {strange[0]!r}")
    return names


def label_lines(text: bytes) -> list[str]:
    """Return the labels in a labels.txt, one a line."""
    try:
        lines = text.decode("utf-8-sig").rstrip("\r\n").split("\n")
    except UnicodeDecodeError:
        lines = ["\0"]
    if "\0" in "".join(lines):  # as UTF-16 has
        raise BenchmarkError("the file of labels is not text in UTF-8; save it as UTF-8")
    return [line.rstrip("\r") for line in lines]


def load_image(
    path: Path,
    height: int,
    width: int,
    channels: int,
    window: tuple[float, float] | None = None,
    fitting: Sequence[str] = SQUASHED,
) -> NDArray[np.uint8]:
    """Decode a file and bring it to (height, width, channels) bytes."""
    image = decode(path, window)
    if image.shape[2] > channels:
        image = to_grey(image)
    elif image.shape[2] < channels:
        image = np.repeat(image, channels, axis=2)
    image = fit(image, height, width, fitting)
    return np.ascontiguousarray(image[..., ::-1]) if fitting[2] == "BGR" else image


def decode(path: Path, window: tuple[float, float] | None = None) -> NDArray[np.uint8]:
    """Decode a file to (H, W, 1) grey or (H, W, 3) RGB bytes, upright; `window` is of more than 8 bits."""
    try:
        from PIL import Image, ImageOps
    except ImportError:
        raise BenchmarkError("--images needs Pillow; install it with: pip install pillow") from None
    try:
        with Image.open(path) as opened:
            tags = getattr(opened, "tag_v2", {})  # of TIFF
            white_is_zero = tags.get(262) == 0  # Pillow minds it of bytes only
            # By mode, bits and sample format: what Pillow takes for bytes, and for int32.
            numbers = {("L", 8, 2): np.int8, ("I", 32, 1): np.uint32}.get(
                (opened.mode, tags.get(258, (1,))[0], tags.get(339, (1,))[0])
            )
            cut = ";16" in str(opened.tile)  # of several channels of 16 bits Pillow keeps the upper bytes
            image: Any = ImageOps.exif_transpose(opened)
            if numbers or image.mode[0] in "IF":
                wide: NDArray[Any] = np.asarray(image)
                wide = wide.view(numbers or wide.dtype)
                grey = to_bytes(wide, window or full_window(wide))[..., None]
                return np.invert(grey) if white_is_zero else grey
            if image.mode in ("1", "L", "LA"):
                return np.array(image.convert("L"))[..., None]
            colours = np.array(image.convert("RGB"))
            if cut and colours.max() < 64:
                raise ValueError("its channels have 16 bits, of which it uses the lower ones; save it with 8")
            return colours
    except Exception as error:
        raise UndecodableError(f"{path} can't be decoded: {error}") from None


def to_bytes(pixels: NDArray[Any], window: tuple[float, float]) -> NDArray[np.uint8]:
    """Turn the values of a window, integers or floats, into 0 to 255."""
    low, high = window
    if np.issubdtype(pixels.dtype, np.integer) and isinstance(low, int) and isinstance(high, int):
        values = pixels.astype(np.int64).clip(low, high) - low
        return (values * 256 // (high - low + 1)).astype(np.uint8)
    real = np.nan_to_num(pixels.astype(np.float64), nan=low).clip(low, high) - low
    return np.minimum(255, real * 256 / (high - low)).astype(np.uint8)


def full_window(pixels: NDArray[Any]) -> tuple[float, float]:
    """Return the window that takes the upper byte of 16 bits, if `pixels` are such and use enough of them."""
    low, high = pixels.min().item(), pixels.max().item()
    sixteen_bits = np.issubdtype(pixels.dtype, np.integer) and low >= 0 and high <= 65535
    if not sixteen_bits or low < high < low + 16384:
        raise ValueError(
            f"its values are {low:,} to {high:,}; say by --window LOW:HIGH which become 0 to 255"
        )
    return 0, 65535


def to_grey(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Turn (H, W, 3) RGB bytes into (H, W, 1) grey bytes."""
    luma = image.astype(np.uint16) @ np.array([[77], [150], [29]], np.uint16)
    return ((luma + 128) >> 8).astype(np.uint8)


def fit(image: NDArray[np.uint8], height: int, width: int, fitting: Sequence[str]) -> NDArray[np.uint8]:
    """Bring (H, W, C) bytes to (height, width, C) bytes: squashed, their middle, or all between bars."""
    rows, columns, channels = image.shape
    if fitting[0] == "crop":
        high, wide = middle(rows, columns, height, width)
        top, left = (rows - high) // 2, (columns - wide) // 2
        image = image[top : top + high, left : left + wide]
    if fitting[0] != "pad":
        return resize(image, height, width, fitting[1])
    high, wide = middle(height, width, rows, columns)
    top = max(0, (height * columns - rows * width) // (2 * columns))
    left = max(0, (width * rows - columns * height) // (2 * rows))
    padded = np.zeros((height, width, channels), np.uint8)
    padded[top : top + high, left : left + wide] = resize(image, high, wide, fitting[1])
    return padded


def middle(rows: int, columns: int, height: int, width: int) -> tuple[int, int]:
    """Return the largest part of (rows, columns), neither less than 1, of the shape of (height, width)."""
    if columns * height > rows * width:
        return rows, max(1, rows * width // height)
    return max(1, columns * height // width), columns


def resize(image: NDArray[np.uint8], height: int, width: int, by: str = "triangle") -> NDArray[np.uint8]:
    """Resize (H, W, C) bytes to (height, width, C) bytes: along the rows, then along the columns."""
    columns = resize_first_axis(image.swapaxes(0, 1), width, by)
    return resize_first_axis(columns.swapaxes(0, 1), height, by)


def resize_first_axis(image: NDArray[np.uint8], size: int, by: str) -> NDArray[np.uint8]:
    """Resize (N, M, C) bytes to (size, M, C)."""
    image = np.ascontiguousarray(image)
    indices, weights = (two_taps if by == "bilinear" else taps)(len(image), size)
    total = np.full((size, *image.shape[1:]), 1 << 13, np.int32)
    for tap in range(len(indices)):
        total += image[indices[tap]] * weights[tap][:, None, None]
    return (total >> 14).astype(np.uint8)


@lru_cache(maxsize=256)
def taps(size_in: int, size_out: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return which inputs each output is made of, and their weights of 1/16384, both (taps, size_out)."""
    # 64 bits also where Python has 32: the sums of a large picture need them.
    inputs, outputs = np.arange(size_in, dtype=np.int64), np.arange(size_out, dtype=np.int64)[:, None]
    distance = np.abs((2 * inputs + 1) * size_out - (2 * outputs + 1) * size_in)
    tent = np.maximum(0, 2 * max(size_in, size_out) - distance)
    sums = np.pad(tent.cumsum(axis=1), ((0, 0), (1, 0)), mode="constant")
    weights = np.diff((2 * 16384 * sums + sums[:, -1:]) // (2 * sums[:, -1:]), axis=1)
    used = weights != 0
    first, last = used.argmax(axis=1), size_in - used[:, ::-1].argmax(axis=1)
    count = int((last - first).max())
    indices = np.minimum(first, size_in - count) + np.arange(count)[:, None]
    return indices, weights[np.arange(size_out), indices].astype(np.int32)


@lru_cache(maxsize=256)
def two_taps(size_in: int, size_out: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return what `taps` does for bilinear interpolation with half-pixel centres, and no other filter."""
    place = (2 * np.arange(size_out, dtype=np.int64) + 1) * size_in - size_out
    first, part = np.divmod(place, 2 * size_out)
    second = (2 * 16384 * part + 2 * size_out) // (4 * size_out)
    indices = np.stack([first, first + 1]).clip(0, size_in - 1)
    return indices, np.stack([16384 - second, second]).astype(np.int32)


# ---- the machine, and the report ---------------------------------------------------------------------------


def machine() -> dict[str, Any]:
    """Return what the machine says of itself; None for what it doesn't say."""
    facts = cpu_facts()
    board = read("/proc/device-tree/model") or facts.get("model name") or "unknown"
    known = facts["known"].split()
    return {
        "model": board.strip("\0"),
        "isa": platform.machine(),
        "features": [feature for feature in FEATURES.split() if feature in known],
        "cores": os.cpu_count(),
        "governor": read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
    }


def cpu_facts() -> dict[str, str]:
    """Return what /proc/cpuinfo says of the first processor, its instruction sets as `known`."""
    facts: dict[str, str] = {}
    for line in (read("/proc/cpuinfo") or "").splitlines():
        key, _, value = line.partition(":")
        facts.setdefault(key.strip().lower(), value.strip())
    return {**facts, "known": facts.get("features", facts.get("flags", ""))}


def temperature() -> float | None:
    """Return the processor's temperature in degrees Celsius, if it can be read."""
    text = read("/sys/class/thermal/thermal_zone0/temp")
    return int(text) / 1000 if text and text.lstrip("-").isdigit() else None


def read(path: str) -> str | None:
    """Return the text of a file that the kernel may provide."""
    try:
        return Path(path).read_text().strip()
    except OSError:
        return None


def as_text(report: dict[str, Any]) -> str:
    """Return the report for people: what was measured on, then a column for each model."""
    about, heat = report["machine"], report["machine"]["temperature_c"]
    lines = [
        f"machine   {about['model']}, {about['cores']} cores, governor {about['governor'] or 'unknown'}",
        f"ISA       {about['isa']} {' '.join(about['features'])}",
        "software  {system}, Python {python}, NumPy {numpy}".format(**report["software"]),
        "timed     {runs} runs after {warmup} to warm up, {threads} thread(s)".format(**report["options"]),
    ]
    if heat["after"] is not None:
        lines.append(f"heat      {heat['before']} C before, {heat['after']} C after")
    if report["images"]:
        lines.append("images    {count:,} from {folder}".format(**report["images"]))
        if skipped := report["images"]["skipped"]:
            lines.append(f"skipped   {len(skipped):,} that can't be decoded, the first: {skipped[0]}")
    lines += [f"note      {name}: {made['note']}" for name, made in report["models"].items() if made["note"]]
    table = [rows_of(name, result) for name, result in report["models"].items()]
    widths = [max(map(len, column.values())) for column in table]
    for key in table[0]:
        cells = [column[key].rjust(width) for column, width in zip(table, widths)]  # noqa: B905
        lines.append(f"{key:<22}" + "  ".join(cells))
    lines.append("For research and education, not for diagnosis.")
    return "\n".join(printable(line.rstrip()) for line in lines)


def rows_of(name: str, result: dict[str, Any]) -> dict[str, str]:
    """Return a model's column of the table, by row."""
    rows = {"": Path(name).name, "runtime": result["runtime"], "delegate": result["delegate"]}
    for end in ("input", "output"):
        rows[end] = f"{result[end]['dtype']} {'x'.join(map(str, result[end]['shape']))}"
    rows["init, ms"] = f"{result['init_ms']:.1f}"
    for key in ("first", "min", "median", "mean", "p95", "max"):
        rows[f"{key}, us"] = f"{result['latency_us'][key]:,.1f}"
    rows["peak memory, MB"] = f"{result['peak_memory_mb']:.1f}"
    if result["accuracy"]:
        rows["accuracy"] = f"{result['accuracy']['share']:.2%}"
    if result["agreement"] is not None:
        rows["same answer as first"] = f"{result['agreement']:.2%}"
    rows["file, bytes"] = f"{result['bytes']:,}"
    rows["SHA-256"] = result["sha256"][:16]
    rows["CRC-32, in and out"] = f"{result['input_crc32']:08x} {result['output_crc32']:08x}"
    return rows


if __name__ == "__main__":
    main()
