"""Take the picture of the explorer for README and documentation: ``docs/explorer.png``.

    python docs/screenshots.py

It explores the LUT of the paper's space that ``benchmarks/paper_space.py`` makes, in Chromium without a window, and
needs the extras ``explore`` and ``test``, ``chromium`` and ``chromedriver``.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))

from paper_space import paper_lut  # noqa: E402 - it is not in the package

PICTURE = ROOT / "docs" / "explorer.png"
WIDTH, HEIGHT = 1400, 900
LUT = "cityscapes-mbv2.h5"
BUDGETS = {"size_bytes": "1.2 MB", "latency_ms": "42 ms"}
PATIENCE = 120


@contextmanager
def explorer(folder: Path) -> Iterator[str]:
    """Run the command in the folder of the LUT, and give its address."""
    command = [sys.executable, "-m", "qabwnas", "explore", LUT, "--port", "0", "--no-browser"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
        assert found, "the explorer has not started"
        try:
            yield found[0]
        finally:
            process.terminate()


@contextmanager
def browser() -> Iterator[Any]:
    """Give a browser whose page is as large as the picture."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    size = {"width": WIDTH, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        yield driver
    finally:
        driver.quit()


def take_picture(driver: Any, address: str, metrics: list[str]) -> None:
    """Set the budgets, wait until they are answered and drawn, and write the picture."""
    wait = WebDriverWait(driver, PATIENCE)
    driver.get(address)
    wait.until(lambda _: driver.find_elements(By.CSS_SELECTOR, "#network .block"))
    for metric, budget in BUDGETS.items():
        name = json.dumps({"index": metrics.index(metric), "type": "high"}, separators=(",", ":"))
        driver.find_element(By.CSS_SELECTOR, f"[id='{name}']").send_keys(budget)
        option = f"{metric}={budget.replace(' ', '')}"
        wait.until(lambda _, option=option: option in driver.find_element(By.ID, "command").text)
    wait.until(lambda _: driver.find_elements(By.CSS_SELECTOR, "#figure .overlay circle"))
    driver.execute_script("document.activeElement.blur()")
    driver.save_screenshot(str(PICTURE))


def main() -> None:
    lut = paper_lut()
    with tempfile.TemporaryDirectory() as folder:
        lut.save(Path(folder) / LUT)
        with explorer(Path(folder)) as address, browser() as driver:
            take_picture(driver, address, list(lut.metric_names))
    print(PICTURE.relative_to(ROOT))


if __name__ == "__main__":
    main()
