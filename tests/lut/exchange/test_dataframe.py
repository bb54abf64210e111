"""LUTs from DataFrames, Series, arrays and open files: exact, saved, and searched."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import qabwnas
from qabwnas.errors import InputError
from qabwnas.lut.lut import Lut, LutBlock, Metric, Table
from tests.lut.strategies import assert_equal

LARGE = 2**60 + 1  # no double holds it
TEXT = f"""block,candidate,loss,size_bytes
stem,k3,0.1,{LARGE}
stem,k5,0.25,7
tail,k3,0.5,
"""


def pandas_frame() -> Any:
    pandas = pytest.importorskip("pandas")
    return pandas.DataFrame(
        {
            "block": ["stem", "stem", "tail"],
            "candidate": ["k3", "k5", "k3"],
            "loss": np.array([0.1, 0.25, 0.5], dtype=np.float32),
            "size_bytes": pandas.Series([LARGE, 7, None], dtype="Int64"),
        }
    )


def polars_frame() -> Any:
    polars = pytest.importorskip("polars")
    columns = {
        "block": ["stem", "stem", "tail"],
        "candidate": ["k3", "k5", "k3"],
        "loss": [0.1, 0.25, 0.5],
        "size_bytes": [LARGE, 7, None],
    }
    return polars.DataFrame(columns, schema_overrides={"loss": polars.Float32})


@pytest.mark.parametrize("frame_of", [pandas_frame, polars_frame])
def test_a_dataframe_is_its_csv(tmp_path: Path, frame_of: Callable[[], Any]) -> None:
    lut = Lut.from_dataframe(frame_of(), fixed={"size_bytes": "1.5MB"})
    assert_equal(lut, Lut.from_csv(io.StringIO(TEXT), fixed={"size_bytes": 1_500_000}))
    assert lut.block("stem").column("size_bytes").tolist() == [LARGE, 7]
    lut.save(tmp_path / "lut.h5")
    (answer,) = qabwnas.search(Lut.open(tmp_path / "lut.h5"), minimize="loss").answers
    assert (str(answer.objective), answer.choice) == ("0.6", {"stem": 0, "tail": 0})


@pytest.mark.parametrize("is_lazy", [False, True])
def test_types_of_polars(is_lazy: bool) -> None:
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame(
        {
            "block": polars.Series(["stem", "stem", "tail"], dtype=polars.Categorical),
            "candidate": polars.Series([0, 1, 0], dtype=polars.UInt8),
            "loss": polars.Series([Decimal("0.1"), Decimal("0.25"), Decimal("0.50")]),
            "top1": [0.5, math.nan, 0.25],
        }
    )
    lut = Lut.from_dataframe(frame.lazy() if is_lazy else frame, higher_is_better=["top1"])
    assert lut.block("stem").column("loss").tolist() == [0.1, 0.25]
    measured = lut.block("stem").measured("top1")
    assert measured is not None
    assert measured.tolist() == [True, False]
    assert [metric.higher_is_better for metric in lut.metrics] == [False, True]


def test_other_frames_are_refused() -> None:
    polars = pytest.importorskip("polars")
    for wrong in (polars.Series([1, 2]), {"block": ["a"]}, [[1]]):
        with pytest.raises(InputError, match="is not a DataFrame of pandas or polars"):
            Lut.from_dataframe(wrong)


def test_an_index_with_names_is_columns() -> None:
    frame = pandas_frame()
    assert_equal(Lut.from_dataframe(frame.set_index(["block", "candidate"])), Lut.from_dataframe(frame))
    renamed = frame.rename(columns={"block": "stage", "size_bytes": "size"})
    assert_equal(Lut.from_dataframe(renamed, block="Stage", units={"size": "bytes"}), Lut.from_dataframe(frame))


def test_arrays() -> None:
    lut = Lut.from_arrays(
        {
            "stem": {"loss": np.array([0.1, 0.25], dtype=np.float32), "size_bytes": [LARGE, 7]},
            "tail": {"loss": [0.5], "size_bytes": np.ma.masked_equal([0], 0)},
        },
        descriptions={"stem": ["k3", "k5"], "tail": ["k3"]},
    )
    assert_equal(lut, Lut.from_csv(io.BytesIO(TEXT.encode())))


def test_series_are_columns(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    table = Table(
        {
            "int": pandas.Series([LARGE, 2], index=[7, 3]),
            "nullable": pandas.Series([1, 2], dtype="Int64"),
            "short": pandas.Series([0.1, 0.2], dtype="float32"),
        },
        descriptions=pandas.Series(["k3", "k5"]),
    )
    lut = Lut((Metric("int"), Metric("nullable"), Metric("short")), (LutBlock("b", (table,)),))
    lut.save(tmp_path / "lut.h5")
    again = Lut.open(tmp_path / "lut.h5")
    assert [again.block("b").column(name).tolist() for name in lut.metric_names] == [[LARGE, 2], [1, 2], [0.1, 0.2]]
    assert again.describe("b", 1) == "k5"
    nullable = pandas.Series([1, None], dtype="Int64")
    assert Lut.from_arrays({"b": {"loss": nullable}}).block("b").measured("loss").tolist() == [True, False]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Lut.from_dataframe([1]), r"\[1\] is not a DataFrame of pandas or polars"),
        (
            lambda: Lut.from_dataframe(pandas_frame().assign(notes="slow")),
            "the DataFrame: row 1: notes: 'slow' is not a decimal number: --ignore 'notes' leaves the column out",
        ),
        (lambda: Lut.from_dataframe(pandas_frame().drop(columns="block")), "the DataFrame: there is no column 'block'"),
        (lambda: Lut.from_dataframe(pandas_frame(), fixed={"loss": "1MB"}), "loss: '1MB' has a unit, but"),
        (lambda: Lut.from_arrays({"a": {"loss": ["x"]}}), r"columns: \['x'\] is not an array of numbers"),
        (lambda: Lut.from_arrays({"a": {"loss": [1], "x": [1, 2]}}), "a: metric 'x': 2 for the 1 rows of 'loss'"),
        (lambda: Lut.from_arrays({"a": {"loss": [1]}, "b": {"x": [1]}}), "b: the metric 'loss' has no column"),
        (lambda: Lut.from_arrays({"a": {"loss": [1]}}, descriptions={"b": ["k"]}), "there is no block 'b' among a"),
        (lambda: Lut.from_csv(3), "3 is neither a path nor an open file"),  # type: ignore[arg-type]
        (lambda: Lut.from_csv("t.csv", ignore="notes"), "ignore: 'notes' is not a list of texts"),
        (lambda: Lut.from_csv("t.csv", decimal=".", thousands="."), "decimal= and thousands= are both '.'"),
    ],
)
def test_errors(call: Callable[[], Lut], message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()
