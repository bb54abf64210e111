"""Batches in Parquet: all types of budget columns, exact totals, and errors in one line."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import qabwnas
from qabwnas.errors import InputError
from qabwnas.lut.lut import Lut, Metric
from qabwnas.search import select_backend
from qabwnas.search.batch.batch import answer_batch
from tests.search import BACKENDS
from tests.search.batch import counts, sizes
from tests.search.batch.test_batch import example, rows_of
from tests.strategies import lut_from_columns

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")
batch_parquet = pytest.importorskip("qabwnas.search.batch.parquet")


def losses(folder: Path, column: Any, name: str = "size_bytes", lut: Lut | None = None) -> list[Decimal | None]:
    """The best losses within a column of budgets."""
    pq.write_table(pa.table({name: column}), folder / "budgets.parquet")
    answer_batch(lut or example(), folder / "budgets.parquet", folder / "answers.parquet")
    found: list[Decimal | None] = pq.read_table(folder / "answers.parquet")["loss"].to_pylist()
    return found


BEST, GOOD, WORST = Decimal("0.3"), Decimal("0.55"), Decimal("0.8")


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array([1300, None, 1149, 2**62, -(2**63)]), [GOOD, BEST, None, BEST, None]),
        (pa.array([1300, None, 1150], pa.int16()), [GOOD, BEST, WORST]),
        (pa.array([1300, 2**64 - 1], pa.uint64()), [GOOD, BEST]),
        (pa.array([1300.0, None, np.nan, np.inf, -np.inf, 1149.9]), [GOOD, BEST, BEST, BEST, None, None]),
        (pa.array([Decimal("1250.00"), None, Decimal("1249.99")], pa.decimal128(20, 2)), [GOOD, BEST, WORST]),
        (pa.array(["1.3kB", "", None, "1150", "1149.9999999999999999999999"]), [GOOD, BEST, BEST, WORST, None]),
        (pa.array(["1.3kB", "1150", "1.3kB"]).dictionary_encode(), [GOOD, WORST, GOOD]),
        (pa.array(["1.3kB"], pa.large_string()), [GOOD]),
        (pa.nulls(2), [BEST, BEST]),
        (pa.array([], pa.int64()), []),
    ],
)
def test_columns_of_every_type(tmp_path: Path, column: Any, expected: list[Decimal | None]) -> None:
    assert losses(tmp_path, column) == expected


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("method", ["front", "direct"])
def test_parquet_and_csv_hold_the_same(tmp_path: Path, backend: str, method: Any) -> None:
    budgets = {"latency_ms": [0.3, None, 0.4, None], "size_bytes": [None, 1149, 1300, None]}
    pq.write_table(pa.table(budgets), tmp_path / "budgets.parquet")
    (tmp_path / "budgets.csv").write_text("latency_ms,size_bytes\n0.3,\n,1149\n0.4,1300\n,\n")
    for read in ("csv", "parquet"):
        for written in ("csv", "parquet"):
            paths = tmp_path / f"budgets.{read}", tmp_path / f"{read}.{written}"
            result = answer_batch(example(), *paths, method=method, backend=backend)
            assert counts(result) == (4, 3, method, backend, 4 if method == "front" else 0)
        table = pq.read_table(tmp_path / f"{read}.parquet")
        header, *rows = rows_of(tmp_path / f"{read}.csv")
        assert table.column_names == header
        columns = [
            ["" if value is None else format(value.normalize(), "f") if isinstance(value, Decimal) else str(value)
             for value in column.to_pylist()]
            for column in table.columns
        ]  # fmt: skip
        assert [list(row) for row in zip(*columns, strict=True)] == rows


def test_parts_of_a_file_know_what_is_behind_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_parquet, "ROWS_PER_CHUNK", 40)
    pq.write_table(pa.table({"size_bytes": np.arange(1000, 1100)}), tmp_path / "budgets.parquet")
    with (tmp_path / "budgets.parquet").open("rb") as stream:
        budgets = batch_parquet.read_budgets(tmp_path / "budgets.parquet", stream)
        assert [budgets.n_remaining for _ in budgets.units([sizes()], select_backend())] == [60, 20, 0]


def test_negative_and_long_totals_are_exact(tmp_path: Path) -> None:
    metrics = [Metric("loss"), Metric("size_bytes")]
    lut = lut_from_columns({"loss": [[-1.234567890123456, 4e17]], "size_bytes": [[2.0, 1.0]]}, metrics)
    found = qabwnas.search(lut, budgets={"size_bytes": 2}).answers[0].totals["loss"]
    assert losses(tmp_path, pa.array([2]), lut=lut) == [found]
    tiny = lut_from_columns({"loss": [[1e-40, 3e-40]], "size_bytes": [[2.0, 1.0]]}, metrics)
    with pytest.raises(InputError, match="metric 'loss': totals of 58 decimals do not fit the 38 of Parquet"):
        losses(tmp_path, pa.array([2]), lut=tiny)


@pytest.mark.parametrize(
    ("column", "name", "message"),
    [
        (pa.array(["1", "2", "many"]), "size_bytes", "row 3: size_bytes: 'many' is not a number"),
        (pa.array([True]), "size_bytes", "column 'size_bytes': the type bool is none of whole numbers, double"),
        (pa.array([1.0], pa.float32()), "size_bytes", "column 'size_bytes': the type float is none of"),
        (pa.array([1]), "", "schema: expected the names of the budgeted metrics"),
    ],
)
def test_wrong_columns_are_named(tmp_path: Path, column: Any, name: str, message: str) -> None:
    with pytest.raises(InputError, match=rf"budgets\.parquet: {message}"):
        losses(tmp_path, column, name)
    assert [path.name for path in tmp_path.iterdir()] == ["budgets.parquet"]


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    paths = tmp_path / "budgets.parquet", tmp_path / "answers.csv"
    paths[0].write_bytes(b"PAR1 and nothing else")
    with pytest.raises(InputError, match=r"budgets\.parquet: not a Parquet file, or damaged: "):
        answer_batch(example(), *paths)
    table = pa.table({"size_bytes": np.arange(1000)})
    pq.write_table(table, paths[0], compression="gzip", use_dictionary=False)
    content = bytearray(paths[0].read_bytes())
    content[40:200] = bytes(160)
    paths[0].write_bytes(content)
    with pytest.raises(InputError, match=r"budgets\.parquet: damaged after row 0: "):
        answer_batch(example(), *paths)
    assert [path.name for path in tmp_path.iterdir()] == ["budgets.parquet"]
