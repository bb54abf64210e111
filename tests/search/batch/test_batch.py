"""Batches of budgets: every row has the answer of its own search, in any format, by any method and backend."""

from __future__ import annotations

import csv
import os
import tempfile
import threading
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qabwnas
from qabwnas.errors import InputError
from qabwnas.lut.lut import Lut, Metric
from qabwnas.search import select_backend
from qabwnas.search.batch import batch
from qabwnas.search.batch import csv as batch_csv
from qabwnas.search.batch.answers import BatchProgress
from qabwnas.search.batch.batch import answer_batch
from qabwnas.search.model.grid import LARGEST_UNITS
from tests.search import BACKENDS
from tests.search.batch import counts, sizes
from tests.strategies import lut_from_columns, luts

METRICS = [Metric("loss"), Metric("size_bytes", "bytes", fixed=50.0), Metric("latency_ms", "ms")]


def example() -> Lut:
    columns = {
        "loss": [[0.5, 0.25, 0.1], [0.3, 0.2]],
        "size_bytes": [[100.0, 200.0, 400.0], [1000.0, 1500.0]],
        "latency_ms": [[0.1, 0.2, 0.4], [0.2, 0.1]],
    }
    return lut_from_columns(columns, METRICS)


def rows_of(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.reader(stream))


def answered(folder: Path, budgets: str | bytes, lut: Lut | None = None, **options: Any) -> list[list[str]]:
    (folder / "budgets.csv").write_bytes(budgets.encode() if isinstance(budgets, str) else budgets)
    answer_batch(lut or example(), folder / "budgets.csv", folder / "answers.csv", **options)
    return rows_of(folder / "answers.csv")[1:]


@settings(max_examples=20, deadline=None)
@given(lut=luts(min_metrics=2, max_subnets=60), data=st.data())
def test_every_row_is_answered_as_by_a_search(lut: Lut, data: st.DataObject) -> None:
    names = lut.metric_names
    columns = data.draw(st.lists(st.sampled_from(names), unique=True, min_size=1))
    front = qabwnas.Frontier.build(lut, names)
    near = {name: sorted({f"{value:f}" for value in totals_of(front, name)}) for name in columns}
    cells = {name: st.sampled_from(["", "0", "-1e9", *values]) for name, values in near.items()}
    budgets = data.draw(st.lists(st.tuples(*(cells[name] for name in columns)), min_size=1, max_size=6))
    lines = "\n".join([",".join(columns), *map(",".join, budgets), ""])
    with tempfile.TemporaryDirectory() as folder:
        for backend in BACKENDS:
            results = [
                answered(Path(folder), lines, lut, minimize=names[0], method=method, backend=backend)
                for method in ("front", "direct")
            ]
            assert results[0] == results[1]
            for row, cells_of_row in zip(results[0], budgets, strict=True):
                kept = {name: cell or LARGEST_UNITS for name, cell in zip(columns, cells_of_row, strict=True)}
                found = qabwnas.search(lut, minimize=names[0], budgets=kept, backend=backend)
                assert row[0] == found.status
                if found.answers:
                    asked = [names[0], *(name for name in names[1:] if name in columns)]
                    assert row[1 : 1 + len(asked)] == [format(found.answers[0].totals[name], "f") for name in asked]
                    assert row[1 + len(asked) :] == [str(c) for c in found.answers[0].choice.values()]


def totals_of(front: qabwnas.Frontier, name: str) -> list[Decimal]:
    return [front.totals(point)[name] for point in range(len(front))]


def test_a_line_may_hold_all_that_csv_and_quantities_allow(tmp_path: Path) -> None:
    budgets = (
        b"\xef\xbb\xbflatency_ms,size_bytes\r\n"
        b'"0.3",\r\n'
        b"400us,1.3kB\n"
        b" 0.4 , 1250.0000000000000000000000000001\n"
        b"+.4e0,125e1\n"
        b"0.39999999999999999999999,1e300\n"
        b",1149.999\n"
        b","
    )
    assert [row[:4] for row in answered(tmp_path, budgets)] == [
        ["optimal", "0.45", "1750", "0.3"],
        *[["optimal", "0.55", "1250", "0.4"]] * 3,
        ["optimal", "0.45", "1750", "0.3"],
        ["infeasible", "", "", ""],
        ["optimal", "0.3", "1950", "0.5"],
    ]


def test_an_empty_line_of_one_column_is_no_budget(tmp_path: Path) -> None:
    assert [row[1] for row in answered(tmp_path, "size_bytes\n1300\n\n1150")] == ["0.55", "0.3", "0.8"]
    assert answered(tmp_path, "size_bytes\n") == []


def test_parts_do_not_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(2)
    budgets = "size_bytes,latency_ms\n" + "".join(
        f"{size}{unit},{ms:.2f}\n"
        for size, unit, ms in zip(
            generator.integers(1000, 2000, 400), ["", "B"] * 200, generator.uniform(0, 0.6, 400), strict=True
        )
    )
    whole = answered(tmp_path, budgets)
    monkeypatch.setattr(batch_csv, "BYTES_PER_CHUNK", 5)
    monkeypatch.setattr(batch_csv, "MAX_CACHED_LINES", 2)
    assert answered(tmp_path, budgets) == whole
    assert answered(tmp_path, budgets, method="direct") == whole


@pytest.mark.parametrize("backend", BACKENDS)
def test_few_rows_are_searched_directly_even_if_a_front_takes_forever(tmp_path: Path, backend: str) -> None:
    paths = tmp_path / "budgets.csv", tmp_path / "answers.csv"
    paths[0].write_text("size_bytes\n1300\n1149\n1300\n")
    by_front = answer_batch(example(), *paths, method="front", backend=backend)
    assert counts(by_front) == (3, 2, "front", backend, 3)
    answers = paths[1].read_bytes()
    for options in ({}, {"max_memory": 1}, {"max_memory": np.int64(1)}, {"method": "direct"}):
        direct = answer_batch(example(), *paths, backend=backend, **options)  # type: ignore[arg-type]
        assert counts(direct) == (3, 2, "direct", backend, 0)
        assert paths[1].read_bytes() == answers
    with pytest.raises(InputError, match="takes more than 1 bytes"):
        answer_batch(example(), *paths, method="front", max_memory=1, backend=backend)


@pytest.mark.parametrize(
    ("budgets", "message"),
    [
        (b"size_bytes\n1\n\xff\n", "line 3: not UTF-8 text: save it as UTF-8"),
        (b'size_bytes\n"1\n', "line 2: unexpected end of data"),
        (b"size_bytes,latency_ms\n1,2\n\n", "line 3: 1 cells, expected 2"),
        (b"size_bytes\n1\n1e400\n", "line 3: size_bytes: '1e400' is out of range"),
        (b"size_bytes\r1\r", "line 1: new-line character"),
    ],
)
def test_wrong_lines_are_named_and_nothing_is_written(tmp_path: Path, budgets: bytes, message: str) -> None:
    with pytest.raises(InputError, match=rf"budgets\.csv: {message}"):
        answered(tmp_path, budgets)
    assert [path.name for path in tmp_path.iterdir()] == ["budgets.csv"]


def test_wrong_calls_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = tmp_path / "budgets.csv", tmp_path / "answers.csv"
    paths[0].write_text("size_bytes\n1300\n")
    with pytest.raises(InputError, match="method: 'best' is not one of auto, front, direct"):
        answer_batch(example(), *paths, method="best")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="a front cannot be searched directly: give the LUT"):
        answer_batch(qabwnas.Frontier.build(example(), ["loss", "size_bytes"]), *paths, method="direct")
    with pytest.raises(InputError, match=r"answers\.txt: the name ends in neither \.csv nor \.parquet"):
        answer_batch(example(), paths[0], tmp_path / "answers.txt")
    monkeypatch.setattr(batch, "find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"answers\.parquet: Parquet needs pyarrow: pip install 'qabwnas\[batch\]'"):
        answer_batch(example(), paths[0], tmp_path / "answers.parquet")
    assert [path.name for path in tmp_path.iterdir()] == ["budgets.csv"]


@pytest.mark.parametrize("end", ["", "\n"])
@pytest.mark.parametrize("n_bytes", [1, 7, 100, 1 << 20])
def test_the_number_of_remaining_lines_is_estimated_from_their_length(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n_bytes: int, end: str
) -> None:
    monkeypatch.setattr(batch_csv, "BYTES_PER_CHUNK", n_bytes)
    path = tmp_path / "budgets.csv"
    path.write_text("size_bytes\n" + "1234\n" * 49 + "1234" + end)
    with path.open("rb") as stream:
        budgets = batch_csv.read_budgets(path, stream)
        n_given = 0
        for units in budgets.units([sizes()], select_backend()):
            n_given += len(units)
            assert budgets.n_remaining == 50 - n_given
    assert n_given == 50


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes")
def test_budgets_may_come_from_a_pipe(tmp_path: Path) -> None:
    path = tmp_path / "budgets.csv"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_text, args=("size_bytes\n1300\n\n1150\n",))
    writer.start()
    reports: list[BatchProgress] = []
    result = answer_batch(example(), path, tmp_path / "answers.csv", progress=reports.append)
    writer.join()
    assert (result.n_budgets, result.n_optimal) == (3, 3)
    assert {progress.n_rows for progress in reports} == {None}


def test_a_front_as_csv(tmp_path: Path) -> None:
    front = qabwnas.Frontier.build(example(), ["loss", "size_bytes", "latency_ms"])
    front.save_csv(tmp_path / "front.csv")
    assert rows_of(tmp_path / "front.csv")[1:] == [
        [*(format(total, "f") for total in front.totals(i).values()), *map(str, front.choice(i).values())]
        for i in range(len(front))
    ]
