"""Pictures of fronts: what is drawn, in which formats, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import imread

from qabwnas.errors import InputError
from qabwnas.report.front import Mark, draw_front

COLUMNS = {"nsr": np.array([0.1, 0.4, 0.9]), "size_bytes": np.array([300.0, 200.0, 30.0])}


@pytest.fixture
def panels(monkeypatch: pytest.MonkeyPatch) -> list[Axes]:
    """The panels of the figures that are saved while the test runs."""
    seen: list[Axes] = []
    save = Figure.savefig

    def spy(figure: Figure, *arguments: object, **options: object) -> None:
        seen.extend(figure.axes)
        save(figure, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Figure, "savefig", spy)
    return seen


def test_two_metrics_are_a_staircase_of_all_points(tmp_path: Path, panels: list[Axes]) -> None:
    draw_front(COLUMNS, tmp_path / "front.png")
    (panel,) = panels
    (line,) = panel.lines
    assert line.get_drawstyle() == "steps-post"
    assert line.get_xydata().tolist() == [[30.0, 0.9], [200.0, 0.4], [300.0, 0.1]]  # type: ignore[union-attr]
    assert (panel.get_xlabel(), panel.get_ylabel()) == ("size_bytes", "nsr")
    assert (panel.get_xscale(), panel.get_yscale()) == ("log", "log")
    assert imread(tmp_path / "front.png").shape[2] == 4


def test_marks_are_drawn_where_they_have_both_values(tmp_path: Path, panels: list[Axes]) -> None:
    marks = [Mark("teacher", {"nsr": 0.0, "size_bytes": 500.0}), Mark("unknown", {"nsr": 0.5})]
    draw_front(COLUMNS, tmp_path / "front.png", marks)
    (panel,) = panels
    assert [text.get_text() for text in panel.get_legend().get_texts()] == ["front, 3 points", "teacher"]
    assert panel.lines[1].get_xydata().tolist() == [[500.0, 0.0]]  # type: ignore[union-attr]
    assert panel.get_yscale() == "linear"  # a logarithm would lose the teacher


def test_more_metrics_have_a_panel_each(tmp_path: Path, panels: list[Axes]) -> None:
    draw_front(COLUMNS | {"macs": np.array([1.0, 2.0, 3.0])}, tmp_path / "front.png")
    assert [panel.get_xlabel() for panel in panels] == ["size_bytes", "macs"]
    assert [panel.get_ylabel() for panel in panels] == ["nsr", "nsr"]
    assert all(len(panel.collections[0].get_offsets()) == 3 for panel in panels)


def test_a_single_point_can_be_drawn(tmp_path: Path, panels: list[Axes]) -> None:
    draw_front({"nsr": np.array([0.1]), "size_bytes": np.array([3.0])}, tmp_path / "front.png")
    (panel,) = panels
    assert panel.lines[0].get_marker() == "."


@pytest.mark.parametrize(("suffix", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_the_suffix_says_the_format(tmp_path: Path, suffix: str, start: bytes) -> None:
    draw_front(COLUMNS, tmp_path / f"front.{suffix}")
    assert (tmp_path / f"front.{suffix}").read_bytes().startswith(start)


def test_the_same_front_gives_the_same_picture(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        draw_front(COLUMNS, tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_what_cannot_be_drawn_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a front of two metrics or more"):
        draw_front({"nsr": COLUMNS["nsr"]}, tmp_path / "front.png")
    with pytest.raises(InputError, match="one point or more"):
        draw_front({name: values[:0] for name, values in COLUMNS.items()}, tmp_path / "front.png")
    for name in ("front.doc", "front"):
        with pytest.raises(InputError, match=f"{name}: pictures are written as .png, .svg, .pdf"):
            draw_front(COLUMNS, tmp_path / name)
    assert not list(tmp_path.iterdir())
