# SPDX-License-Identifier: Apache-2.0
"""What `compression.py` measures: a network, and what each way to compress leaves of it, kept in a folder."""

import gzip
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from math import log
from pathlib import Path
from typing import Any

import numpy as np
from compression_plan import (
    BUDGETS,
    FILTERS,
    FLOAT,
    FOUR_BITS,
    FOUR_BITS_LOSE,
    INT8,
    SCRATCH,
    WEIGHTS,
    ZEROS,
    Schedule,
)
from numpy.typing import NDArray

from edgecnn.compiler.instructions import Values
from edgecnn.compression.channels import find_channels
from edgecnn.compression.costs import FLASH, INSTRUCTIONS, Costs, layer_works
from edgecnn.compression.filters import SHRINKAGE, Goal, Material, scores, taught
from edgecnn.compression.pruning import prune
from edgecnn.compression.qat import quantize_aware
from edgecnn.compression.quantization import quantize
from edgecnn.compression.settling import shrink_and_quantize
from edgecnn.converters.keras_to_tflite import keras_to_float32, keras_to_int4, keras_to_int8
from edgecnn.data.arrays import REPRESENTATIVE_IMAGES, Arrays
from edgecnn.files import replacing, write_bytes, write_json
from edgecnn.models import Architecture, load_model
from edgecnn.pipeline.compress import LEARNING_RATE, SETTLING_PATIENCE
from edgecnn.pipeline.device_costs import CORE, device_costs, measured_footprint
from edgecnn.pipeline.verify import verify
from edgecnn.progress import silent
from edgecnn.runtime.tflite import TfliteModel
from edgecnn.tf import keras, make_repeatable
from edgecnn.training.fit import FitOptions, fit, fit_options

Images = NDArray[np.uint8]
VERIFIED = 4  # random inputs to compare the C's bytes on


@dataclass(frozen=True)
class Cell:
    """A network that is trained with one seed, and all that becomes of it."""

    folder: Path
    network: Architecture
    arrays: dict[str, Arrays]
    classes: int
    schedule: Schedule
    seed: int

    def points(self, methods: Sequence[str]) -> Iterator[str]:
        """Measure what is missing, and yield the name of each point."""
        self.folder.mkdir(parents=True, exist_ok=True)
        make_repeatable(self.seed, threads=1)
        whole = self._trained("whole", 1.0, self.schedule.train)
        yield self._keep(FLOAT, None, lambda: keras_to_float32(whole))
        yield self._keep(INT8, None, lambda: self._int8(whole))
        learned = taught(self.arrays["train"], whole, self._options("taught", 1, 1.0))
        ways = {
            FILTERS: self._filters,
            FOUR_BITS: self._four_bits,
            SCRATCH: self._scratch,
            WEIGHTS: self._weights,
        }
        for method in methods:
            yield from ways[method](whole, learned)

    def _filters(self, whole: Any, learned: Arrays) -> Iterator[str]:
        """Let filters go in one chain: what has settled within a budget is where the next begins."""
        material = self._material(learned)
        dense, before, model = device_costs(self.folder / f"{INT8}.tflite", CORE), 1.0, whole
        assert dense is not None
        for budget in BUDGETS:
            limits = {
                INSTRUCTIONS: budget * dense.instructions.count,
                FLASH: dense.code_bytes + budget * dense.const_bytes,
            }
            goal = Goal(CORE, limits, rounds=max(1, round(log(budget / before) / log(SHRINKAGE))))
            name = _name(FILTERS, budget)
            model = self._model(name, partial(self._smaller, name, model, goal, material))
            yield self._keep(FILTERS, budget, (self.folder / f"{name}.tflite").read_bytes)
            before = budget

    def _smaller(self, name: str, model: Any, goal: Goal, material: Material) -> Any:
        """Return a smaller float model; its int8 file is written before."""
        shrunk = shrink_and_quantize(
            model,
            goal,
            material,
            self._options(f"{name}-round", self.schedule.round, 1.0, keep_best=False),
            self._options(f"{name}-settle", self.schedule.settle, 1.0, reduce_patience=SETTLING_PATIENCE),
            self._options(f"{name}-qat", self.schedule.qat, LEARNING_RATE["qat"]),
        )
        write_bytes(self.folder / f"{name}.tflite", self._int8(shrunk.reached.model))
        return shrunk.pruned

    def _four_bits(self, whole: Any, learned: Arrays) -> Iterator[str]:
        """Quantize what filters went from anew, with as many weights of four bits as lose little."""
        for budget in BUDGETS:
            name = _name(FOUR_BITS, budget)
            pruned = load_model(self.folder / f"{_name(FILTERS, budget)}.keras")
            yield self._keep(FOUR_BITS, budget, partial(self._in_four_bits, name, pruned, whole, learned))

    def _in_four_bits(self, name: str, pruned: Any, whole: Any, learned: Arrays) -> bytes:
        options = self._options(f"{name}-qat", self.schedule.qat, LEARNING_RATE["qat"])
        goal = Goal(CORE, {}, loss=FOUR_BITS_LOSE, weight_bits=4)
        before = scores(pruned, self.arrays["validation"])
        quantized = quantize(pruned, whole, before, goal, self._material(learned), options)
        return keras_to_int4(quantized.model, self._representative)

    def _scratch(self, whole: Any, _: Arrays) -> Iterator[str]:
        """Train narrow networks on labels, the widest within each budget; quantize them like the others."""
        for budget in BUDGETS:
            name, width = _name(SCRATCH, budget), self._width(whole, budget)
            model = self._trained(name, width, self.schedule.scratch)
            learned = taught(self.arrays["train"], model, self._options("taught", 1, 1.0))
            yield self._keep(SCRATCH, budget, partial(self._quantized, name, model, learned), width=width)

    def _width(self, whole: Any, budget: float) -> float:
        """Return the greatest width, in hundredths, that takes no more than the budget by the estimates."""
        most, (low, high) = budget * _estimated(whole), (1, 100)
        while low < high:
            middle = (low + high + 1) // 2
            narrow = self.network.build(self._shape, self.classes, middle / 100)
            low, high = (middle, high) if (_estimated(narrow) <= most).all() else (low, middle - 1)
        return low / 100

    def _weights(self, whole: Any, learned: Arrays) -> Iterator[str]:
        """Make single weights zero."""
        for zeros in ZEROS:
            name = _name(WEIGHTS, zeros)
            pruned = self._model(name, partial(self._pruned, name, whole, zeros))
            yield self._keep(WEIGHTS, zeros, partial(self._quantized, name, pruned, learned))

    def _pruned(self, name: str, whole: Any, zeros: float) -> Any:
        options = self._options(
            f"{name}-prune", self.schedule.settle, LEARNING_RATE["prune"], keep_best=False
        )
        checkpoint = self._checkpoint(options.stage)
        return prune(
            whole, self.arrays["train"], self.arrays["validation"], options, zeros, checkpoint, silent
        )[0]

    def _quantized(self, name: str, model: Any, learned: Arrays) -> bytes:
        """Return the int8 file of a network that learned on with int8 imitated."""
        options = self._options(f"{name}-qat", self.schedule.qat, LEARNING_RATE["qat"])
        checkpoint = self._checkpoint(options.stage)
        return self._int8(
            quantize_aware(model, None, learned, self.arrays["validation"], options, checkpoint, silent)[0]
        )

    def _trained(self, name: str, width: float, epochs: int) -> Any:
        """Return a network that learned labels."""

        def make() -> Any:
            model = self.network.build(self._shape, self.classes, width)
            told = {"loss": self.network.loss, "monitor": self.network.monitor}
            options = self._options(f"{name}-train", epochs, 1.0, **told)
            checkpoint = self._checkpoint(options.stage)
            fit(model, self.arrays["train"], self.arrays["validation"], options, checkpoint, silent)
            return model

        return self._model(name, make)

    def _model(self, name: str, make: Callable[[], Any]) -> Any:
        """Return the Keras model that is kept under a name; make and keep it where there is none."""
        path = self.folder / f"{name}.keras"
        if path.exists():
            return load_model(path)
        keras.utils.set_random_seed(self.seed)  # whatever of the points before was there already
        model = make()
        with replacing(path) as temporary:
            model.save(temporary)
        return model

    def _keep(self, method: str, budget: float | None, make: Callable[[], bytes], **further: Any) -> str:
        """Measure the file of a point and keep its figures, unless they are kept; return its name."""
        name = method if budget is None else _name(method, budget)
        if not (figures := self.folder / f"{name}.json").exists():
            keras.utils.set_random_seed(self.seed)
            path = self.folder / f"{name}.tflite"
            write_bytes(path, make())
            test = self.arrays["test"]
            right = TfliteModel(path).classify(test.images).argmax(1) == test.labels
            point = {
                **{"method": method, "budget": budget, "seed": self.seed, **further},
                "bytes": path.stat().st_size,
                "gzip_bytes": len(gzip.compress(path.read_bytes(), 9, mtime=0)),
                **({} if method == FLOAT else _costs(path)),
                "test_images": len(right),
                "right": np.packbits(right).tobytes().hex(),
            }
            write_json(figures, point)
        return name

    def _int8(self, model: Any) -> bytes:
        return keras_to_int8(model, self._representative)

    def _material(self, learned: Arrays) -> Material:
        return Material(learned, self.arrays["validation"], self._checkpoint, silent, measured_footprint)

    @property
    def _representative(self) -> Images:
        return self.arrays["train"].sample(REPRESENTATIVE_IMAGES, self.seed)

    def _checkpoint(self, stage: str) -> Path:
        return self.folder / f"{stage}.checkpoint"

    def _options(self, stage: str, epochs: int, rate: float, **further: Any) -> FitOptions:
        chosen = {
            "batch_size": self.network.batch_size,
            "optimizer": self.network.optimizer,
            "learning_rate": self.network.learning_rate,
            "sampling": "all",
            "augment": "none",
            "seed": self.seed,
        }
        return fit_options(chosen, stage, epochs, rate, **further)

    @property
    def _shape(self) -> tuple[int, int, int]:
        height, width, channels = self.arrays["train"].images.shape[1:]
        return height, width, channels


def _name(method: str, budget: float) -> str:
    return f"{method}-{budget:g}"


def _estimated(model: Any) -> Values:
    """Return instructions and bytes of constants, (2,), as they are estimated of a Keras model."""
    channels = find_channels(model)
    costs = Costs(list(layer_works(model, channels)), channels, CORE)
    return costs.of(costs.all)[[INSTRUCTIONS, FLASH]]


def _costs(path: Path) -> dict[str, Any]:
    """Return what the C of a file takes on the core, and how many of its bytes differ from TFLite's."""
    costs, verified = device_costs(path, CORE), verify(path, "c99", VERIFIED)
    assert costs is not None
    return {
        "macs": costs.macs,
        "const_bytes": costs.const_bytes,
        "code_bytes": costs.code_bytes,
        "arena_bytes": costs.arena_bytes,
        "instructions": costs.instructions.count,
        "measured": costs.instructions.measured,
        "oracle": verified.oracle,
        "bytes_compared": verified.bytes_compared,
        "bytes_different": verified.bytes_different,
    }
