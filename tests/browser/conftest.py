"""A real browser for pages: Debian's Chromium without a window. Tests are skipped by name where there is none."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.processes import PATIENCE

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DRIVER = shutil.which("chromedriver")
LAST = "the last error that counts"


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """One driver for all tests of the session: starting a browser takes seconds."""
    if CHROMIUM is None or DRIVER is None:
        pytest.skip("no browser: needs chromium and chromedriver (Debian: chromium, chromium-driver)")
    selenium = pytest.importorskip("selenium.webdriver", reason="needs selenium: pip install 'qabwnas[test]'")
    from selenium.webdriver.chrome.service import Service

    options = selenium.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in (
        "--headless=new",
        "--no-sandbox",  # CI runs as root, for whom Chromium has no sandbox
        "--disable-dev-shm-usage",
        "--enable-unsafe-swiftshader",  # WebGL without a graphics card
        "--window-size=1280,900",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = selenium.Chrome(options=options, service=Service(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture
def browser(chromium: Any) -> Iterator[Any]:
    """The browser with an empty page and an empty console; it is left so for the next test."""
    chromium.get("about:blank")
    chromium.set_window_size(1280, 900)
    chromium.get_log("browser")
    yield chromium
    chromium.get("about:blank")


def console_errors(driver: Any) -> list[str]:
    """Return the errors on the console since the last call, also of resources that were not found."""
    driver.execute_script("console.error(arguments[0])", LAST)  # what came before it has arrived when it has
    errors: list[str] = []
    until = time.monotonic() + PATIENCE
    while not errors or LAST not in errors[-1]:
        assert time.monotonic() < until, "the console does not answer"
        time.sleep(0.005)
        errors += [entry["message"] for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]
    return errors[:-1]
