# SPDX-License-Identifier: Apache-2.0
"""What `real_images.py` trains: which network on which pictures, divided how, with which options."""

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from edgecnn.data.split import split_by_group
from edgecnn.files import replacing

FOLDS = 5
VALIDATION = 0.15  # part of the images that are not for testing
PARTS = ("train", "validation", "test")
Row = dict[str, str]


@dataclass(frozen=True)
class Study:
    """A network on a data set; options are those of `edgecnn train` and `edgecnn compress`."""

    name: str
    title: str  # what the pictures show
    pack: str  # folder under EDGECNN_DATA
    source: str  # who made the pictures, under which licence
    model: str
    divide: Callable[[list[Row]], Iterator[list[Row]]]  # rows of the manifest -> rows of each fold
    training: dict[str, Any]
    compression: dict[str, Any] = field(
        default_factory=lambda: {"sparsity": 0.5, "prune_epochs": 8, "qat_epochs": 4}
    )

    def tables(self, data: Path, work: Path) -> list[Path]:
        """Write the CSV file of each fold for `edgecnn train --data`, and return them."""
        folder = (data / self.pack).resolve()
        with (folder / "manifest.csv").open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        return [
            _write(work / f"fold{fold}.csv", folder, divided)
            for fold, divided in enumerate(self.divide(rows))
        ]


def _write(path: Path, folder: Path, rows: list[Row]) -> Path:
    with replacing(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(
            {k: folder / v if k in ("path", "image", "mask") else v for k, v in row.items()} for row in rows
        )
    return path


def by_group(rows: list[Row]) -> Iterator[list[Row]]:
    """Divide into folds by the column `group`: each group is tested in one fold."""
    labels, groups = _numbers(rows, "class"), [row["group"] for row in rows]
    fold_of = split_by_group(labels, groups, [1 / FOLDS] * FOLDS, seed=0)
    for fold in range(FOLDS):
        rest = np.flatnonzero(fold_of != fold)
        inner = split_by_group(
            [labels[i] for i in rest], [groups[i] for i in rest], [1 - VALIDATION, VALIDATION], seed=fold
        )
        part = np.full(len(rows), 2)
        part[rest] = inner
        yield [_labelled(row, row["group"], PARTS[p]) for row, p in zip(rows, part, strict=True)]


def as_given(rows: list[Row], group: str) -> Iterator[list[Row]]:
    """Keep the split of the column `split` without near duplicates; `group` is the column of groups."""
    kept = (row for row in rows if not row.get("near_duplicate_of"))
    yield [_labelled(row, row[group], row["split"]) for row in kept]


def _labelled(row: Row, group: str, split: str) -> Row:
    return {"path": row["path"], "label": row["class"], "group": group, "split": split}


def nuclei(rows: list[Row]) -> Iterator[list[Row]]:
    """Divide 70/15/15, each kind of microscopy in its share."""
    names = [row["image"] for row in rows]
    part = split_by_group(_numbers(rows, "kind"), names, [0.7, 0.15, 0.15], seed=0)
    yield [_masked(row, row["image"], PARTS[p]) for row, p in zip(rows, part, strict=True)]


def tumours(rows: list[Row]) -> Iterator[list[Row]]:
    """Test on the patients of the pack's test part; a fifth of the other patients validates."""
    rest = [row for row in rows if row["split"] != "test"]
    part = split_by_group(
        [0] * len(rest), [row["presumed_patient_group"] for row in rest], [0.8, 0.2], seed=0
    )
    split = {row["image"]: PARTS[p] for row, p in zip(rest, part, strict=True)}
    yield [_masked(row, row["presumed_patient_group"], split.get(row["image"], "test")) for row in rows]


def _masked(row: Row, group: str, split: str) -> Row:
    return {"image": row["image"], "mask": row["mask"], "group": group, "split": split}


def _numbers(rows: Sequence[Row], column: str) -> list[int]:
    names = sorted({row[column] for row in rows})
    return [names.index(row[column]) for row in rows]


ISIC = 'Codella et al., "Skin Lesion Analysis Toward Melanoma Detection" (ISIC 2017), arXiv:1710.05006, CC0'

STUDIES = (
    Study(
        name="cainvas",
        title="lung CT, normal, benign or malignant",
        pack="iqothnccd-ct160",
        source='Alyasriy and AL-Huseiny, "The IQ-OTHNCCD lung cancer dataset", '
        "DOI 10.17632/bhmdr45bh2, CC BY 4.0",
        model="cainvas",
        divide=by_group,
        training={
            "epochs": 25,
            "patience": 25,
            "class_weights": "balanced",
            "augment": "shift=0.05,zoom=0.05,brightness=0.05",
        },
        compression={"sparsity": 0.5, "prune_epochs": 20, "qat_epochs": 10},
    ),
    Study(
        name="inception-transfer",
        title="lung histology, three kinds of tissue",
        pack="lc25000-lung224",
        source='Borkowski et al., "Lung and Colon Cancer Histopathological Image Dataset (LC25000)", '
        "arXiv:1912.12142",
        model="inception-transfer",
        divide=partial(as_given, group="tile_group"),
        training={
            "input_size": (96, 96),
            "width": 0.25,
            "weights": "none",
            "epochs": 15,
            "patience": 15,
            "target_accuracy": 1.0,
            "augment": "rotation=20,zoom=0.1,flip,brightness=0.1",
        },
    ),
    Study(
        name="unet-nuclei",
        title="nuclei under the microscope, masks",
        pack="dsb2018-nuclei256",
        source="Caicedo et al., 2018 Data Science Bowl (BBBC038v1), Nature Methods 16, 1247-1253, CC0",
        model="unet",
        divide=nuclei,
        training={"input_size": (128, 128), "width": 0.5, "epochs": 14},
    ),
    Study(
        name="unet-tumours",
        title="lung tumours in CT patches, masks",
        pack="msd-lungtumour48",
        source="Medical Segmentation Decathlon, Task06_Lung, Nature Communications 13, 4128, CC BY-SA 4.0",
        model="unet",
        divide=tumours,
        training={
            "input_size": (48, 48),
            "channels": 1,
            "width": 0.5,
            "epochs": 60,
            "patience": 20,
            "loss": "weighted",
        },
        compression={"sparsity": 0.5},
    ),
    Study(
        name="cbam",
        title="skin lesions, benign or melanoma",
        pack="isic2017-skin256",
        source=ISIC,
        model="cbam",
        divide=partial(as_given, group="path"),
        training={
            "input_size": (96, 96),
            "epochs": 30,
            "patience": 30,
            "augment": "rotation=20,shift=0.1,zoom=0.1,flip",
        },
    ),
    Study(
        name="melanoma-v2",
        title="skin lesions, benign or melanoma",
        pack="isic2017-skin256",
        source=ISIC,
        model="melanoma-v2",
        divide=partial(as_given, group="path"),
        training={
            "input_size": (128, 128),
            "width": 0.5,
            "epochs": 200,
            "patience": 200,
            "reduce_patience": 20,
            "optimizer": "adam",
            "learning_rate": 0.001,
            "augment": "rotation=20,shift=0.1,zoom=0.1,flip",
        },
        compression={"sparsity": 0.5, "prune_epochs": 30, "qat_epochs": 15},
    ),
)
