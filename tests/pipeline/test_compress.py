# SPDX-License-Identifier: Apache-2.0
"""How long compression trains unless told otherwise."""

import pytest

from edgecnn.pipeline.compress import default_epochs


@pytest.mark.parametrize(
    ("images", "sampling", "prune", "qat"),
    [
        ({"a": 1600, "b": 1600}, "all", 10, 5),
        ({"a": 300, "b": 21}, "all", 10, 5),  # 11 batches of 32
        ({"a": 289}, "all", 10, 5),
        ({"a": 288}, "all", 12, 6),
        ({"a": 40, "b": 24}, "all", 50, 25),
        ({"a": 1000, "b": 3}, "balanced", 100, 50),
        ({"a": 7, "b": 0}, "balanced", 100, 50),
    ],
)
def test_few_images_are_shown_more_often(images: dict[str, int], sampling: str, prune: int, qat: int) -> None:
    record = {"train": {"sampling": sampling, "batch_size": 32}, "data": {"images": {"train": images}}}
    assert default_epochs(record) == {"prune": prune, "qat": qat}
