"""The explorer and a report in Chromium, on the paper's space: sliders until their answers, and turning in 3-D.

    python benchmarks/bench_pages.py

Every answer is compared with that of ``qabwnas.search``. Prints medians of wall-clock times, so the machine must be
idle. Sliders: until the page has the answer, and until it is painted; in the explorer with a figure in 2-D and in 3-D,
in a report with a front of 20,530 points in 3-D. The target is 100 ms. Turning: the time of one picture while the mouse
turns that front, in a report and in plotly's own page with its usual symbol, the circle. Needs what
``docs/screenshots.py`` needs.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from paper_space import paper_lut

import qabwnas
from qabwnas.lut.lut import Lut
from qabwnas.lut.units import parse_quantity
from qabwnas.report.result import Results
from qabwnas.visualization import plot_pareto_front
from qabwnas.visualization.page.content import RunContent
from qabwnas.visualization.page.report import write_report

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "docs"))

from screenshots import LUT, browser, explorer

METRICS = ["loss", "size_bytes", "latency_ms"]
METRIC = "size_bytes"
N_MOVES, N_WARM_UP = 60, 5
N_TURNS, N_STEPS = 3, 15
PAUSE, REST = 0.5, 3.0
"""Seconds between moves, and before and after a turn: a figure in 3-D is drawn in them."""
PATIENCE = 300
EXPLORED, REPORTED, PLAIN = "#figure .js-plotly-plot", ".plot[data-front]", "#plain"

MOVE_IN_EXPLORER = """
const [index, done] = arguments;
const slider = document.getElementById(JSON.stringify({ index, type: "range" }));
const thumb = slider.closest(".dash-slider-container").querySelectorAll("[role=slider]")[1];
const command = document.getElementById("command");
const before = command.textContent;
thumb.focus();
const pressed = performance.now();
new MutationObserver((_, observer) => {
  if (command.textContent === before) return;
  observer.disconnect();
  const answered = performance.now();
  requestAnimationFrame(() => setTimeout(() => {
    const cards = [...document.querySelectorAll("#totals [data-total]")];
    const totals = cards.map((each) => [each.dataset.metric, each.dataset.total]);
    const field = document.getElementById(JSON.stringify({ index, type: "high" }));
    const times = [answered - pressed, performance.now() - pressed];
    done({ times, totals: Object.fromEntries(totals), budget: field.value });
  }));
}).observe(command, { subtree: true, childList: true, characterData: true });
thumb.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowLeft", bubbles: true, cancelable: true }));
"""

MOVE_IN_REPORT = """
const [m, share, done] = arguments;
const [slider, field] = document.querySelectorAll(`[data-metric="${m}"] input`);
const best = document.querySelector(".best");
slider.value = Math.round(share * slider.max);
const moved = performance.now();
new MutationObserver((_, observer) => {
  observer.disconnect();
  const answered = performance.now();
  requestAnimationFrame(() => setTimeout(() => {
    const rows = [...best.querySelectorAll("[data-metric]")];
    const totals = rows.map((row) => [row.dataset.metric, row.children[1].textContent]);
    const times = [answered - moved, performance.now() - moved];
    done({ times, totals: Object.fromEntries(totals), budget: field.value });
  }));
}).observe(best, { childList: true });
slider.dispatchEvent(new Event("input", { bubbles: true }));
"""

WATCH_FRAMES = """
window.frames_seen = [performance.now()];
window.is_watching = true;
requestAnimationFrame(function watch() {
  window.frames_seen.push(performance.now());
  if (window.is_watching) requestAnimationFrame(watch);
});
"""
STOP_WATCHING = "window.is_watching = false; return window.frames_seen"
# Figures are drawn when they come into view, so this scrolls, too.
IS_DRAWN = """
const plot = document.querySelector(arguments[0]);
plot?.scrollIntoView({ block: "center" });
return Boolean(plot?._fullLayout?.scene?._scene);
"""
MIDDLE = """
const plot = document.querySelector(arguments[0]);
const box = plot.getBoundingClientRect();
return [box.left + box.width / 2 - 100, box.top + box.height / 2];
"""
CAMERA = "return JSON.stringify(document.querySelector(arguments[0])._fullLayout.scene.camera.eye)"


def until(driver: Any, script: str, *arguments: Any) -> None:
    """Wait until the page is as the script says."""
    while not driver.execute_script(script, *arguments):
        time.sleep(0.1)


def checked(lut: Lut, done: dict[str, Any], metrics: Sequence[str]) -> list[float]:
    """Return the times of a move in milliseconds, after its answer was compared."""
    budget = parse_quantity(done["budget"], METRIC)
    wanted = qabwnas.search(lut, budgets={METRIC: budget})[0].totals
    totals = {name: Decimal(total) for name, total in done["totals"].items()}
    assert totals == {name: wanted[name] for name in metrics}, json.dumps(done)
    time.sleep(PAUSE)
    times: list[float] = done["times"]
    return times


def moves_in_explorer(driver: Any, lut: Lut) -> Iterator[list[float]]:
    index = lut.metric_names.index(METRIC)
    for _ in range(N_WARM_UP + N_MOVES):
        yield checked(lut, driver.execute_async_script(MOVE_IN_EXPLORER, index), lut.metric_names)


def moves_in_report(driver: Any, lut: Lut) -> Iterator[list[float]]:
    m = METRICS.index(METRIC)
    for share in np.linspace(1, 0.5, N_WARM_UP + N_MOVES + 1)[1:].tolist():
        yield checked(lut, driver.execute_async_script(MOVE_IN_REPORT, m, share), METRICS)


def print_moves(where: str, moves: Iterator[list[float]]) -> None:
    counted = list(moves)[N_WARM_UP:]
    answered, painted = (statistics.median(times) for times in zip(*counted, strict=True))
    print(f"{where}, {len(counted)} moves: answered after {answered:.0f} ms, painted after {painted:.0f} ms")


def choose_third_axis(driver: Any, metric: str) -> None:
    driver.execute_script("document.querySelector('#third').click()")
    options = "[...document.querySelectorAll('.dash-dropdown-option')]"
    until(driver, f"return {options}.length")
    driver.execute_script(f"{options}.find((each) => each.textContent === arguments[0]).click()", metric)
    until(driver, IS_DRAWN, EXPLORED)


def print_turns(driver: Any, what: str, plot: str) -> float:
    """Turn a figure with the mouse, print the time per picture, and return its median in seconds."""
    until(driver, IS_DRAWN, plot)
    time.sleep(REST)
    pictures: list[float] = []
    for _ in range(N_TURNS):
        x, y = driver.execute_script(MIDDLE, plot)
        before = driver.execute_script(CAMERA, plot)
        mouse(driver, "mousePressed", x, y)
        driver.execute_script(WATCH_FRAMES)
        for step in range(1, N_STEPS + 1):
            mouse(driver, "mouseMoved", x + 12 * step, y + step % 2)
        frames = driver.execute_script(STOP_WATCHING)
        mouse(driver, "mouseReleased", x + 12 * N_STEPS, y)
        time.sleep(REST)
        assert driver.execute_script(CAMERA, plot) != before, "the figure has not turned"
        pictures += [(end - start) / 1e3 for start, end in pairwise(frames)]
    median = statistics.median(pictures)
    print(f"turning {what}: {median * 1e3:.0f} ms per picture, the slowest one {max(pictures) * 1e3:.0f} ms")
    return median


def mouse(driver: Any, kind: str, x: float, y: float) -> None:
    event = {"type": kind, "x": x, "y": y, "button": "left", "buttons": 1, "clickCount": 1}
    driver.execute_cdp_cmd("Input.dispatchMouseEvent", event)


def write_pages(folder: Path, lut: Lut) -> None:
    """Write the LUT, the report of a run without networks, and plotly's own page of the same front."""
    lut.save(folder / LUT)
    front = qabwnas.Frontier.build(lut, METRICS)
    run = RunContent("paper", Results("none", "accuracy", 0, 0, []), front, lut, METRICS[0], [], [], {}, "{}", {}, {})
    write_report([run], folder / "report.html")
    plot_pareto_front(front).update_traces(marker_symbol="circle").write_html(folder / "plain.html", div_id="plain")


def main() -> None:
    lut = paper_lut()
    with tempfile.TemporaryDirectory() as name, browser() as driver:
        folder = Path(name)
        write_pages(folder, lut)
        driver.set_script_timeout(PATIENCE)
        with explorer(folder) as address:
            driver.get(address)
            until(driver, "return document.querySelectorAll('#figure .overlay circle').length")
            print_moves("slider of the explorer, front in 2-D", moves_in_explorer(driver, lut))
            choose_third_axis(driver, METRICS[2])
            print_moves("slider of the explorer, front in 3-D", moves_in_explorer(driver, lut))
            print_turns(driver, "in the explorer", EXPLORED)
        started = time.perf_counter()
        driver.get((folder / "report.html").as_uri())
        until(driver, "return document.querySelector('.best').dataset.point")
        size = (folder / "report.html").stat().st_size
        print(f"report: {size / 1e6:.1f} MB, loaded after {time.perf_counter() - started:.1f} s")
        print_moves("slider of the report", moves_in_report(driver, lut))
        ours = print_turns(driver, "in the report", REPORTED)
        driver.get((folder / "plain.html").as_uri())
        plain = print_turns(driver, "plotly's own page", PLAIN)
        print(f"plotly's own page takes {plain / ours:.1f} times as long per picture; load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
