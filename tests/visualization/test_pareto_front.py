"""The figure of a front: its series hold the front's totals, in the units that the axes name."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from qabwnas.errors import InputError
from qabwnas.search.frontier import Frontier
from qabwnas.visualization import plot_pareto_front
from qabwnas.visualization.axes import MetricAxis
from qabwnas.visualization.front_points import operations_in, widths_in
from qabwnas.visualization.style import SYMBOL_OF_MANY, style_of
from qabwnas.visualization.thinning import thinned
from tests.visualization.fronts import large_lut, small_front


def shown_points(figure, letters: str) -> set[tuple[float, ...]]:  # type: ignore[no-untyped-def]
    traces = [trace for trace in figure.data if trace.mode == "markers"]
    return {place for trace in traces for place in zip(*(trace[letter] for letter in letters), strict=True)}


def test_all_points_of_two_metrics_are_drawn_with_their_staircase() -> None:
    front = small_front()
    figure = plot_pareto_front(front)
    expected = set(zip(front.values("size_bytes") / 1e3, front.values("nsr"), strict=True))
    assert shown_points(figure, "xy") == expected
    stairs = figure.data[0]
    assert (stairs.line.shape, set(zip(stairs.x, stairs.y, strict=True))) == ("hv", expected)
    assert (figure.layout.xaxis.title.text, figure.layout.yaxis.title.text) == ("size, kB", "NSR")


def test_three_metrics_are_drawn_in_space() -> None:
    front = small_front("nsr", "size_bytes", "macs")
    figure = plot_pareto_front(front)
    names = ("size_bytes", "macs", "nsr")
    scaled = [front.values(name) / factor for name, factor in zip(names, (1e3, 1e3, 1), strict=True)]
    assert shown_points(figure, "xyz") == set(zip(*scaled, strict=True))
    assert {trace.type for trace in figure.data} == {"scatter3d"}
    assert figure.layout.scene.yaxis.title.text == "MACs, thousands"
    flat = plot_pareto_front(front, metrics=["nsr", "macs"])
    assert shown_points(flat, "xy") == set(zip(scaled[1], scaled[2], strict=True))


def test_thousands_of_points_in_space_have_the_symbol_that_is_drawn_fastest() -> None:
    front = Frontier.build(large_lut(), ("nsr", "size_bytes", "macs"))
    teacher = {"INT8": front[0].totals}
    figure = plot_pareto_front(front, teachers=teacher)
    *families, mark = figure.data
    assert sum(len(trace.x) for trace in families) == len(front)
    assert {trace.marker.symbol for trace in families} == {SYMBOL_OF_MANY}
    assert [trace.marker.color for trace in families] == [style_of(trace.name).colour for trace in families]
    few = plot_pareto_front(front, teachers=teacher, max_points=2_000)
    assert [trace.marker.symbol for trace in few.data[:-1]] == [style_of(trace.name).symbol_3d for trace in families]
    assert {mark.marker.symbol, few.data[-1].marker.symbol} == {style_of("teacher").symbol_3d}
    for trace in families:  # a slow browser draws the first points only: they lie all over the series
        some = max(len(trace.x) // 10, 20)
        for values in (trace.x, trace.y, trace.z):
            quarters = np.quantile(values, [0, 0.25, 0.5, 0.75, 1])
            assert np.histogram(values[:some], quarters)[0].min() > some / 10


def test_families_say_homogeneous_or_mixed_and_hovering_says_the_choice() -> None:
    front = small_front()
    figure = plot_pareto_front(front)
    series = {trace.name: trace for trace in figure.data if trace.mode == "markers"}
    assert {"w4a4", "w8a8", "mixed"} == series.keys()
    number = {(x, y): n for n, (x, y) in enumerate(zip(front.values("size_bytes"), front.values("nsr"), strict=True))}
    for family, trace in series.items():
        assert trace.marker.color == style_of(family).colour
        for x, y, text in zip(trace.x, trace.y, trace.text, strict=True):
            point = number[round(x * 1e3), y]
            assert text.startswith(f"point {point}<br>b&lt;1&gt;: ")  # names are no HTML
            bits = {widths_in(words) for words in front[point].descriptions.values()}
            assert family == (bits.pop()[0] if len(bits) == 1 else "mixed")


def test_networks_without_a_total_are_left_out() -> None:
    teachers = {"INT8 <i>": {"nsr": 0.1, "size_bytes": 5e4}, "FP32": {"nsr": 0.0}}
    figure = plot_pareto_front(small_front(), teachers=teachers, references={"mine": small_front()[2].totals})
    marks = {trace.name: (trace.x[0], trace.y[0]) for trace in figure.data if trace.marker.size == 11}
    totals = small_front()[2].totals
    assert marks == {"INT8 &lt;i&gt;": (50.0, 0.1), "mine": (float(totals["size_bytes"]) / 1e3, float(totals["nsr"]))}


@pytest.mark.parametrize("metrics", [["nsr"], "nsr", ["nsr", "nsr"], ["nsr", "time"]])
def test_other_metrics_are_refused(metrics: list[str]) -> None:
    with pytest.raises(InputError, match="metrics: a figure of a front needs|metric 'time' is not in the front"):
        plot_pareto_front(small_front(), metrics=metrics)


@pytest.mark.parametrize(
    ("metric", "largest", "unit", "title", "factor"),
    [
        ("size_bytes", 2e6, "bytes", "size, MB", 1e6),
        ("size_bytes", 999.0, "", "size, bytes", 1.0),
        ("latency_ms[pi <4>]", 12.0, "ms", "latency [pi <4>], ms", 1.0),
        ("macs", 3e9, "", "MACs, billions", 1e9),
        ("energy", 5e4, "J", "energy, J", 1.0),
        ("nsr", 3.0, "", "NSR", 1.0),
    ],
)
def test_axes_have_units(metric: str, largest: float, unit: str, title: str, factor: float) -> None:
    axis = MetricAxis.of(metric, [1.0, largest], unit)
    assert (axis.title, axis.factor) == (title, factor)


def test_texts_of_candidates() -> None:
    assert widths_in("k3e6 k5e3 w4a8") == ("w4a8",)
    assert widths_in("k3e6/w4a4 k5e3/w8a8 k3e6/w4a4") == ("w4a4", "w8a8")
    assert operations_in("k3e6 skip w4a8") == ("k3e6", "skip")
    assert operations_in("k3e6/w4a4 k5e3/w8a8") == ("k3e6", "k5e3")


@given(
    arrays(np.float64, st.tuples(st.integers(1, 60), st.integers(1, 3)), elements=st.floats(-1e6, 1e6)),
    st.integers(1, 30),
)
def test_every_omitted_point_is_near_a_shown_one(columns: np.ndarray, max_points: int) -> None:
    kept = thinned(columns, max_points)
    assert len(kept.points) <= max(max_points, 1)
    spans = columns.max(axis=0) - columns.min(axis=0)
    distance = np.abs(columns[:, None] - columns[kept.points][None]) / np.where(spans > 0, spans, 1)
    assert (distance.max(axis=2).min(axis=1) <= kept.epsilon + 1e-9).all()
    assert bool(kept.statement(len(columns))) == (len(kept.points) < len(columns))
