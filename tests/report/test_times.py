"""The picture of times: a bar a method, lighter where it is extrapolated, in the formats of the other pictures."""

from __future__ import annotations

from pathlib import Path

import pytest
from matplotlib.figure import Figure

from qabwnas.errors import InputError
from qabwnas.report.times import Bar, Panel, draw_latencies, draw_times

BARS = [
    Bar("exact search", 1e-4, None, "100 µs", True),
    Bar("brute force", 10.0, 1e8, "10 s of about 3.2 years (extrapolated)", False),
]


def test_a_bar_a_method(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Figure] = []
    save = Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda self, *a, **k: (drawn.append(self), save(self, *a, **k))[1])
    draw_times([Panel("one budget", BARS), Panel("two budgets", BARS[:1])], tmp_path / "times.png")
    assert (tmp_path / "times.png").read_bytes().startswith(b"\x89PNG")
    (figure,) = drawn
    first, second = figure.axes
    assert [bar.get_width() for bar in first.patches] == [1e-4, 1e8, 10.0]
    assert [text.get_text() for text in first.texts] == [bar.remark for bar in BARS]
    assert [label.get_text() for label in first.get_yticklabels()] == ["exact search", "brute force"]
    assert (first.get_xscale(), second.get_xlabel(), len(second.patches)) == ("log", "seconds", 1)
    assert first.get_xlim()[0] < 1e-4 < 1e8 < first.get_xlim()[1]


def test_an_unknown_format_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"times.bmp: pictures are written as .png, .svg, .pdf"):
        draw_times([Panel("one budget", BARS)], tmp_path / "times.bmp")
    assert list(tmp_path.iterdir()) == []


# Latencies


SERIES = {"median": ([1.0, 2.0, 3.0], [1.1, 2.2, 2.9]), "minimum": ([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])}


def test_a_panel_a_series(tmp_path: Path) -> None:
    draw_latencies(SERIES, tmp_path / "both.svg")
    draw_latencies({"median": SERIES["median"]}, tmp_path / "one.svg")
    both, one = ((tmp_path / name).read_text(encoding="utf-8").count('id="axes_') for name in ("both.svg", "one.svg"))
    assert (both, one) == (2, 1)


def test_latencies_in_an_unknown_format_write_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"one.txt: pictures are written as "):
        draw_latencies(SERIES, tmp_path / "one.txt")
    assert list(tmp_path.iterdir()) == []
