# SPDX-License-Identifier: Apache-2.0
"""The devices and machines that train one network together, by TensorFlow's own strategies.

Every worker reads all images and shows its share of each batch to its copy of the network; gradients, losses
and metrics are added up over all of them, so that each sees the same figures and takes the same decisions.
The chief alone touches the run folder: what the others have to know of it, the chief tells them. Keras's
BackupAndRestore would need a folder that all of them share, and forgets what early stopping remembers.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgecnn.errors import EdgecnnError, RunError
from edgecnn.tf import quiet, tf

STRATEGIES = ("none", "mirrored", "multi-worker")
_EXAMPLE = '{"cluster": {"worker": ["host1:12345", "host2:12345"]}, "task": {"type": "worker", "index": 0}}'
_LIMB = 1 << 16  # what a float32 adds up exactly; every device and every way of communication takes float32
_LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.InternalError,
)


@dataclass(frozen=True)
class Workers:
    """All workers, seen from one of them."""

    strategy: Any  # tf.distribute.Strategy
    count: int = 1
    index: int = 0

    @property
    def chief(self) -> bool:
        """Whether this worker is the one that writes the run folder."""
        return self.index == 0

    def from_chief(self, content: bytes) -> bytes:
        """Return the chief's `content`, on every worker; that of the others doesn't count."""
        if self.count == 1:
            return content
        mine = content if self.chief else b""
        low, high = self._total(np.array([len(mine) % _LIMB, len(mine) // _LIMB])).tolist()
        length = int(low) + int(high) * _LIMB
        if not length:  # TensorFlow 2.21 crashes where there is nothing to add up
            return b""
        words = np.frombuffer(mine.ljust(length + length % 2, b"\0"), np.uint16)
        return self._total(words).astype(np.uint16).tobytes()[:length]

    def unlike_chief(self, digest: bytes) -> list[int]:
        """Return which workers have another `digest` than the chief."""
        if self.count == 1:
            return []
        rows = np.zeros((self.count, len(digest)))
        rows[self.index] = np.frombuffer(digest, np.uint8)
        everyones = self._total(rows)
        return [index for index in range(self.count) if (everyones[index] != everyones[0]).any()]

    def _total(self, mine: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Return the sum over all workers of `mine`, whole numbers that together fit a float32."""
        devices = self.strategy.num_replicas_in_sync // self.count

        @tf.function  # type: ignore[untyped-decorator]
        def add_up(values: Any) -> Any:
            context = tf.distribute.get_replica_context()
            once = tf.cast(context.replica_id_in_sync_group % devices == 0, tf.float32)
            return context.all_reduce(tf.distribute.ReduceOp.SUM, once * values)

        totals = self.strategy.run(add_up, args=(tf.constant(mine, tf.float32),))
        total: npt.NDArray[np.float32] = self.strategy.experimental_local_results(totals)[0].numpy()
        return total

    @contextmanager
    def in_contact(self) -> Iterator[None]:
        """Tell in one line what it means when another worker is gone.

        Raises:
            RunError: it is; TensorFlow can't go on without it, nor let it in again.
        """
        try:
            yield
        except _LOST as error:
            if self.count == 1:
                raise
            raise RunError(
                f"worker {self.index} of {self.count} has lost another one, which ended or can't be reached; "
                "mend that, then start every worker again with --resume: they go on from the last epoch"
            ) from error


ALONE = Workers(tf.distribute.get_strategy())


def join(strategy: str) -> Workers:
    """Return the workers that this process trains with, once all of them are there.

    Args:
        strategy: one of STRATEGIES; for "multi-worker" the environment variable TF_CONFIG says which
            workers there are and which this is, as TensorFlow defines it. TensorFlow must not have
            computed anything yet.

    Raises:
        EdgecnnError: TF_CONFIG is missing or broken, or the workers can't be reached.
    """
    if strategy == "none":
        return ALONE
    if strategy == "mirrored":
        return Workers(tf.distribute.MirroredStrategy())
    count, index = read_cluster(os.environ.get("TF_CONFIG"))
    try:
        with quiet():
            return Workers(tf.distribute.MultiWorkerMirroredStrategy(), count, index)
    except (RuntimeError, ValueError, tf.errors.OpError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise EdgecnnError(
            f"worker {index} of {count} can't join the others of TF_CONFIG: {reason}"
        ) from error


def read_cluster(config: str | None) -> tuple[int, int]:
    """Return how many workers TF_CONFIG names, and which of them this one is; the chief is 0.

    Raises:
        EdgecnnError: `config` is None or no such thing.
    """
    if config is None:
        raise EdgecnnError(f"--strategy multi-worker needs TF_CONFIG, which is not set; set it to {_EXAMPLE}")
    try:
        value = json.loads(config)
        return _place(value["cluster"], value["task"]["type"], value["task"]["index"])
    except KeyError as error:
        reason = f"it lacks {error}"
    except (ValueError, TypeError, AttributeError) as error:
        reason = str(error)
    raise EdgecnnError(f"TF_CONFIG can't be used: {reason}; it must be like {_EXAMPLE}")


def _place(cluster: dict[str, list[str]], kind: str, index: int) -> tuple[int, int]:
    """Return how many workers a cluster has, and which of them `kind` number `index` is, the chief first."""
    if not set(cluster) <= {"chief", "worker"} or len(cluster.get("chief", ())) > 1:
        raise ValueError(f"its cluster has {', '.join(cluster)}; workers and at most one chief are allowed")
    workers = [(job, address) for job in ("chief", "worker") for address in cluster.get(job, ())]
    for _, address in workers:
        if not address.rpartition(":")[2].isdigit():
            raise ValueError(f"its address {address} is not HOST:PORT")
    places = [place for place, (job, _) in enumerate(workers) if job == kind]
    if not isinstance(index, int) or not 0 <= index < len(places):
        raise ValueError(f"its task {kind} {index} is not in its cluster")
    return len(workers), places[index]
