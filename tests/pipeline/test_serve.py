# SPDX-License-Identifier: Apache-2.0
"""`edgecnn serve`: the endpoint says what `predict` says, and refuses what it should."""

import json
import socket
import subprocess
import sys
import zlib
from base64 import b64decode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from io import BytesIO
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from tflite_builder import SAME, Builder

from edgecnn.errors import EdgecnnError, MissingToolError, ModelError
from edgecnn.pipeline.predict import predict
from edgecnn.pipeline.predict_masks import predict_masks
from edgecnn.pipeline.serve import server
from edgecnn.pipeline.serve.app import MAX_BYTES, make_app
from edgecnn.runtime.tflite import TfliteModel

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
    [said], _ = predict_masks(model, [tmp_path / "a.png"], tmp_path / "masks")
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
        (bomb(), 413, "x.png has 11000x11000 pixels; at most 16,000,000 are taken"),
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


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, int]]:
    """The program, at a free port."""
    call = [sys.executable, "-c", "from edgecnn.cli import main; main()", "serve", str(MODEL), "--port", "0"]
    with subprocess.Popen(call, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            where = process.stdout.readline().split()[0]
            assert where.startswith("http://127.0.0.1:")
            yield "127.0.0.1", int(where.rstrip("/").rpartition(":")[2])
        finally:
            process.terminate()


def form(content: bytes) -> bytes:
    """A POST request with one image."""
    body = (
        b'--x\r\nContent-Disposition: form-data; name="image"; filename="x.png"\r\n\r\n'
        + content
        + b"\r\n--x--\r\n"
    )
    head = f"POST /predict HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"Content-Type: multipart/form-data; boundary=x\r\n\r\n" + body


def ask(address: tuple[str, int], request: bytes) -> tuple[int, bytes]:
    """Return the status and the body of an answer."""
    with socket.create_connection(address, timeout=120) as connection:
        connection.sendall(request)
        answer = b"".join(iter(lambda: connection.recv(1 << 16), b""))
    return int(answer.split(maxsplit=2)[1]), answer.partition(b"\r\n\r\n")[2]


def test_fifty_clients_are_answered_beside_five_hundred_that_stall(address: tuple[str, int]) -> None:
    whole = form(png(40, 30))
    starts = (b"", b"POST /predict HT", whole[:150], whole[:-20])
    with ExitStack() as stack:
        for number in range(500):
            stalled = stack.enter_context(socket.create_connection(address, timeout=120))
            stalled.sendall(starts[number % len(starts)])
        with ThreadPoolExecutor(50) as pool:
            answers = list(pool.map(lambda _: ask(address, whole), range(50)))
        assert {status for status, _ in answers} == {200}
        assert len({json.loads(body)["predictions"][0]["probability"] for _, body in answers}) == 1
        assert ask(address, b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")[0] == 200


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"POST /predict HTTP/1.1\r\nConnection: close\r\nContent-Length: 99999999999\r\n\r\n", 413),
        (b"GET / HTTP/1.1\r\nno header\r\n\r\n", 400),
        (b"GET /elsewhere HTTP/1.1\r\nConnection: close\r\n\r\n", 404),
        (form(b"no image"), 415),
        (form(bomb()), 413),
    ],
)
def test_whatever_is_refused_is_refused_in_one_line_of_json(
    address: tuple[str, int], request_: bytes, status: int
) -> None:
    found, body = ask(address, request_)
    assert found == status
    assert list(json.loads(body)) == ["error"]
    assert body.count(b"\n") == 1


@contextmanager
def served(monkeypatch: pytest.MonkeyPatch, seconds: float, connections: int) -> Iterator[tuple[str, int]]:
    """A page that says yes, served with other limits."""
    monkeypatch.setattr(server, "CONNECTIONS", connections)
    app = Flask("yes", static_folder=None)
    app.add_url_rule("/", view_func=lambda: "yes")
    with server.listen("127.0.0.1", 0) as at:
        running = server.make_server(app, at, threads=2, most_bytes=1000)
        running.adj.channel_timeout, running.adj.cleanup_interval = seconds, 0
        Thread(target=running.run, daemon=True).start()
        try:
            yield at.getsockname()
        finally:
            running.close()


def test_a_request_that_trickles_in_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    with served(monkeypatch, 1, 10) as address, socket.create_connection(address, timeout=120) as slow:
        slow.settimeout(0.2)
        slow.sendall(b"GET / HTTP/1.1\r\n")
        for _ in range(500):  # 100 seconds
            try:
                slow.sendall(b"X")
                assert slow.recv(1) == b""
                break
            except TimeoutError:
                continue
            except ConnectionError:
                break
        else:
            pytest.fail("it was not given up")


def test_the_oldest_silent_connection_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    with served(monkeypatch, 1000, 20) as address, ExitStack() as stack:
        silent = [stack.enter_context(socket.create_connection(address, timeout=120)) for _ in range(60)]
        assert ask(address, b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n") == (200, b"yes")
        assert silent[0].recv(1) == b""


@pytest.mark.parametrize("host", ["300.1.1.1", "192.0.2.1", "no such host", "x" * 70, ""])
def test_an_address_that_is_none_is_named(host: str) -> None:
    if host:
        with pytest.raises(
            EdgecnnError, match=f"can't listen at {host} port 1: .*; choose another --host or"
        ):
            server.listen(host, 1)
    else:
        with server.listen("127.0.0.1", 0) as taken, pytest.raises(EdgecnnError, match="already in use"):
            server.listen("127.0.0.1", taken.getsockname()[1])


def test_many_megapixels_are_taken_where_they_are_allowed() -> None:
    said = {
        megapixels: make_app(MODEL, megapixels)
        .test_client()
        .post("/predict", data={"image": (BytesIO(png(1200, 1000)), "x.png")})
        for megapixels in (1, 2)
    }
    assert {megapixels: answer.status_code for megapixels, answer in said.items()} == {1: 413, 2: 200}


# ---- what is there for people and programs beside the page ----


def test_the_page_has_the_model_card_and_leads_to_the_rest(tmp_path: Path) -> None:
    model = tmp_path / "tiny.tflite"
    model.write_bytes(MODEL.read_bytes())
    facts = make_app(model, title="A title").test_client().get("/").text
    assert "<title>A title</title>" in facts
    assert "No model card lies beside it." in facts
    (tmp_path / "model_card.md").write_text(
        "# Model card: x\n\n<script>alert(1)</script>\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
    )
    client = make_app(model).test_client()
    page = client.get("/").text
    assert "<h1>Model card: x</h1>" in page
    assert "<td>2</td>" in page
    assert "<script>alert" not in page
    for link in ("docs", "openapi.json", "healthz", "metrics"):
        assert f'href="{link}"' in page
        assert client.get(f"/{link}").status_code == 200


def test_its_description_is_that_of_what_it_answers(client: FlaskClient) -> None:
    described = client.get("/openapi.json").json
    responses = described["paths"]["/predict"]["post"]["responses"]
    schema = responses["200"]["content"]["application/json"]["schema"]
    answer = client.post("/predict", data={"image": (BytesIO(png(40, 30)), "a.png")}).json
    assert set(schema["required"]) == set(answer)
    [row] = answer["predictions"]
    assert set(schema["properties"]["predictions"]["items"]["required"]) == set(row)
    assert set(responses) == {"200", "400", "413", "415", "500", "503"}
    page = client.get("/docs").text
    assert "POST /predict" in page
    assert all(status in page for status in responses)


def test_it_counts_what_it_answered_for_prometheus() -> None:
    client = make_app(MODEL).test_client()
    for files in ({"a": (BytesIO(png(40, 30)), "a.png"), "b": (BytesIO(png(9, 9)), "b.png")}, {}):
        client.post("/predict", data=files)
    client.get("/predict")
    response = client.get("/metrics")
    assert response.content_type.startswith("text/plain; version=0.0.4")
    lines = dict(line.rsplit(" ", 1) for line in response.text.splitlines() if not line.startswith("#"))
    assert lines['edgecnn_requests_total{status="200"}'] == "1"
    assert lines['edgecnn_requests_total{status="400"}'] == "1"
    assert lines["edgecnn_images_total"] == "2"
    assert lines["edgecnn_request_seconds_count"] == "2"
    buckets = [int(count) for name, count in lines.items() if "_bucket" in name]
    assert buckets == sorted(buckets)
    assert buckets[-1] == 2
    assert float(lines["edgecnn_request_seconds_sum"]) > 0
