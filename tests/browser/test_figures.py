"""Figures in a real browser: they load from a file, without errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qabwnas.visualization import plot_pareto_front
from tests.browser.conftest import console_errors
from tests.visualization.fronts import small_front


def test_fronts_are_drawn_without_errors(tmp_path: Path, browser: Any) -> None:
    for metrics in (("nsr", "size_bytes"), ("nsr", "size_bytes", "macs")):
        path = tmp_path / f"{len(metrics)}.html"
        plot_pareto_front(small_front(*metrics)).write_html(path)
        browser.get(path.as_uri())
        assert browser.execute_script("return document.querySelector('.plotly-graph-div').data.length") >= 3
    assert console_errors(browser) == []


def test_errors_are_seen(tmp_path: Path, browser: Any) -> None:
    (tmp_path / "page.html").write_text("<script>throw new Error('seen')</script>")
    browser.get((tmp_path / "page.html").as_uri())
    (error,) = console_errors(browser)
    assert "seen" in error
