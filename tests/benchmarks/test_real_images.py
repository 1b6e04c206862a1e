# SPDX-License-Identifier: Apache-2.0
"""benchmarks/real_images.py: how pictures are divided, what follows from answers, what is stored."""

import csv
import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
STORED = json.loads((BENCHMARKS / "results" / "real_images.json").read_text())["studies"]


@pytest.fixture
def studies(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import studies

    return studies


@pytest.fixture
def real_images(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import real_images

    return real_images


def test_folds_test_each_picture_once_and_tear_no_group_apart(studies: ModuleType) -> None:
    rows = [
        {"path": f"{group}-{n}.png", "class": "ab"[group % 2], "group": str(group), "split": "train"}
        for group in range(20)
        for n in range(1 + group % 3)
    ]
    folds = list(studies.by_group(rows))
    assert len(folds) == studies.FOLDS
    tested = [row["path"] for fold in folds for row in fold if row["split"] == "test"]
    assert sorted(tested) == sorted(row["path"] for row in rows)
    for fold in folds:
        assert len({(row["group"], row["split"]) for row in fold}) == 20
        assert {row["split"] for row in fold} == set(studies.PARTS)


def test_a_given_split_is_kept_without_near_duplicates(studies: ModuleType) -> None:
    row = {"path": "a.png", "class": "x", "split": "val", "tile": "7", "near_duplicate_of": ""}
    (kept,) = studies.as_given([row, {**row, "path": "b.png", "near_duplicate_of": "a.png"}], "tile")
    assert kept == [{"path": "a.png", "label": "x", "group": "7", "split": "val"}]


def test_tumour_patients_are_in_one_part_only(studies: ModuleType) -> None:
    rows = [
        {
            "image": f"{p}-{n}",
            "mask": "m",
            "split": "test" if p < 3 else "val",
            "presumed_patient_group": str(p),
        }
        for p in range(13)
        for n in range(4)
    ]
    (divided,) = studies.tumours(rows)
    parts = {p: {row["split"] for row in divided if row["group"] == str(p)} for p in range(13)}
    assert all(len(part) == 1 for part in parts.values())
    assert [p for p, part in parts.items() if part == {"test"}] == [0, 1, 2]
    assert sum(part == {"validation"} for part in parts.values()) == 2


def test_nuclei_of_each_kind_are_in_each_part(studies: ModuleType) -> None:
    rows = [{"image": f"{n}", "mask": "m", "kind": "abc"[n % 3]} for n in range(60)]
    (divided,) = studies.nuclei(rows)
    kinds = {(rows[int(row["image"])]["kind"], row["split"]) for row in divided}
    assert len(kinds) == 9


def test_tables_name_files_from_the_root(studies: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "manifest.csv").write_text("image,mask,kind\n" + "i.png,m.png,a\n" * 3)
    study = studies.Study("s", "nuclei", "pack", "nobody", "unet", studies.nuclei, {})
    (table,) = study.tables(tmp_path, tmp_path / "work")
    with table.open(newline="") as file:
        assert {row["mask"] for row in csv.DictReader(file)} == {str(tmp_path / "pack" / "m.png")}


def test_figures_are_means_over_trainings(real_images: ModuleType) -> None:
    # Two trainings, tested on the same four pictures; the second one's int8 model is wrong once more.
    labels, ones = np.array([0, 0, 1, 1] * 2), np.ones(8)
    worse = np.array([1, 1, 1, 1, 0, 1, 1, 1.0])
    values = {
        "float32 score": ones,
        "float32 same": ones,
        "int8 score": worse,
        "int8 same": worse,
        "int8 rank": np.array([0.1, 0.2, 0.8, 0.9, 0.85, 0.2, 0.8, 0.9]),
    }
    rows = real_images.Rows(labels, np.array(list("abcd") * 2), np.repeat([0, 1], 4), values)
    figures = real_images._figures("int8", rows)
    assert figures["score"]["value"] == pytest.approx(87.5)
    assert figures["loss"]["value"] == pytest.approx(12.5)
    assert figures["agreement"] == pytest.approx(87.5)
    assert figures["auc"]["value"] == pytest.approx((1 + 0.75) / 2)
    assert real_images._figures("float32", rows)["loss"] == {"value": 0, "ci95": (0, 0)}


def test_the_table_is_that_of_the_figures(real_images: ModuleType, studies: ModuleType) -> None:
    assert list(STORED) == [study.name for study in studies.STUDIES]
    assert (BENCHMARKS / "results" / "real_images.md").read_text() == real_images.table(STORED)


@pytest.mark.parametrize("name", STORED)
def test_the_c_of_each_network_equals_tflite(name: str) -> None:
    int8 = STORED[name]["int8"]
    assert int8["bytes_different"] == 0 < int8["bytes_compared"]
    assert STORED[name]["seeds"] == 3
