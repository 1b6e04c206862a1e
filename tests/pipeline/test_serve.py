# SPDX-License-Identifier: Apache-2.0
"""`edgecnn serve`: the endpoint says what `predict` says, and refuses what it should."""

import json
import subprocess
import sys
import zlib
from base64 import b64decode
from io import BytesIO
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import pytest
from flask.testing import FlaskClient
from PIL import Image

from edgecnn.errors import MissingToolError, ModelError
from edgecnn.pipeline.predict import predict
from edgecnn.pipeline.segment import segment
from edgecnn.pipeline.serve import MAX_BYTES, make_app
from edgecnn.runtime.tflite import TfliteModel

sys.path.append(str(Path(__file__).parents[1] / "compiler"))
from tflite_builder import SAME, Builder

MODEL = Path(__file__).parents[1] / "assets" / "tiny_int8.tflite"
pytestmark = [
    pytest.mark.needs_tool("clang", package="clang"),
    pytest.mark.needs_tool("wasm-ld", package="lld"),
]
try:
    TfliteModel(MODEL)
except MissingToolError:
    pytest.skip("needs a TFLite runtime: edgecnn[runtime]", allow_module_level=True)


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    return make_app(MODEL).test_client()


def png(*shape: int) -> bytes:
    file = BytesIO()
    values = np.random.default_rng(len(shape)).integers(0, 256, shape, np.uint8)
    Image.fromarray(values).save(file, format="PNG")
    return file.getvalue()


def test_several_images_get_what_predict_says(client: FlaskClient, tmp_path: Path) -> None:
    contents = {"a.png": png(40, 30), "b.png": png(9, 50, 3)}
    form = [(BytesIO(content), name) for name, content in contents.items()]
    response = client.post("/predict", data={"images": form})
    assert response.status_code == 200
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    said = predict(MODEL, [tmp_path / name for name in contents]).as_json()
    for one in said["predictions"]:
        one["image"] = Path(one["image"]).name
    assert response.json == json.loads(json.dumps(said))


def test_the_page_is_the_models(client: FlaskClient) -> None:
    response = client.get("/")
    assert response.mimetype == "text/html"
    assert "<title>tiny_int8</title>" in response.text


def test_masks_are_what_predict_writes(tmp_path: Path) -> None:
    builder = Builder(7)
    source = builder.input((1, 8, 8, 1))
    made = builder.unary("LOGISTIC", builder.conv(source, 1, padding=SAME))
    model = tmp_path / "masks.tflite"
    model.write_bytes(builder.build((source,), (made,)))
    (tmp_path / "a.png").write_bytes(png(40, 30))
    [said], _ = segment(model, [tmp_path / "a.png"], tmp_path / "masks")
    assert said.mask is not None
    response = make_app(model).test_client().post("/predict", data={"image": (BytesIO(png(40, 30)), "a.png")})
    [found] = response.json["masks"]
    assert (found["image"], found["share"]) == ("a.png", said.share)
    assert 0 < said.share < 1
    assert b64decode(found["mask"]) == said.mask.read_bytes()


def bomb() -> bytes:
    """A file of a few kilobytes that says it is 11,000 pixels a side."""
    content = bytearray(png(1, 1))
    content[16:24] = (11_000).to_bytes(4, "big") * 2
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    return bytes(content)


@pytest.mark.filterwarnings("ignore:Image size")  # Pillow's own, a softer bound than ours
@pytest.mark.parametrize(
    ("content", "status", "reason"),
    [
        (b"no picture", 415, "x.png is not an image that edgecnn reads"),
        (png(40, 30)[:300], 415, "x.png can't be decoded"),
        (bomb(), 415, "11000x11000 pixels are more than 100,000,000"),
        (bytes(MAX_BYTES), 413, "exceeds the capacity limit"),
    ],
    ids=["no picture", "truncated", "bomb", "too large"],
)
def test_a_bad_file_is_refused(client: FlaskClient, content: bytes, status: int, reason: str) -> None:
    response = client.post("/predict", data={"image": (BytesIO(content), "x.png")})
    assert response.status_code == status
    assert reason in response.json["error"]


def test_other_requests_are_refused(client: FlaskClient) -> None:
    assert client.post("/predict").status_code == 400
    assert client.post("/predict", data={"image": "no file"}).status_code == 400
    assert client.get("/predict").status_code == 405
    assert client.get("/elsewhere").json["error"].startswith("The requested URL was not found")


def test_a_model_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="absent"):
        make_app(tmp_path / "absent.tflite")


def test_the_command_serves_on_loopback_and_says_where() -> None:
    call = [sys.executable, "-c", "from edgecnn.cli import main; main()", "serve", str(MODEL), "--port", "0"]
    with subprocess.Popen(call, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().split()[0]
            assert address.startswith("http://127.0.0.1:")
            with urlopen(address) as answer:
                assert answer.status == 200
        finally:
            process.terminate()
