"""The picture of scores: three panels, a series a family, teachers as stars, and Kendall's tau."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from qabwnas.errors import InputError
from qabwnas.report.result import Results
from qabwnas.report.scores import draw_scores
from tests.report.test_table import FOUND, POINT, TEACHER

RESULTS = Results("digits", "accuracy", 800, 7, [TEACHER, FOUND, POINT])


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that are saved."""
    found: list[Figure] = []
    save = Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda self, *a, **k: (found.append(self), save(self, *a, **k))[1])
    return found


def test_three_panels_with_a_series_for_each_family(tmp_path: Path, drawn: list[Figure]) -> None:
    draw_scores(RESULTS, tmp_path / "scores.png")
    assert (tmp_path / "scores.png").read_bytes().startswith(b"\x89PNG")
    encoder, whole, noise = drawn[0].axes
    assert [t.get_text() for t in encoder.get_legend().get_texts()] == ["teacher", "under budgets", "w4a4 front"]
    series = [container.lines[0].get_xydata().round(6).tolist() for container in encoder.containers]
    assert series == [[[0.061612, 97.5]], [[0.049, 95.5]]]
    assert whole.containers[1].lines[0].get_xdata().tolist() == pytest.approx([0.05])
    assert noise.containers[1].lines[0].get_xdata().tolist() == pytest.approx([1.1])
    for panel, size in ((encoder, 0.27784), (whole, 2.27784)):
        star = next(line for line in panel.lines if line.get_marker() == "*")
        assert star.get_xydata().tolist() == [[pytest.approx(size), pytest.approx(98.5)]]
        assert [text.get_text() for text in panel.texts] == ["FP32"]
    assert noise.get_title() == "Kendall's τ 1.00 (2 networks; 1: lower NSR always has the higher score)"


def test_a_further_metric_has_a_panel_of_the_networks_whose_total_is_known(tmp_path: Path, drawn: list[Figure]) -> None:
    rows = [TEACHER, replace(FOUND, totals={"latency_ms[pi]": 1.5}), POINT]
    draw_scores(Results("digits", "accuracy", 800, 7, rows), tmp_path / "scores.png")
    _, _, latency, noise = drawn[0].axes
    assert (latency.get_xlabel(), noise.get_xlabel()) == ("latency_ms[pi]", "sum of the blocks' NSRs")
    places = [container.lines[0].get_xdata().tolist() for container in latency.containers]
    assert places == [[1.5], []]
    assert not latency.texts


def test_an_unknown_format_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"scores.bmp: pictures are written as .png, .svg, .pdf"):
        draw_scores(RESULTS, tmp_path / "scores.bmp")
    assert list(tmp_path.iterdir()) == []
