# SPDX-License-Identifier: Apache-2.0
"""The web page: in a real browser, without a network, it answers with the reference kernels' bytes."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from browser import Page, answers, browser
from PIL import Image
from tflite_builder import SAME, Builder

from edgecnn.compiler import reference
from edgecnn.compiler.ir import Fitting
from edgecnn.compiler.reading.tflite import parse
from edgecnn.converters.c_to_web import page_text, title_of, write_web
from edgecnn.converters.tflite_metadata import add_fitting
from edgecnn.data.images import load_image
from edgecnn.errors import ModelError

pytestmark = [
    pytest.mark.needs_tool("clang", package="clang"),
    pytest.mark.needs_tool("wasm-ld", package="lld"),
]


def classifier(channels: int = 3, classes: int = 4) -> bytes:
    builder = Builder(3)
    source = builder.input((1, 10, 12, channels))
    at = builder.conv(source, 6, stride=(2, 2), padding=SAME)
    return builder.build((source,), (builder.fully_connected(builder.flatten(at), classes),))


def segmenter() -> bytes:
    builder = Builder(4)
    source = builder.input((1, 8, 8, 1))
    return builder.build((source,), (builder.unary("LOGISTIC", builder.conv(source, 1, padding=SAME)),))


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    """Return pictures of several sizes and kinds, all opaque, and a broken one at the end."""
    draw = np.random.default_rng(1)
    kinds = [(40, 30, 3), (12, 10), (1, 1, 3), (200, 300, 3), (9, 50, 4)]
    paths = []
    for number, shape in enumerate(kinds):
        values = draw.integers(0, 256, shape, np.uint8)
        if shape[-1] == 4:
            values[..., 3] = 255
        paths.append(tmp_path / f"{number}.png")
        Image.fromarray(values).save(paths[-1])
    upright = Image.fromarray(draw.integers(0, 256, (20, 30, 3), np.uint8))
    exif = upright.getexif()
    exif[0x0112] = 6  # to be turned by a quarter
    paths.append(tmp_path / "turned.png")
    upright.save(paths[-1], exif=exif)
    paths.append(tmp_path / "broken.png")
    paths[-1].write_bytes(b"no picture")
    return paths


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with browser() as found:
        yield found


def expected(model: bytes, picture: Path) -> str:
    graph = parse(model)
    table = np.arange(256) / 255
    quantization = graph.tensors[graph.inputs[0]].quantization
    assert quantization is not None
    steps = np.floor(table / quantization.scale + 0.5) + quantization.zero_point
    shape = graph.tensors[graph.inputs[0]].shape[1:]
    image = load_image(picture, *shape, fitting=graph.fitting)
    values = steps.clip(-128, 127).astype(np.int8)[image][None]
    return " ".join(map(str, reference.run(graph, [values])[0].ravel()))


MODELS = {
    "rgb": classifier(),
    "grey": classifier(1),
    "mask": segmenter(),
    "crop": add_fitting(classifier(), Fitting("crop", "bilinear", "BGR")),
    "mask, pad": add_fitting(segmenter(), Fitting("pad")),
}


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
@pytest.mark.needs_tool("chromium", package="chromium")
@pytest.mark.needs_tool("chromedriver", package="chromium-driver")
def test_the_page_answers_with_the_reference_kernels_bytes(
    page: Page, tmp_path: Path, pictures: list[Path], model: bytes
) -> None:
    write_web(tmp_path / "page", model, "A page")
    found = answers(page, tmp_path / "page" / "index.html", pictures)
    assert found == [*(expected(model, picture) for picture in pictures[:-1]), None]
    assert page.find(".error")[0].text == "broken.png is no picture that this browser can read"
    assert page.complaints() == []


@pytest.mark.needs_tool("chromium", package="chromium")
@pytest.mark.needs_tool("chromedriver", package="chromium-driver")
@pytest.mark.parametrize("fit", ["squash", "crop", "pad"])
def test_a_mask_lies_over_what_the_model_sees(page: Page, tmp_path: Path, fit: str) -> None:
    model = add_fitting(segmenter(), Fitting(fit))
    rows, columns = parse(model).tensors[parse(model).inputs[0]].shape[1:3]
    pixels = np.full((3 * rows, 9 * columns, 3), 255, np.uint8)
    pixels[:, : 3 * columns] = pixels[:, 6 * columns :] = (255, 0, 0)  # red to the left and to the right
    Image.fromarray(pixels).save(tmp_path / "wide.png")
    write_web(tmp_path / "page", model, "A page")
    answers(page, tmp_path / "page" / "index.html", [tmp_path / "wide.png"])
    script = """const canvas = document.querySelector(".picture canvas"), {width, height} = canvas;
    const pixels = canvas.getContext("2d").getImageData(0, 0, width, height).data;
    const at = (x, y) => [0, 1, 2].map((c) => pixels[4 * (~~(y * height) * width + ~~(x * width)) + c]);
    return [width / height, at(0.1, 0.5), at(0.5, 0.5), at(0.5, 0.05)];"""
    ratio, side, centre, top = page.driver.execute_script(script)
    red, white, black = [255, 0, 0], [255] * 3, [0] * 3
    expected_ratio = 3 * columns / rows if fit == "squash" else columns / rows
    assert ratio == pytest.approx(expected_ratio, rel=0.05)
    assert [side, centre, top] == {
        "squash": [red, white, white], "crop": [white, white, white], "pad": [red, white, black]
    }[fit]  # fmt: skip
    assert page.complaints() == []


@pytest.mark.needs_tool("chromium", package="chromium")
@pytest.mark.needs_tool("chromedriver", package="chromium-driver")
def test_what_a_browser_would_cut_to_8_bits_is_refused(page: Page, tmp_path: Path) -> None:
    """Scanners' 12 bits in 16 would all be black."""
    Image.fromarray(np.arange(64, dtype=np.uint16).reshape(8, 8) + 1000).save(tmp_path / "deep.png")
    write_web(tmp_path / "page", classifier(1), "A page")
    assert answers(page, tmp_path / "page" / "index.html", [tmp_path / "deep.png"]) == [None]
    said = "deep.png has 16 bits a pixel, of which a browser keeps 8; use edgecnn predict"
    assert page.find(".error")[0].text == said
    assert page.complaints() == []


@pytest.mark.needs_tool("chromium", package="chromium")
@pytest.mark.needs_tool("chromedriver", package="chromium-driver")
def test_one_sigmoid_names_two_classes_and_a_phone_needs_no_sideways_scrolling(
    page: Page, tmp_path: Path, pictures: list[Path]
) -> None:
    builder = Builder(5)
    source = builder.input((1, 10, 12, 1))
    made = builder.unary("LOGISTIC", builder.fully_connected(builder.flatten(builder.conv(source, 2)), 1))
    write_web(tmp_path / "page", builder.build((source,), (made,)), "A page", ("<b>no</b>", "yes"))
    page.driver.set_window_size(400, 800)
    answers(page, tmp_path / "page" / "index.html", pictures[:2])
    assert [term.text for term in page.find("dt")] == ["<b>no</b>", "yes"] * 2
    assert {heading.text for heading in page.find("h2")} <= {"<b>no</b>", "yes"}
    assert page.driver.execute_script("return document.documentElement.scrollWidth <= innerWidth")


def test_the_same_model_gives_the_same_page_and_no_path_in_it(tmp_path: Path) -> None:
    text = page_text(classifier(), "<script>")
    assert text == page_text(classifier(), "<script>")
    assert "<title>&lt;script&gt;</title>" in text
    assert "/tmp" not in text
    assert "connect-src" not in text
    assert "default-src 'none'" in text
    write_web(tmp_path, classifier(), "<script>")
    assert (tmp_path / "index.html").read_text(encoding="utf-8") == text


def test_what_a_page_can_not_show_is_refused() -> None:
    builder = Builder()
    source = builder.input((1, 8, 8, 1))
    with pytest.raises(ModelError, match=r"answers with \[1, 6, 6, 3\]; a page shows classes"):
        page_text(builder.build((source,), (builder.conv(source, 3),)), "title")


def test_a_page_is_called_after_the_network_and_its_classes_if_they_have_names() -> None:
    assert title_of("cainvas", ("benign", "malignant", "normal")) == "cainvas: benign, malignant or normal?"
    assert title_of("cainvas", ("class 0", "class 1")) == "cainvas"
    assert title_of("unet", ()) == "unet"
    assert title_of("words", tuple("abcdefgh")) == "words"


UNLIKELY = "No class is likely: the picture may show none of them."
SAID = """
const [values] = arguments, likely = certain(values);
return [likely, percentages(likely), doubt(likely, values.indexOf(Math.max(...values)))];
"""


@pytest.mark.needs_tool("chromium", package="chromium")
@pytest.mark.needs_tool("chromedriver", package="chromium-driver")
@pytest.mark.parametrize(
    ("values", "shown", "doubt"),
    [
        ([85 / 256, 85 / 256, 85 / 256, 0], "33.4 33.3 33.3 0.0", "All but a tie with class 1."),
        ([250 / 256, 2 / 256, 2 / 256, 1 / 256], "98.0 0.8 0.8 0.4", ""),
        (
            [0.44, 0.3, 0.2, 0.06],
            "44.0 30.0 20.0 6.0",
            UNLIKELY,
        ),
        ([3.0, 1.0, 0.5, 0.0], "300.0 100.0 50.0 0.0", ""),
    ],
)
def test_percentages_add_up_and_an_answer_that_is_hardly_one_is_doubted(
    page: Page, tmp_path: Path, values: list[float], shown: str, doubt: str
) -> None:
    write_web(tmp_path, classifier(), "A page")
    page.open(tmp_path / "index.html")
    certain, percentages, said = page.driver.execute_script(SAID, values)
    assert " ".join(text.rstrip("%") for text in percentages) == shown
    if sum(values) < 1.05:
        assert sum(certain) == pytest.approx(1)
        assert sum(float(text.rstrip("%")) for text in percentages) == pytest.approx(100)
    assert said == doubt
