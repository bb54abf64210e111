"""The picture of predicted against measured latencies."""

from __future__ import annotations

from pathlib import Path

import pytest

from qabwnas.errors import InputError
from qabwnas.report.latency import draw_latencies

SERIES = {"median": ([1.0, 2.0, 3.0], [1.1, 2.2, 2.9]), "minimum": ([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])}


def test_a_panel_a_series(tmp_path: Path) -> None:
    draw_latencies(SERIES, tmp_path / "both.svg")
    draw_latencies({"median": SERIES["median"]}, tmp_path / "one.svg")
    both, one = ((tmp_path / name).read_text(encoding="utf-8").count('id="axes_') for name in ("both.svg", "one.svg"))
    assert (both, one) == (2, 1)


def test_an_unknown_format_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"one.txt: pictures are written as "):
        draw_latencies(SERIES, tmp_path / "one.txt")
    assert list(tmp_path.iterdir()) == []
