# SPDX-License-Identifier: Apache-2.0
"""What a .keras or .h5 file may hold, and how much of it."""

import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hostile_models import honest, members_of, saved, with_config, zipped

from edgecnn.errors import ModelError
from edgecnn.gate import containers, harmless_keras
from edgecnn.models import load_model


def _elsewhere(folder: Path) -> Path:
    with h5py.File(folder / "secret.h5", "w") as file:
        file["data"] = np.zeros(4, np.float32)
    return folder / "secret.h5"


def _external_link(file: Any, folder: Path) -> None:
    file["leak"] = h5py.ExternalLink(str(_elsewhere(folder)), "data")


def _soft_link(file: Any, folder: Path) -> None:
    file["leak"] = h5py.SoftLink("/model_weights")


def _external_data(file: Any, folder: Path) -> None:
    (folder / "secret.bin").write_bytes(b"secret!!")
    file.create_dataset("leak", (2,), np.float32, external=[(str(folder / "secret.bin"), 0, 8)])


def _virtual(file: Any, folder: Path) -> None:
    layout = h5py.VirtualLayout((4,), np.float32)
    layout[:] = h5py.VirtualSource(str(_elsewhere(folder)), "data", (4,))
    file.create_virtual_dataset("leak", layout)


def _huge(file: Any, folder: Path) -> None:
    file.create_dataset("leak", (1 << 20, 1 << 20), np.float32, chunks=(1, 1024))


def _strings(file: Any, folder: Path) -> None:
    file["leak"] = np.array(["text"], h5py.string_dtype())


def _deep_inside(file: Any, folder: Path) -> None:
    file["model_weights"].create_group("a/b/c")["leak"] = h5py.ExternalLink(str(_elsewhere(folder)), "data")


@pytest.mark.parametrize("suffix", ["h5", "keras"])
@pytest.mark.parametrize(
    ("put", "message"),
    [
        (_external_link, '"leak" is a link to elsewhere'),
        (_soft_link, '"leak" is a link to elsewhere'),
        (_external_data, '"leak" keeps its data in other files'),
        (_virtual, '"leak" keeps its data in other files'),
        (_huge, "declares weights of 4,398,0"),
        (_strings, '"leak" holds no numbers'),
        (_deep_inside, '"leak" is a link to elsewhere'),
    ],
)
def test_weights_are_in_the_file(
    suffix: str, put: Callable[[Any, Path], None], message: str, tmp_path: Path
) -> None:
    path = saved(honest(), tmp_path / f"model.{suffix}")
    inside = tmp_path / "model.weights.h5" if suffix == "keras" else path
    members = dict(members_of(path)) if suffix == "keras" else {}
    if members:
        inside.write_bytes(members["model.weights.h5"])
    with h5py.File(inside, "r+") as file:
        file.require_group("model_weights")
        put(file, tmp_path)
    if members:
        zipped(path, [*{**members, "model.weights.h5": inside.read_bytes()}.items()])
    with pytest.raises(ModelError, match=message):
        load_model(path)


def test_a_group_that_holds_itself_ends(tmp_path: Path) -> None:
    path = saved(honest(), tmp_path / "model.h5")
    with h5py.File(path, "r+") as file:
        file["model_weights/again"] = file["model_weights"]
    with harmless_keras(path):
        pass


def test_objects_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "MOST_OBJECTS", 3)
    with pytest.raises(ModelError, match=r"model\.h5 holds more than 3 objects"):
        load_model(saved(honest(), tmp_path / "model.h5"))


@pytest.mark.parametrize("name", ["config.json", "metadata.json", "model.weights.h5"])
def test_a_bomb_is_not_unpacked(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, members = tmp_path / "bomb.keras", dict(members_of(saved(honest(), tmp_path / "model.keras")))
    monkeypatch.setattr(containers, "MOST_WEIGHTS", 1 << 22)
    monkeypatch.setattr(containers, "MOST_JSON", 1 << 22)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in {**members, name: bytes(1 << 23)}.items():
            archive.writestr(member, content)
    assert path.stat().st_size < 1 << 17
    with pytest.raises(ModelError, match=f"{name} has 8,388,608 bytes; allowed are 4,194,304"):
        load_model(path)


@pytest.mark.parametrize("suffix", ["h5", "keras"])
@pytest.mark.parametrize(
    ("nested", "message"), [("[" * 5000 + "]" * 5000, "nests its configuration"), ("[]", "no configuration")]
)
def test_a_configuration_that_is_none(suffix: str, nested: str, message: str, tmp_path: Path) -> None:
    path = saved(honest(), tmp_path / f"model.{suffix}")
    if suffix == "h5":
        with h5py.File(path, "r+") as file:
            file.attrs["model_config"] = nested
    else:
        zipped(path, [*{**dict(members_of(path)), "config.json": nested.encode()}.items()])
    with pytest.raises(ModelError, match=message):
        load_model(path)


@pytest.mark.parametrize("depth", [150, 250])
def test_a_configuration_may_nest_as_models_do(depth: int, tmp_path: Path) -> None:
    def change(config: dict[str, Any]) -> None:
        config["more"] = json.loads('{"a":' * depth + "0" + "}" * depth)

    path = with_config(saved(honest(), tmp_path / "model.keras"), change)
    if depth < 200:
        with harmless_keras(path):
            return
    with pytest.raises(ModelError, match="nests its configuration more than 200 deep"):
        load_model(path)


@pytest.mark.parametrize("value", [np.arange(3), np.array([b"{", b"}"])])
def test_a_configuration_is_one_text(value: Any, tmp_path: Path) -> None:
    path = saved(honest(), tmp_path / "model.h5")
    with h5py.File(path, "r+") as file:
        del file.attrs["model_config"]
        file.attrs["model_config"] = value
    with pytest.raises(ModelError, match="the attribute model_config is no text"):
        load_model(path)


def test_weights_alone_are_no_network(tmp_path: Path) -> None:
    honest().save_weights(tmp_path / "w.h5")
    with pytest.raises(ModelError, match=r"w\.h5 holds weights, but no network"):
        load_model(tmp_path / "w.h5")
    with harmless_keras(tmp_path / "w.h5", weights_only=True) as checked:
        assert checked.path.suffix == ".h5"


def test_what_is_no_file_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.h5")
    (tmp_path / "link.h5").symlink_to("/dev/zero")
    for name in ("pipe.h5", "link.h5"):
        with pytest.raises(ModelError, match="can't be read: it is a"):
            load_model(tmp_path / name)
