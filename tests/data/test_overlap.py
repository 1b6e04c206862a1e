# SPDX-License-Identifier: Apache-2.0
"""The data check knows windows that overlap or are equal, across parts and classes, and dead channels."""

from pathlib import Path

import numpy as np

from edgecnn.data.check import check
from edgecnn.data.dataset import open_dataset
from edgecnn.data.findings import findings
from edgecnn.data.overlap import fingerprints, overlapping


def recording(length: int, channels: int = 2, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(length, channels)).astype(np.float32)


def test_what_two_windows_share_is_its_part() -> None:
    long = recording(400)
    cut = [long[start : start + 100] for start in (0, 50, 300)] + [recording(100, seed=9)]
    [pairs] = overlapping([fingerprints(window) for window in cut], [np.arange(4)])
    [pair] = pairs
    assert (pair.first, pair.second) == (0, 1)
    assert abs(pair.similarity - 43 / 93) < 0.001  # 93 times eight moments on end, of which 43 are in both


def test_rest_and_common_silence_are_no_overlap() -> None:
    still, hum = np.zeros((100, 2), np.float32), np.tile([[0.0, 1.0], [1.0, 0.0]], (50, 1)).astype(np.float32)
    windows = [np.concatenate([still[:60], recording(40, seed=seed)]) for seed in range(4)]
    [pairs] = overlapping([fingerprints(window) for window in windows], [np.arange(4)])
    assert pairs == []
    [pairs] = overlapping([fingerprints(hum)] * 100, [np.arange(100)])  # nothing tells these apart
    assert pairs == []
    assert (
        fingerprints(still).size
        == fingerprints(recording(5)).size
        == fingerprints(np.ones(3, np.float32)).size
        == 0
    )


def test_findings_name_leaks_and_dead_channels(tmp_path: Path) -> None:
    long = recording(40 * 20 + 40, 3)
    long[:, 1] = 5
    values = np.stack(
        [long[20 * number : 20 * number + 40] for number in range(40)]
    )  # each overlaps the next
    values[39] = values[4]
    labels = np.arange(40) % 2
    split = np.where(np.arange(40) < 20, "train", np.where(np.arange(40) < 30, "validation", "test"))
    np.savez(tmp_path / "d.npz", x=values, y=labels, split=split)
    report = check(open_dataset(tmp_path / "d.npz", seed=0))
    told = {finding.title: finding for finding in findings(report)}
    assert set(told) == {"Leakage", "Contradictions", "Constant channels", "Exact duplicates", "Overlap"}
    assert told["Constant channels"].lines == ["channel 1"]
    assert told["Exact duplicates"].lines == ["all/04.npy = all/39.npy"]
    leaks = "\n".join(told["Leakage"].lines)
    assert "1.000  all/04.npy (train)  all/39.npy (test)" in leaks
    assert "all/19.npy (train)  all/20.npy (validation)" in leaks
    assert "of 10 test samples" in told["Leakage"].meaning
    assert report.to_json()["constant_channels"] == [1]


def test_groups_keep_recordings_together(tmp_path: Path) -> None:
    values = np.concatenate(
        [
            np.stack([recording(120, seed=number)[at : at + 40] for at in (0, 20, 40, 60, 80)])
            for number in range(24)
        ]
    )
    np.savez(
        tmp_path / "d.npz", x=values, y=np.repeat(np.arange(24) % 2, 5), group=np.repeat(np.arange(24), 5)
    )
    report = check(open_dataset(tmp_path / "d.npz", seed=0))
    assert report.across == []
    assert len(report.near) >= 24 * 3
