"""Figures as files: formats, a missing browser, and nothing half written."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from qabwnas.errors import InputError
from qabwnas.visualization import plot_pareto_front, save_figure
from tests.visualization.fronts import small_front


def test_a_page_needs_no_browser_and_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROWSER_PATH", str(tmp_path / "none"))
    save_figure(plot_pareto_front(small_front()), tmp_path / "front.html")
    save_figure(plot_pareto_front(small_front()), tmp_path / "again.html")
    page = (tmp_path / "front.html").read_text(encoding="utf-8")
    assert page == (tmp_path / "again.html").read_text(encoding="utf-8")
    assert 'src="http' not in page
    assert "</html>" in page


def test_a_picture_without_a_browser_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROWSER_PATH", str(tmp_path / "none"))
    with pytest.raises(InputError, match="front.png: a picture needs Chrome or Chromium.*or write .html"):
        save_figure(plot_pareto_front(small_front()), tmp_path / "front.png")
    assert list(tmp_path.iterdir()) == []


def test_other_formats_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the name should end in .html, .png, .svg or .pdf"):
        save_figure(plot_pareto_front(small_front()), tmp_path / "front.bmp")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(
    not any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), reason="needs Chrome or Chromium"
)
def test_pictures_are_drawn_by_a_browser(tmp_path: Path) -> None:
    for suffix, start in (("png", b"\x89PNG"), ("svg", b"<svg"), ("pdf", b"%PDF")):
        save_figure(plot_pareto_front(small_front()), tmp_path / f"front.{suffix}")
        assert (tmp_path / f"front.{suffix}").read_bytes().startswith(start)
