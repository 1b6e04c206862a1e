# SPDX-License-Identifier: Apache-2.0
"""What run.json holds, as it is read back: what was asked for, and with what.

A key that is not required may be missing in a run of another version; who needs it says so.
"""

from typing import Annotated, Literal, TypedDict

from edgecnn.evaluation.results import Data
from edgecnn.values import BATCH, RATE, SEED, THREADS, Between, Count, Epochs, Share

Length = Annotated[int, Between(1, 65_536)]  # of images up to SIDE; of windows of numbers, more
Channels = Annotated[int, Between(1, 65_536)]  # 1 or 3 of images; of numbers, any


class Train(TypedDict, total=False):
    """The options of `train`, all of them chosen."""

    data: str
    model: str
    input_size: tuple[Length, Length]  # height, width
    channels: Channels
    width: Annotated[float, Between(0, 4)]
    weights: str
    fine_tune_epochs: Annotated[int, Between(0, 100_000)]
    epochs: Epochs
    batch_size: Annotated[int, BATCH]
    optimizer: Literal["adam", "rmsprop", "sgd"]
    learning_rate: Annotated[float, RATE]
    loss: Literal["crossentropy", "focal", "dice", "weighted"]
    patience: Epochs | None
    reduce_patience: Epochs | None
    target_accuracy: Share | None
    class_weights: Literal["none", "balanced"]
    sampling: Literal["all", "balanced"]
    augment: str
    seed: Annotated[int, SEED]
    threads: Annotated[int, THREADS]
    input_range: str
    mean: str
    std: str
    fit: Literal["squash", "crop", "pad"]
    resize: Literal["triangle", "bilinear"]
    channels_order: Literal["RGB", "BGR"]
    window: str
    mixed_precision: bool
    strategy: Literal["none", "mirrored", "multi-worker"]
    strict: bool


class Compress(TypedDict, total=False):
    """The options of `compress`."""

    target: str
    flash: Count | None
    ram: Count | None
    instructions: Count | None
    filters: Annotated[float, Between(0, 1)] | None
    max_loss: Annotated[float, Between(0, 100)]
    sparsity: Annotated[float, Between(0, 0.98)]
    weight_bits: Literal[4, 8]
    prune_epochs: Epochs
    qat_epochs: Epochs
    ptq: Literal[True]


class _Record(TypedDict):
    model: str
    input_shape: tuple[Length, Length, Channels]
    train: Train
    data: Data


class Record(_Record, total=False):
    """A run."""

    classes: list[str]
    parameters: Count
    compress: Compress
    post_training: list[str]
    versions: dict[str, str]
