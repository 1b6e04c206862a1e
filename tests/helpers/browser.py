# SPDX-License-Identifier: Apache-2.0
"""A headless Chromium without a network, for tests of pages."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.remote.webelement import WebElement

_ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)


class Page:
    """A page in the browser."""

    def __init__(self, driver: Chrome) -> None:
        self.driver = driver

    def open(self, path: Path) -> None:
        self.driver.get(path.resolve().as_uri())

    def find(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements("css selector", selector)

    def wait(self, ready: Callable[[], object], seconds: float = 60) -> None:
        """Wait until `ready`; a page that hangs is found by it, not a slow one."""
        end = time.monotonic() + seconds
        while not ready():
            assert time.monotonic() < end, f"the page shows only: {self.find('body')[0].text}"
            time.sleep(0.05)

    def lay_out(self, width: int, scheme: str = "light", media: str = "screen") -> None:
        """Make the screen, or the sheet of paper, `width` pixels wide, and prefer a color scheme."""
        screen = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": features})

    def complaints(self) -> list[str]:
        """Return what the browser has written to its console."""
        log: list[dict[str, str]] = self.driver.get_log("browser")  # type: ignore[no-untyped-call]
        return [entry["message"] for entry in log]


@contextmanager
def browser(width: int = 900) -> Iterator[Page]:
    """Start Chromium; no name resolves, and no page may load anything from elsewhere."""
    options = ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for argument in _ARGUMENTS:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = Chrome(options=options, service=Service("/usr/bin/chromedriver"))
    try:
        driver.set_network_conditions(offline=True, latency=0, throughput=0)
        driver.set_window_size(width, 900)
        yield Page(driver)
    finally:
        driver.quit()


def answers(page: Page, html: Path, pictures: list[Path]) -> list[str | None]:
    """Give pictures to an exported page; return the int8 values of each answer, None for a refused one."""
    page.open(html)
    page.find("#files")[0].send_keys("\n".join(map(str, pictures)))
    page.wait(lambda: page.find("#status")[0].text.startswith("Done"))
    return [item.get_attribute("data-output") for item in reversed(page.find("#results > li"))]
