"""The page of a run in a real browser: sliders give what a search gives, digit for digit; nothing fails or runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import qabwnas
from qabwnas.lut.lut import Lut, Metric
from qabwnas.search.frontier import Frontier
from qabwnas.visualization.page.embedded_front import embedded_front
from qabwnas.visualization.page.report import write_report
from tests.browser.conftest import console_errors
from tests.strategies import lut_from_columns
from tests.visualization.fronts import small_lut
from tests.visualization.runs import small_run

SECONDS = 60
ANSWER = """
const best = document.querySelector(".best");
const rows = (name) => Object.fromEntries([...best.querySelectorAll(`[data-${name}]`)].map(
    (row) => [row.dataset[name], [...row.children].map((cell) => cell.textContent)]));
return {point: Number(best.dataset.point), metrics: rows("metric"), blocks: rows("block"), text: best.textContent};
"""
# The points that the page's functions find for rows of budgets, given as texts for the metrics after the objective.
FOUND = """
const front = frontOf(0);
return arguments[0].map((texts) => {
  const limits = [null, ...texts.map((text, m) => {
    const metric = front.metrics[m + 1];
    return comparable(metric, parsed(text, metric.decimals));
  })];
  const point = bestPoint(front, limits);
  return point < 0 ? front.metrics.slice(1).map((metric, m) => {
    const least = smallest(front, limits, m + 1);
    return least === null ? null : decimalText(least, metric.decimals);
  }) : front.metrics.map((metric) => decimalText(metric.units[point], metric.decimals));
});
"""

MARK = """
const last = arguments[0].data.at(-1);
return last.name === "within the budgets" && [last.x, last.y, last.z];
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("page") / "report.html"
    write_report([small_run()], path)
    return path.as_uri()


def wait(browser: Any, holds: Callable[[Any], Any]) -> Any:
    from selenium.webdriver.support.wait import WebDriverWait

    return WebDriverWait(browser, SECONDS, poll_frequency=0.05).until(holds)


def inputs(browser: Any, m: int) -> tuple[Any, Any]:
    slider, field = browser.find_elements("css selector", f'[data-metric="{m}"] input')
    return slider, field


def settled(browser: Any) -> dict[str, Any]:
    """The answer after the page has had a frame to give it."""
    browser.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(() => arguments[0]()))")
    answer: dict[str, Any] = browser.execute_script(ANSWER)
    return answer


def type_in(field: Any, text: str) -> None:
    field.clear()
    field.send_keys(text)


def check(shown: dict[str, Any], found: qabwnas.SearchResult) -> None:
    """Compare what the page shows with a search, digit for digit."""
    (answer,) = found.answers
    assert {name: Decimal(cells[1]) for name, cells in shown["metrics"].items()} == answer.totals
    assert all("e" not in cells[1].lower() for cells in shown["metrics"].values())
    assert {block: int(cells[1]) for block, cells in shown["blocks"].items()} == answer.choice
    assert {block: cells[2] for block, cells in shown["blocks"].items()} == answer.descriptions


def test_sliders_and_fields_give_what_a_search_gives(page: str, browser: Any) -> None:
    from selenium.webdriver.common.keys import Keys

    browser.get(page)
    lut = small_lut()
    shown = settled(browser)
    (size, size_field), (_, macs_field) = inputs(browser, 1), inputs(browser, 2)

    def searched() -> qabwnas.SearchResult:
        budgets = {"size_bytes": size_field.get_property("value"), "macs": macs_field.get_property("value")}
        return qabwnas.search(lut, minimize="nsr", budgets=budgets)

    check(shown, searched())
    before = size_field.get_property("value")
    for _ in range(3):
        size.send_keys(Keys.ARROW_LEFT)  # the keyboard moves a slider
    assert Decimal(size_field.get_property("value")) < Decimal(before)
    check(settled(browser), searched())
    type_in(size_field, "4.25e4")
    type_in(macs_field, "9000.5")
    check(settled(browser), searched())
    assert console_errors(browser) == []


def test_budgets_that_nothing_fits_say_what_would(page: str, browser: Any) -> None:
    browser.get(page)
    type_in(inputs(browser, 1)[1], "10")
    shown = settled(browser)
    found = qabwnas.search(
        small_lut(), minimize="nsr", budgets={"size_bytes": 10, "macs": inputs(browser, 2)[1].get_property("value")}
    )
    assert shown["point"] == -1
    assert f"size_bytes: at least {found.smallest['size_bytes']}" in shown["text"]
    assert "macs: no budget alone is enough" in shown["text"]
    type_in(inputs(browser, 1)[1], "much")
    assert inputs(browser, 1)[1].get_attribute("aria-invalid") == "true"
    assert console_errors(browser) == []


def test_a_thinned_front_says_how_far_its_answer_may_be_from_the_best(
    tmp_path: Path, browser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    thin = partial(embedded_front, max_points=8)
    monkeypatch.setattr("qabwnas.visualization.page.report.embedded_front", thin)
    write_report([small_run()], tmp_path / "report.html")
    browser.get((tmp_path / "report.html").as_uri())
    content = thin(small_run().front, small_lut())
    assert 0 < content["epsilon"] < 1
    said = f"its objective is at most {100 * content['epsilon']:g} % above the best."
    assert said in settled(browser)["text"]
    assert console_errors(browser) == []


def test_figures_are_drawn_and_the_best_point_is_marked(page: str, browser: Any) -> None:
    browser.get(page)
    for plot in browser.find_elements("css selector", ".plot"):
        browser.execute_script("arguments[0].scrollIntoView()", plot)
        wait(browser, lambda _, plot=plot: browser.execute_script("return arguments[0].data !== undefined", plot))
    front = browser.find_element("css selector", ".plot[data-front]")
    mark = (
        "const last = arguments[0].data.at(-1); return last.name === 'within the budgets' && [last.x, last.y, last.z]"
    )
    marked = wait(browser, lambda _: browser.execute_script(mark, front))
    totals = {name: float(cells[1]) for name, cells in settled(browser)["metrics"].items()}
    assert [axis[0] for axis in marked] == pytest.approx(
        [totals["size_bytes"] / 1e3, totals["macs"] / 1e3, totals["nsr"]]
    )
    hover = browser.execute_script("return arguments[0].data.find((trace) => trace.customdata).text[0]", front)
    assert hover.startswith("point ")
    assert "b&lt;1&gt;: k" in hover
    assert console_errors(browser) == []


def test_nothing_is_loaded_and_a_narrow_window_does_not_overflow(page: str, browser: Any) -> None:
    browser.get(page)
    browser.set_window_size(400, 800)
    assert browser.execute_script("return performance.getEntriesByType('resource').length") == 0
    wide = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert browser.execute_script(wide) <= 1
    assert console_errors(browser) == []


def huge_lut() -> Lut:
    """Totals beyond 2^53, which doubles do not hold, with ties in the objective."""
    rng = np.random.default_rng(2)
    large = [(rng.integers(1, 99, 9) * 10**15 + rng.integers(0, 9, 9)).tolist() for _ in range(2)]
    columns = {
        "macs": large,
        "loss": [rng.integers(1, 5, 9).tolist() for _ in range(2)],
        "size_bytes": [(rng.integers(1, 99, 9) / 8).tolist() for _ in range(2)],
    }
    metrics = [Metric("macs"), Metric("loss"), Metric("size_bytes", "bytes")]
    return lut_from_columns(columns, metrics)  # type: ignore[arg-type]


HUGE = huge_lut()


@pytest.mark.parametrize(
    ("lut", "metrics"),
    [(small_lut(), ("nsr", "macs", "size_bytes")), (HUGE, ("loss", "size_bytes", "macs"))],
    ids=["doubles", "beyond 2^53"],
)
def test_many_budgets_have_the_answers_of_a_search(
    lut: Lut, metrics: tuple[str, ...], tmp_path: Path, browser: Any
) -> None:
    front = Frontier.build(lut, metrics)
    kinds = {metric["units"]["type"] for metric in embedded_front(front, lut)["metrics"]}
    assert ("int64" in kinds) == (lut is HUGE)
    content = replace(small_run(), lut=lut, front=front, counts=[], explanations={})
    write_report([content], tmp_path / "report.html")
    browser.get((tmp_path / "report.html").as_uri())
    rng = np.random.default_rng(3)
    rows = []
    for _ in range(100):
        totals = [front.totals(int(rng.integers(len(front)))) for _ in metrics]
        shift = [Decimal(int(rng.integers(-1, 2))) / 10**6 for _ in metrics]
        rows.append([f"{of[name] + by:f}" for of, name, by in zip(totals[1:], metrics[1:], shift[1:], strict=True)])
    for texts, found in zip(rows, browser.execute_script(FOUND, rows), strict=True):
        budgets = dict(zip(metrics[1:], map(Decimal, texts), strict=True))
        result = qabwnas.search(lut, minimize=metrics[0], budgets=budgets)
        if result.answers:
            totals = dict(zip(metrics, map(Decimal, found), strict=True))
            assert totals == {name: result.answers[0].totals[name] for name in metrics}
        else:
            least = [None if text is None else Decimal(text) for text in found]
            assert dict(zip(metrics[1:], least, strict=True)) == result.smallest
