"""The explorer in Chromium: from a key on a slider to the answer on the page, on the paper's space.

    python benchmarks/bench_explorer.py

Every answer is compared with that of ``qabwnas.search``. Prints medians of wall-clock times, so the machine must be
idle: of the request to the server, and from the key until the page has the answer, and until it is painted. The target
is 100 ms. Needs what ``docs/screenshots.py`` needs.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import json
import statistics
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

from paper_space import paper_lut

import qabwnas
from qabwnas.lut.units import parse_quantity

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "docs"))

from screenshots import LUT, browser, explorer

METRIC = "size_bytes"
N_MOVES, N_WARM_UP = 60, 5
PATIENCE = 300

MOVE = """
const [index, done] = arguments;
const slider = document.getElementById(JSON.stringify({ index, type: "range" }));
const thumb = slider.closest(".dash-slider-container").querySelectorAll("[role=slider]")[1];
const command = document.getElementById("command");
const before = command.textContent;
let sent, received;
const fetched = window.fetch;
window.fetch = async (...request) => {
  sent = performance.now();
  const response = await fetched(...request);
  received = performance.now();
  return response;
};
thumb.focus();
const pressed = performance.now();
new MutationObserver((_, observer) => {
  if (command.textContent === before) return;
  observer.disconnect();
  window.fetch = fetched;
  const answered = performance.now();
  requestAnimationFrame(() => setTimeout(() => {
    const cards = [...document.querySelectorAll("#totals [data-total]")];
    const totals = cards.map((each) => [each.dataset.metric, each.dataset.total]);
    const field = document.getElementById(JSON.stringify({ index, type: "high" }));
    const times = [received - sent, answered - pressed, performance.now() - pressed];
    done({ times, totals: Object.fromEntries(totals), budget: field.value });
  }));
}).observe(command, { subtree: true, childList: true, characterData: true });
thumb.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowLeft", bubbles: true, cancelable: true }));
"""


def move(driver: Any, lut: qabwnas.Lut) -> list[float]:
    """Press a key on the slider, compare the answer, and return the three times in milliseconds."""
    done = driver.execute_async_script(MOVE, lut.metric_names.index(METRIC))
    budget = parse_quantity(done["budget"], METRIC)
    wanted = qabwnas.search(lut, budgets={METRIC: budget})[0].totals
    assert {name: Decimal(total) for name, total in done["totals"].items()} == wanted, json.dumps(done)
    time.sleep(0.2)
    times: list[float] = done["times"]
    return times


def main() -> None:
    lut = paper_lut()
    with tempfile.TemporaryDirectory() as folder:
        lut.save(Path(folder) / LUT)
        with explorer(Path(folder)) as address, browser() as driver:
            driver.set_script_timeout(PATIENCE)
            driver.get(address)
            while not driver.execute_script("return document.querySelectorAll('#figure .overlay circle').length"):
                time.sleep(0.1)
            moves = [move(driver, lut) for _ in range(N_WARM_UP + N_MOVES)][N_WARM_UP:]
    print(f"{N_MOVES} moves of a slider, all answers equal to those of qabwnas.search; load {os.getloadavg()[0]:.1f}")
    for name, times in zip(("request", "key to answer", "key to paint"), zip(*moves, strict=True), strict=True):
        print(f"{name}: median {statistics.median(times):.0f} ms, smallest {min(times):.0f} ms")


if __name__ == "__main__":
    main()
