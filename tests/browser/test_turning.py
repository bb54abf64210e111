"""Fronts of thousands of points in 3-D: where pictures come slowly, fewer points are drawn during a turn."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from qabwnas.search.frontier import Frontier
from qabwnas.visualization import plot_pareto_front, save_figure
from qabwnas.visualization.page.report import write_report
from tests.browser.conftest import console_errors
from tests.visualization.fronts import large_lut
from tests.visualization.runs import small_run

METRICS = ("nsr", "size_bytes", "macs")
SECONDS = 60
# Vertices that plotly would draw now, in all.
VERTICES = """
const traces = (plot) => plot._fullLayout.scene._scene.glplot.objects;
const vertices = (plot) => traces(plot).reduce((sum, trace) => sum + trace.vertexCount, 0);
"""
DRAWN = "return Boolean(arguments[0]._fullLayout?.scene?._scene)"
# Slow pictures, and what is drawn at each move.
WATCH = f"""
{VERTICES}
window.requestAnimationFrame = (draw) => setTimeout(() => draw(performance.now()), 80);
window.seen = [];
arguments[0].on("plotly_relayouting", () => window.seen.push(vertices(arguments[0])));
return vertices(arguments[0]);
"""
CAMERA = "return arguments[0].layout.scene.camera.eye"


def front() -> Frontier:
    return Frontier.build(large_lut(), METRICS)


def write_figure(path: Path) -> None:
    save_figure(plot_pareto_front(front()), path)


def write_page(path: Path) -> None:
    write_report([replace(small_run(), lut=large_lut(), front=front(), counts=[], explanations={})], path)


def wait(browser: Any, holds: str, plot: Any) -> None:
    from selenium.webdriver.support.wait import WebDriverWait

    WebDriverWait(browser, SECONDS, poll_frequency=0.05).until(lambda _: browser.execute_script(holds, plot))


@pytest.mark.parametrize(("write", "selector"), [(write_figure, "#figure"), (write_page, ".plot[data-front]")])
def test_some_points_are_drawn_during_a_slow_turn_and_all_after_it(
    write: Any, selector: str, tmp_path: Path, browser: Any
) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    write(tmp_path / "page.html")
    browser.get((tmp_path / "page.html").as_uri())
    plot = browser.find_element("css selector", selector)
    browser.execute_script("arguments[0].scrollIntoView()", plot)
    wait(browser, DRAWN, plot)
    everything, before = browser.execute_script(WATCH, plot), browser.execute_script(CAMERA, plot)
    turn = ActionChains(browser, duration=50).move_to_element(plot).click_and_hold()
    for _ in range(8):
        turn.move_by_offset(10, 3)
    turn.release().perform()
    wait(browser, f"{VERTICES} return vertices(arguments[0]) === {everything}", plot)
    fewest = min(browser.execute_script("return window.seen"))
    assert 0.9 * 20_000 < fewest < 20_000 + 5_000, "plotly counts vertices in another way"
    assert everything > 4 * fewest
    assert browser.execute_script(CAMERA, plot) != before
    assert console_errors(browser) == []
