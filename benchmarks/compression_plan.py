# SPDX-License-Identifier: Apache-2.0
"""Which points `compression.py` measures, and for how long each network learns."""

from dataclasses import dataclass

FLOAT, INT8, FILTERS, WEIGHTS, SCRATCH = "float32", "int8", "filters", "single weights", "from scratch"
FOUR_BITS = "filters, 4-bit weights"
METHODS = (FILTERS, FOUR_BITS, SCRATCH, WEIGHTS)  # the second begins with what the first leaves
# Parts of the dense int8 network's instructions, and of its constants: a network has to hold both.
BUDGETS = (0.35, 0.25, 0.17, 0.12, 0.07, 0.05, 0.042)
ZEROS = (0.5, 0.9)  # parts of the weights that go where single ones do
FOUR_BITS_LOSE = 0.01  # of the validation score, at most with 95% certainty; layers that lose more have eight


@dataclass(frozen=True)
class Schedule:
    """Epochs of each stage, which follow from those of the dense network."""

    train: int

    @property
    def round(self) -> int:
        """After filters went."""
        return max(1, self.train * 3 // 16)

    @property
    def settle(self) -> int:
        """When no more of them go, or while single weights become zero."""
        return max(1, self.train // 2)

    @property
    def qat(self) -> int:
        """With int8 imitated."""
        return max(1, self.train // 4)

    @property
    def scratch(self) -> int:
        """Of a narrow network from scratch."""
        return 2 * self.train

    def epochs(self) -> dict[str, int]:
        """Return all of them, as the result file has them."""
        return {
            "train": self.train,
            "round": self.round,
            "settle": self.settle,
            "qat": self.qat,
            "from_scratch": self.scratch,
        }
