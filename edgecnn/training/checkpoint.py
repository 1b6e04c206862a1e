# SPDX-License-Identifier: Apache-2.0
"""What training has to remember between two epochs, as one file that is replaced at once."""

import json
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from io import BytesIO
from pathlib import Path
from typing import Annotated, Any, TypedDict

import numpy as np
import numpy.typing as npt

from edgecnn.errors import RunError
from edgecnn.training.precision import state_of
from edgecnn.values import MOST_BYTES, RATE, Between, Count, Epochs, parse_json

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


class _State(TypedDict):
    """A Progression as JSON: none is stored before the first epoch, when some figures are infinite."""

    epoch: Epochs
    best_epoch: Count
    best_score: float
    learning_rate: Annotated[float, Between(0, RATE.greatest)]  # halved again and again
    lowest_loss: float
    plateau: Count
    stopped: bool
    history: list[dict[str, float]]


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
    model.optimizer.build(model.trainable_variables)
    variables = state_of(model.optimizer)
    weights, values = model.get_weights(), [variable.numpy() for variable in variables]
    try:
        state, arrays = _read(content, {"weights": weights, "optimizer": values, "best": weights})
    except Exception as error:  # on a damaged file zipfile and NumPy raise whatever they run into
        raise RunError(
            f"checkpoint {path} does not fit this model or is damaged ({' '.join(str(error).split())[:80]}); "
            "train again without it"
        ) from error
    model.set_weights(arrays["weights"])
    for variable, value in zip(variables, arrays["optimizer"], strict=True):
        variable.assign(value)
    return state, arrays["best"]


def _read(content: bytes, like: Mapping[str, Weights]) -> tuple[Progression, dict[str, Weights]]:
    """Return the state, and arrays of the shapes and types of those in `like`."""
    room = MOST_BYTES + 2 * sum(array.nbytes for arrays in like.values() for array in arrays)
    with zipfile.ZipFile(BytesIO(content)) as archive:
        if sum(member.file_size for member in archive.infolist()) > room:
            raise ValueError("it is larger than the model")
    with np.load(BytesIO(content)) as file:
        state = parse_json(file["state"].tobytes(), _State, "its state is none", RunError)
        _require_epochs(state)
        weights = {
            kind: [_alike(file[f"{kind}/{index}"], array) for index, array in enumerate(arrays)]
            for kind, arrays in like.items()
        }
        if len(file.files) != 1 + sum(map(len, like.values())):
            raise ValueError("it holds other arrays")
    return Progression(**{field.name: state[field.name] for field in fields(Progression)}), weights


def _alike(array: npt.NDArray[Any], other: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if (array.shape, array.dtype) != (other.shape, other.dtype):
        raise ValueError(f"{array.dtype}{list(array.shape)} in the place of {other.dtype}{list(other.shape)}")
    return array


def _require_epochs(state: Mapping[str, Any]) -> None:
    if [row.get("epoch") for row in state["history"]] != list(range(1, state["epoch"] + 1)):
        raise ValueError("its history is not that of its epochs")
