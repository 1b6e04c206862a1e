# SPDX-License-Identifier: Apache-2.0
"""Figures by group."""

import numpy as np
import pytest

from edgecnn.evaluation.groups import score_groups


def test_images_that_stand_alone_make_no_groups() -> None:
    assert score_groups(np.array(["a", "b"]), {"float32": np.array([0.0, 1.0])}, "float32") is None


def test_the_worst_group_is_that_of_which_we_are_surest() -> None:
    groups = np.array(["one"] + ["twenty"] * 20 + ["good"] * 5)
    last = np.array([0.0] + [1.0] * 4 + [0.0] * 16 + [1.0] * 5)
    found = score_groups(groups, {"float32": np.ones(26), "int8": last}, "int8")
    assert found is not None
    assert found.names == ("twenty", "one", "good")
    assert found.images == (20, 1, 5)
    assert found.means["int8"] == (0.2, 0, 1)
    assert found.means["float32"] == (1, 1, 1)


def test_shares_are_averaged_as_well() -> None:
    found = score_groups(np.array([3, 3, 1]), {"float32": np.array([0.25, 0.5, 1.0])}, "float32")
    assert found is not None
    assert dict(zip(found.names, found.means["float32"], strict=True)) == {
        "3": pytest.approx(0.375),
        "1": 1.0,
    }
