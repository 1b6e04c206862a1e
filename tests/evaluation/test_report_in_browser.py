# SPDX-License-Identifier: Apache-2.0
"""report.html in a real browser: whole, quiet, alone, as wide as the screen, light and dark, printable."""

import re
from collections.abc import Iterator

import pytest
from browser import Page, browser

from edgecnn.evaluation.report import RunReport, write_report

pytestmark = [
    pytest.mark.needs_tool("chromium", package="chromium"),
    pytest.mark.needs_tool("chromedriver", package="chromium-driver"),
]
PHONE, DESK, A4 = 360, 1100, 718  # pixels; of the paper what margins of 1 cm leave, at 96 an inch
TOO_WIDE = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
LOADED = "return [...document.images].map((one) => one.complete && one.naturalWidth > 0 && one.alt !== '')"
FETCHED = "return performance.getEntriesByType('resource').map((one) => one.name)"
MEMORY = "Memory over time"
RIGHT_EDGES = """
return [...document.querySelectorAll(".stack td, .stack th")].map((one) => one.getBoundingClientRect().right)
"""
BROKEN = """
const broken = [];
const walk = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
for (let node = walk.nextNode(); node; node = walk.nextNode()) {
  for (const found of node.data.matchAll(/-?[0-9.]+[ \u00a0]to[ \u00a0]-?[0-9.]+|[0-9.]+\u2013[0-9.]+/g)) {
    const range = document.createRange();
    range.setStart(node, found.index);
    range.setEnd(node, found.index + found[0].length);
    const tops = new Set([...range.getClientRects()].map((one) => Math.round(one.top)));
    if (tops.size > 1) broken.push(found[0]);
  }
}
return broken;
"""
COLOURS = """
const style = (one, name) => getComputedStyle(one)[name];
const drawn = [...document.querySelectorAll("svg path")];
return {
  page: style(document.body, "backgroundColor"),
  text: style(document.body, "color"),
  drawn: [...new Set(drawn.flatMap((one) => [style(one, "stroke"), style(one, "fill")]))],
};
"""


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with browser() as opened:
        yield opened


@pytest.fixture(scope="module", params=["report", "mask_report"])
def shown(request: pytest.FixtureRequest, page: Page, tmp_path_factory: pytest.TempPathFactory) -> Page:
    """Open a report from the disk."""
    report: RunReport = request.getfixturevalue(request.param)
    path = tmp_path_factory.mktemp("shown") / "report.html"
    write_report(path, report)
    page.lay_out(DESK)
    page.open(path)
    assert [one.text for one in page.find("h1")] == ["cainvas on phantoms"]
    return page


def test_it_is_whole_quiet_and_alone(shown: Page) -> None:
    loaded = shown.driver.execute_script(LOADED)
    assert len(loaded) >= 6
    assert all(loaded)
    assert [one for one in shown.driver.execute_script(FETCHED) if not one.startswith("data:")] == []
    assert shown.complaints() == []


@pytest.mark.parametrize(("width", "media"), [(PHONE, "screen"), (DESK, "screen"), (A4, "print")])
def test_it_is_no_wider_than_what_it_is_shown_on(shown: Page, width: int, media: str) -> None:
    shown.lay_out(width, media=media)
    assert shown.driver.execute_script(TOO_WIDE) == 0
    drawings = shown.find("svg")
    assert drawings
    assert all(0.5 * min(width, 600) / 2 < one.size["width"] <= width for one in drawings)


@pytest.mark.parametrize("width", [PHONE, 390])
def test_a_phone_shows_every_figure_without_scrolling_sideways(shown: Page, width: int) -> None:
    shown.lay_out(width)
    right = shown.driver.execute_script(RIGHT_EDGES)
    assert len(right) > 20
    assert max(right) <= width


def test_no_line_ends_within_an_interval(shown: Page) -> None:
    for width, media in ((PHONE, "screen"), (DESK, "screen"), (A4, "print")):
        shown.lay_out(width, media=media)
        assert shown.driver.execute_script(BROKEN) == []


def test_the_memory_chart_has_a_legend_and_units(shown: Page) -> None:
    [section] = [
        one for one in shown.find("section") if one.find_elements("css selector", "h2")[0].text == MEMORY
    ]
    assert "bytes of RAM" in section.text
    assert "rows made so far" in section.text
    swatches = section.find_elements("css selector", ".swatch")
    assert [one.value_of_css_property("background-color") for one in swatches]
    assert "what an operator makes" in section.text


def test_it_follows_light_and_dark(shown: Page) -> None:
    brightness, drawn = {}, {}
    for scheme in ("light", "dark"):
        shown.lay_out(DESK, scheme)
        colours = shown.driver.execute_script(COLOURS)
        brightness[scheme] = [sum(channels(colours[name])) / 765 for name in ("page", "text")]
        drawn[scheme] = set(colours["drawn"])
    for scheme, (dim, bright) in (("light", (1, 0)), ("dark", (0, 1))):
        assert brightness[scheme][dim] < 0.25
        assert brightness[scheme][bright] > 0.85
    assert drawn["light"] & drawn["dark"] <= {"none", "rgb(0, 0, 0)"}
    shown.lay_out(A4, "dark", "print")  # paper is white
    assert channels(shown.driver.execute_script(COLOURS)["page"]) == [255, 255, 255]


def channels(colour: str) -> list[int]:
    """Return red, green and blue of a colour as the browser writes it."""
    return [int(one) for one in re.findall(r"\d+", colour)[:3]]
