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
