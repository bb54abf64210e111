"""The other figures: their traces hold the values of the table, front or results that they show."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qabwnas.errors import InputError
from qabwnas.lut.lut import Lut, LutBlock, Metric, Table
from qabwnas.report.result import Results
from qabwnas.search.frontier import Frontier
from qabwnas.visualization import (
    plot_candidates,
    plot_choices,
    plot_fronts,
    plot_latency,
    plot_nsr_heatmap,
    plot_parallel_coordinates,
    plot_scores,
    plot_search_times,
    plot_training,
)
from qabwnas.visualization.candidates import pareto_set
from qabwnas.visualization.search_times import Bar, Panel
from qabwnas.visualization.style import SEQUENCE, style_of
from tests.report.test_table import FOUND, NONE, POINT, TEACHER
from tests.strategies import lut_from_columns
from tests.visualization.fronts import WIDTHS, small_front, small_lut

pytestmark = pytest.mark.filterwarnings("error")


# Fronts


def test_parallel_coordinates_have_an_axis_per_metric_and_block() -> None:
    front = small_front()
    (lines,) = plot_parallel_coordinates(front).data
    labels = [axis.label for axis in lines.dimensions]
    assert labels == ["NSR", "size, kB", "b&lt;1&gt;, weight bits", "b2, weight bits"]
    assert lines.dimensions[0]["values"].tolist() == front.values("nsr").tolist()
    assert lines.dimensions[1]["values"].tolist() == (front.values("size_bytes") / 1e3).tolist()
    bits = [4.0 if " w4a4" in answer.descriptions["b2"] else 8.0 for answer in front]
    assert lines.dimensions[3]["values"].tolist() == bits
    assert lines.line.color.tolist() == front.values("nsr").tolist()


def test_large_fronts_are_thinned_and_say_so() -> None:
    front = small_front("nsr", "size_bytes", "macs")
    figure = plot_parallel_coordinates(front, max_points=5)
    assert len(figure.data[0].dimensions[0]["values"]) <= 5
    assert "ε = " in figure.layout.annotations[0].text


def test_choices_along_the_front_are_in_the_order_of_the_metric() -> None:
    front = small_front()
    figure = plot_choices(front)
    operations, bits = (trace for trace in figure.data if trace.type == "heatmap")
    order = np.argsort(front.values("size_bytes"), kind="stable")
    shown = {name: [text.split() for text in texts] for name, texts in zip(operations.y, operations.text, strict=True)}
    for column, point in enumerate(order.tolist()):
        texts = front[point].descriptions
        layers = [shown[f"b&lt;1&gt;.{layer}"][column] for layer in (1, 2)]
        assert layers == [[word] for word in texts["b<1>"].split()[:2]]
        assert shown["b2"][column] == texts["b2"].split()[:1]
        assert [row[column] for row in bits.text] == [text.split()[-1] for text in texts.values()]
    assert bits.customdata[0].tolist() == (front.values("size_bytes")[order] / 1e3).tolist()
    legend = {trace.name: trace.marker.color for trace in figure.data if trace.type == "scatter"}
    assert legend["w4a4"] == style_of("w4a4").colour


def test_choices_need_descriptions() -> None:
    with pytest.raises(InputError, match="does not describe its candidates"):
        plot_choices(replace(small_front(), describe=None))
    plain = Frontier.build(lut_from_columns({"a": [[1.0, 2.0]], "b": [[2.0, 1.0]]}), ["a", "b"])
    figure = plot_choices(plain)  # numbers of candidates are the only words
    assert [trace.text[0][0] for trace in figure.data if trace.type == "heatmap"] == ["#1"]


def test_several_fronts_have_a_series_each() -> None:
    fronts = {"a": small_front(), "b <i>": small_front("nsr", "size_bytes", "macs")}
    figure = plot_fronts(fronts, metrics=["nsr", "size_bytes"])
    assert [trace.name for trace in figure.data] == ["a", "b &lt;i&gt;"]
    for trace, front in zip(figure.data, fronts.values(), strict=True):
        assert trace.y.tolist() == front.values("nsr").tolist()
    with pytest.raises(InputError, match="a figure of several fronts needs two"):
        plot_fronts(fronts, metrics=["nsr"])


# Look-up tables


def test_each_block_has_a_panel_of_all_candidates_and_its_pareto_set() -> None:
    lut = small_lut()
    figure = plot_candidates(lut)
    assert figure.layout.xaxis.title.text == "size, kB"
    for number, block in enumerate(lut.blocks, start=1):
        own = [trace for trace in figure.data if trace.xaxis == f"x{'' if number == 1 else number}"]
        points = {place for trace in own if trace.mode == "markers" for place in zip(trace.x, trace.y, strict=True)}
        values = np.column_stack([block.column("size_bytes") / 1e3, block.column("nsr")])
        assert points == set(map(tuple, values.tolist()))
        (line,) = (trace for trace in own if trace.mode == "lines")
        best = {tuple(row) for row in values.tolist() if not dominated(row, values)}
        assert set(zip(line.x, line.y, strict=True)) == best
    assert {trace.name for trace in figure.data} == {"w4a4", "w8a8", "Pareto set of the block"}


def dominated(row: list[float], values: np.ndarray) -> bool:
    return bool(((values <= row).all(axis=1) & (values < row).any(axis=1)).any())


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=30))
def test_the_pareto_set_is_that_of_the_definition(rows: list[tuple[int, int]]) -> None:
    values = np.array(rows, dtype=np.float64)
    expected = [n for n, row in enumerate(values) if not dominated(row.tolist(), values)]
    first = [n for n in expected if rows.index(rows[n]) == n]
    assert pareto_set(values).tolist() == first


def test_many_blocks_and_rows_are_cut_and_said_so() -> None:
    rng = np.random.default_rng(0)
    columns = {"loss": rng.random((30, 50)).tolist(), "size_bytes": rng.random((30, 50)).tolist()}
    figure = plot_candidates(lut_from_columns(columns), max_points=10)
    words = " ".join(each.text for each in figure.layout.annotations)
    assert "the first 24 of 30 blocks" in words
    assert "of 50 points" in words


def test_candidates_that_were_not_measured_are_left_out() -> None:
    table = Table({"a": [1.0, 2.0, np.nan], "b": [3.0, 1.0, 0.0]}, measured={"a": np.array([True, True, False])})
    figure = plot_candidates(Lut((Metric("a"), Metric("b")), (LutBlock("b", (table,)),)))
    assert figure.data[0].x.tolist() == [3.0, 1.0]
    with pytest.raises(InputError, match="needs two metrics"):
        plot_candidates(lut_from_columns({"a": [[1.0]]}))


def test_the_heat_map_is_the_mean_over_candidates() -> None:
    lut = small_lut()
    figure = plot_nsr_heatmap(lut)
    assert lut.space is not None
    operations = list(figure.data[0].y)
    for panel, widths in zip(figure.data, WIDTHS, strict=True):
        assert list(panel.x) == ["b&lt;1&gt;.1", "b&lt;1&gt;.2", "b2.1"]
        for column, (b, layer) in enumerate(((0, 0), (0, 1), (1, 0))):
            table = next(table for table in lut.blocks[b].tables if table.widths == widths)
            for number, name in enumerate(operations):
                block = lut.space.blocks[b]
                rows = [row for row in range(table.n_rows) if block.decode(row)[layer].name == name]
                assert panel.customdata[number][column] == pytest.approx(table.columns["nsr"][rows].mean())
    with pytest.raises(InputError, match="needs a LUT with a space"):
        plot_nsr_heatmap(lut_from_columns({"nsr": [[1.0]]}))


# Results


def test_scores_have_errors_and_a_panel_per_size_and_metric() -> None:
    rows = [TEACHER, replace(FOUND, totals={"latency_ms[pi]": 1.5}), POINT, NONE]
    figure = plot_scores(Results("digits", "accuracy", 800, 7, rows))
    titles = [figure.layout[f"xaxis{n}"].title.text for n in ("", 2, 3, 4)]
    assert titles == ["encoder, kB", "whole model, MB", "latency [pi], ms", "sum of the blocks' NSRs"]
    encoder = {trace.name: trace for trace in figure.data if trace.xaxis == "x"}
    assert encoder.keys() == {"teacher", "under budgets", "w4a4 front"}
    found = encoder["under budgets"]
    assert (found.x.tolist(), found.y, found.error_y.array) == ([61.612], (97.5,), pytest.approx((0.47,)))
    assert [trace.name for trace in figure.data if trace.xaxis == "x3"] == ["under budgets"]
    noise = {trace.name: trace.x.tolist() for trace in figure.data if trace.xaxis == "x4"}
    assert noise == {"under budgets": [pytest.approx(0.4881)], "w4a4 front": [pytest.approx(1.1)]}
    assert "Kendall's τ 1.00 (2 networks;" in figure.layout.annotations[-1].text


def test_families_keep_their_look_in_all_figures() -> None:
    families = ("mixed", "w8a8", "w6a6", "w4a4", "w4a8", "teacher", "budget", "spos", "fairnas")
    styles = [style_of(family) for family in families]
    assert len(set(styles)) == len(styles)
    assert {style.colour for style in styles} <= set(SEQUENCE)
    results = Results("digits", "accuracy", 800, 7, [TEACHER, FOUND, POINT])
    figures = [plot_scores(results), plot_candidates(small_lut())]
    colours = {trace.marker.color for figure in figures for trace in figure.data if "w4a4" in (trace.name or "")}
    assert colours == {style_of("w4a4").colour}


def test_latencies_have_a_panel_per_series_with_errors() -> None:
    series = {"median": ([1.0, 2.0, 3.0], [1.1, 2.2, 2.9]), "minimum": ([1.0, 2.0, 3.0], [1.0, 3.0, 2.0])}
    figure = plot_latency(series, errors={"median": [0.1, 0.2, 0.1]})
    median, minimum = (trace for trace in figure.data if trace.mode == "markers")
    assert (median.x, median.y, median.error_y.array) == ((1.0, 2.0, 3.0), (1.1, 2.2, 2.9), (0.1, 0.2, 0.1))
    assert minimum.error_y.array is None
    titles = [each.text for each in figure.layout.annotations]
    assert titles == ["median: Kendall's τ 1.000", "minimum: Kendall's τ 0.333"]
    with pytest.raises(InputError, match="series 'a': 1 predicted and 2 measured"):
        plot_latency({"a": ([1.0], [1.0, 2.0])})
    with pytest.raises(InputError, match="there are no latencies"):
        plot_latency({})


def test_times_have_a_bar_per_method() -> None:
    bars = [
        Bar("exact search", 1e-4, None, "100 µs", True),
        Bar("brute force", 10.0, 1e8, "10 s of about 3.2 years (extrapolated)", False),
    ]
    figure = plot_search_times([Panel("one budget", bars), Panel("two budgets", bars[:1])])
    extrapolated, measured, alone = (trace for trace in figure.data if trace.type == "bar")
    assert (measured.x, measured.y) == ((1e-4, 10.0), ("exact search", "brute force"))
    assert extrapolated.x == (None, 1e8)
    assert alone.x == (1e-4,)
    assert figure.layout.xaxis2.title.text == "seconds"
    with pytest.raises(InputError, match="there are no times"):
        plot_search_times([])


def test_training_curves_are_those_of_the_events(tmp_path: Path) -> None:
    from torch.utils.tensorboard import SummaryWriter

    for name, losses in (("supernet/b1", (3.0, 2.0)), ("teacher", (1.0, 0.5))):
        with SummaryWriter(tmp_path / name) as writer:
            for step, loss in enumerate(losses, start=1):
                writer.add_scalar("loss", loss, step * 50)
                writer.add_scalar("steps per second", 9.0, step * 50)
    figure = plot_training(tmp_path)
    curves = {trace.name: (trace.x, trace.y) for trace in figure.data}
    assert curves == {"supernet/b1": ((50, 100), (3.0, 2.0)), "teacher": ((50, 100), (1.0, 0.5))}
    assert figure.layout.yaxis.title.text == "loss"
    with pytest.raises(InputError, match="holds no events of trainings"):
        plot_training(tmp_path / "supernet" / "b2")
