# SPDX-License-Identifier: Apache-2.0
"""Images per second on the way to the network: edgecnn's input pipeline and Keras's, on the same files.

    EDGECNN_DATA=... python benchmarks/input_pipeline.py      writes input_pipeline.json and .md into results/

Nothing is learned; batches are made and dropped. The first epoch begins with the folder and ends when every
image of all three parts was in a batch; edgecnn's has then also read each file for damage. Later epochs are
of the training part. Peers:

- keras: image_dataset_from_directory, scaled to 0..1, cache, prefetch. What is kept are batches, so that each
  later epoch repeats the same batches in the same order.
- keras_shuffled: the same, with images cached one by one and shuffled anew in each epoch, as edgecnn does.

With augmentation, both have the layers of Keras that do what edgecnn's does but for shear, which it lacks.
Each measurement is a process of its own, with TensorFlow's own number of threads for the peers; they run in
turn, and figures are medians. CPU time is of all threads, and says more than the clock on a busy machine.
Without EDGECNN_DATA the pictures are synthetic.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from provenance import RESULTS, provenance

from edgecnn.data.dataset import PARTS, open_dataset
from edgecnn.data.phantoms import write_phantoms
from edgecnn.files import write_json, write_text
from edgecnn.pipeline.run.versions import versions

PACKS = {"iqothnccd-ct160": (64, 64, 1), "isic2017-skin256": (128, 128, 3)}
SYNTHETIC = {"phantoms": (64, 64, 1)}
PEERS = ("edgecnn", "keras", "keras_shuffled")
AUGMENTATION = "rotation=20,shift=0.2,zoom=0.2,brightness=0.1,flip"
BATCH = 32
LATER = 4  # epochs after the first
CLASSES = 3  # of the network whose answers edgecnn prepares
KINDS = ("plain", "augmented")
MOST_IMAGES = 100_000  # Keras's buffer: all of them
Batches = Iterable[tuple[Any, Any]]
Shape = tuple[int, int, int]
Figures = dict[str, dict[str, float]]


def main() -> None:
    """Measure, write the figures and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured (default: 5)")
    parser.add_argument("--images", type=int, default=900, help="synthetic ones to train on (default: 900)")
    parser.add_argument("--out", type=Path, default=RESULTS / "input_pipeline", help="without .json and .md")
    parser.add_argument("--one", nargs=5, help=argparse.SUPPRESS)  # what a process of its own measures
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(*options.one)))
        return
    result = {
        "command": f"python benchmarks/input_pipeline.py --rounds {options.rounds}",
        **provenance(),
        "versions": versions(),
        "batch": BATCH,
        "augmentation": AUGMENTATION,
        "data": compare_all(options.rounds, options.images),
    }
    write_json(options.out.with_suffix(".json"), result)
    write_text(options.out.with_suffix(".md"), table(result))
    print(table(result))


def compare_all(rounds: int, images: int) -> dict[str, Any]:
    """Return the figures of each set of images, with and without augmentation."""
    root = os.environ.get("EDGECNN_DATA")
    measured = {}
    for name, shape in (PACKS if root else SYNTHETIC).items():
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary) / name
            if root:
                counts = link_parts(Path(root) / name / "manifest.csv", folder)
            else:
                counts = {"train": images, "validation": images // 2, "test": images // 2}
                write_phantoms(folder, counts, seed=0)
            figures = compare(folder, shape, rounds)
            measured[name] = {"synthetic": root is None, "shape": shape, "images": counts, **figures}
    return measured


def link_parts(source: Path, folder: Path) -> dict[str, int]:
    """Make a folder of train, validation and test, as Keras reads it, of links to the images of a pack."""
    dataset = open_dataset(source, seed=0)
    for number, sample in enumerate(dataset.samples):
        link = folder / sample.split / dataset.classes[sample.label] / f"{number}{sample.path.suffix}"
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(sample.path.resolve())
    return {part: len(dataset.part(part)) for part in PARTS}


def compare(folder: Path, shape: Shape, rounds: int) -> dict[str, Any]:
    """Measure the peers in turn; return for each kind their figures, and how much better edgecnn's are."""
    taken: dict[str, list[Figures]] = {peer: [] for peer in PEERS}
    for number in range(rounds):
        for peer in PEERS:
            command = [sys.executable, __file__, "--one", peer, str(folder), *map(str, shape)]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            taken[peer].append(json.loads(done.stdout.splitlines()[-1]))
            print(f"{folder.name}, round {number + 1}: {peer} {taken[peer][-1]}", file=sys.stderr)
    return {kind: summary({peer: [times[kind] for times in taken[peer]] for peer in PEERS}) for kind in KINDS}


def summary(taken: dict[str, list[dict[str, float]]]) -> dict[str, Any]:
    """Return the medians of each peer's figures, and of edgecnn's gain over each of the others, by round."""
    ours = taken["edgecnn"]
    figures = {
        peer: {key: round(statistics.median(times[key] for times in rounds), 1) for key in ours[0]}
        for peer, rounds in taken.items()
    }
    gains = {
        f"edgecnn_over_{peer}": {
            key: round(statistics.median(map(partial(gain, key), ours, taken[peer])), 2) for key in ours[0]
        }
        for peer in PEERS[1:]
    }
    return figures | gains


def gain(key: str, ours: dict[str, float], theirs: dict[str, float]) -> float:
    """Return how many times as many images a second, or how many times less CPU time an image."""
    return ours[key] / theirs[key] if "per_s" in key else theirs[key] / ours[key]


def measure(peer: str, folder: str, height: str, width: str, channels: str) -> Figures:
    """Return the figures of one peer for each kind, in this process."""
    shape = int(height), int(width), int(channels)
    make = of_edgecnn if peer == "edgecnn" else of_keras(peer == "keras_shuffled")
    figures = {}
    for kind in KINDS:
        epochs = make(Path(folder), shape, kind == "augmented")
        first, *later = (timed(next(epochs)) for _ in range(1 + LATER))
        figures[kind] = {
            "first_images_per_s": first[0],
            "first_cpu_us": first[1],
            "later_images_per_s": statistics.median(speed for speed, _ in later),
            "later_cpu_us": statistics.median(cpu for _, cpu in later),
        }
    return figures


def timed(batches: Batches) -> tuple[float, float]:
    """Use batches up; return images per second, and microseconds of CPU time an image."""
    begin, cpu = time.perf_counter(), time.process_time()
    count = sum(len(images) for images, _ in batches)
    return count / (time.perf_counter() - begin), 1e6 * (time.process_time() - cpu) / count


def of_edgecnn(folder: Path, shape: Shape, moved: bool) -> Iterator[Batches]:
    """Yield epochs as `edgecnn train` makes them: the first of all parts, others of the training part."""
    from edgecnn.data.arrays import load_dataset
    from edgecnn.models import architecture
    from edgecnn.tf import make_repeatable
    from edgecnn.training import batches
    from edgecnn.training.augmentation import NONE, parse_augmentation
    from edgecnn.training.fit import FitOptions

    make_repeatable(seed=0)
    augmentation = parse_augmentation(AUGMENTATION) if moved else NONE
    options = FitOptions("train", LATER, BATCH, "adam", 1e-3, seed=0, augmentation=augmentation)
    model = architecture("cainvas").build(shape, CLASSES, 1.0)
    train: list[Any] = []  # its arrays and its batches, once they are made

    def first() -> Batches:
        _, parts = load_dataset(folder, shape, seed=0)
        loaded = [parts[part] for part in PARTS]
        made = [batches.Batches(model, arrays, BATCH) for arrays in loaded]
        train.extend((loaded[0], made[0]))
        return chain(later(0), *(part.in_order() for part in made[1:]))

    def later(epoch: int) -> Batches:
        arrays, made = train
        shown: Batches = made.epoch(options.images(arrays.labels, epoch), augmentation, options.seed, epoch)
        return shown

    yield lazily(first)
    for epoch in range(1, 1 + LATER):
        yield lazily(partial(later, epoch))


def of_keras(shuffled: bool) -> Callable[[Path, Shape, bool], Iterator[Batches]]:
    """Return what yields epochs of Keras's data sets, as `of_edgecnn` does."""

    def epochs(folder: Path, shape: Shape, moved: bool) -> Iterator[Batches]:
        os.environ |= {"TF_USE_LEGACY_KERAS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
        import tensorflow as tf

        made: list[Any] = []
        layers = keras_augmentation(tf.keras) if moved else None

        def first() -> Batches:
            sets = [keras_part(tf, folder / part, shape, shuffled, layers) for part in PARTS[:1]]
            sets += [keras_part(tf, folder / part, shape, False, None) for part in PARTS[1:]]
            made.append(sets[0])
            return chain(*sets)

        yield lazily(first)
        for _ in range(LATER):
            yield made[0]

    return epochs


def keras_part(tf: Any, folder: Path, shape: Shape, shuffled: bool, layers: Any) -> Any:
    """Return a data set of Keras's: scaled to 0..1, kept, augmented by `layers` if there are any."""
    height, width, channels = shape
    dataset = tf.keras.utils.image_dataset_from_directory(
        folder,
        label_mode="categorical",
        color_mode="grayscale" if channels == 1 else "rgb",
        batch_size=None if shuffled else BATCH,
        image_size=(height, width),
        seed=0,
    )
    dataset = dataset.map(lambda images, labels: (images / 255.0, labels), tf.data.AUTOTUNE).cache()
    if shuffled:
        dataset = dataset.shuffle(MOST_IMAGES, seed=0).batch(BATCH)
    if layers is not None:
        dataset = dataset.map(
            lambda images, labels: (layers(images, training=True), labels), tf.data.AUTOTUNE
        )
    return dataset.prefetch(tf.data.AUTOTUNE)


def keras_augmentation(keras: Any) -> Any:
    """Return a model of the layers that move images as AUGMENTATION does."""
    layers = keras.layers
    return keras.Sequential(
        [
            layers.RandomFlip("horizontal"),
            layers.RandomRotation(20 / 360, fill_mode="nearest"),
            layers.RandomTranslation(0.2, 0.2, fill_mode="nearest"),
            layers.RandomZoom(0.2, fill_mode="nearest"),
            layers.RandomBrightness(0.1, value_range=(0, 1)),
        ]
    )


def lazily(make: Callable[[], Batches]) -> Batches:
    """Return batches that are made when they are asked for, so that making them is timed."""
    yield from make()


def table(result: dict[str, Any]) -> str:
    """Return the table in Markdown."""
    lines = [
        f"`{result['command']}`, commit {result['commit'][:12]}, {result['cores']} shared cores.",
        "Medians of images per second; in brackets microseconds of CPU time an image. The last columns:",
        "how many times as many images edgecnn makes, and how many times less CPU time it takes.",
        "",
        f"| images | augmented | epoch | {' | '.join(PEERS)} | over keras | over keras_shuffled |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, data in result["data"].items():
        height, width, channels = data["shape"]
        title = f"{name}, {height}x{width}x{channels}" + (", synthetic" if data["synthetic"] else "")
        for kind in KINDS:
            lines += [
                f"| {title} | {kind} | {when} | {_cells(data[kind], when)} |" for when in ("first", "later")
            ]
    return "\n".join([*lines, ""])


def _cells(figures: dict[str, Any], when: str) -> str:
    speed, cpu = f"{when}_images_per_s", f"{when}_cpu_us"
    absolute = [f"{figures[peer][speed]:,.0f}/s ({figures[peer][cpu]:,.0f})" for peer in PEERS]
    gains = [figures[f"edgecnn_over_{peer}"] for peer in PEERS[1:]]
    return " | ".join([*absolute, *(f"{gain[speed]:.2f} ({gain[cpu]:.2f})" for gain in gains)])


if __name__ == "__main__":
    main()
