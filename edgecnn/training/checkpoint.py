# SPDX-License-Identifier: Apache-2.0
"""What training has to remember between two epochs, as one file that is replaced at once."""

import json
import zipfile
from dataclasses import asdict, dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgecnn.errors import RunError
from edgecnn.training.precision import state_of

Weights = list[npt.NDArray[Any]]


@dataclass
class Progression:
    """Where training stands after an epoch."""

    epoch: int = 0  # epochs finished
    best_epoch: int = 0
    best_score: float = float("inf")  # what is monitored on the validation images, lower being better
    learning_rate: float = 0.0  # of the next epoch
    lowest_loss: float = float("inf")  # on the validation images
    plateau: int = 0  # epochs since then, or since the learning rate was last halved
    stopped: bool = False  # out of patience, or the target is reached
    history: list[dict[str, float]] = field(default_factory=list)  # one row per finished epoch


def pack_checkpoint(state: Progression, model: Any, best_weights: Weights) -> bytes:
    """Return `state`, the weights and the optimizer's variables of `model`, and the best weights as a file.

    Where several workers train, each has to call it: some weights are means over all of them.
    """
    arrays = {
        "state": np.frombuffer(json.dumps(asdict(state)).encode(), np.uint8),
        **{f"weights/{i}": w for i, w in enumerate(model.get_weights())},
        **{f"optimizer/{i}": v.numpy() for i, v in enumerate(state_of(model.optimizer))},
        **{f"best/{i}": w for i, w in enumerate(best_weights)},
    }
    content = BytesIO()
    np.savez(content, **arrays)
    return content.getvalue()


def unpack_checkpoint(content: bytes, path: Path, model: Any) -> tuple[Progression, Weights]:
    """Put what `path` held back into a compiled `model`; return the state and the best weights so far.

    Raises:
        RunError: the file is damaged, or was written for another model.
    """
    try:
        with np.load(BytesIO(content)) as arrays:
            state = Progression(**json.loads(arrays["state"].tobytes()))
            model.set_weights(_numbered(arrays, "weights"))
            model.optimizer.build(model.trainable_variables)
            values = _numbered(arrays, "optimizer")
            for variable, value in zip(state_of(model.optimizer), values, strict=True):
                variable.assign(value)
            return state, _numbered(arrays, "best")
    except (OSError, EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise RunError(
            f"checkpoint {path} does not fit this model or is damaged; train again without it"
        ) from error


def _numbered(arrays: Any, prefix: str) -> Weights:
    count = sum(name.startswith(prefix + "/") for name in arrays.files)
    return [arrays[f"{prefix}/{i}"] for i in range(count)]
