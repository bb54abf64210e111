"""The LUT in memory: candidate numbers through tables, and errors."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from qabwnas.errors import InputError
from qabwnas.lut.lut import Lut, LutBlock, Metric, Table
from qabwnas.space import BitWidths
from tests.spaces import TINY

W4, W8 = BitWidths(4, 4), BitWidths(8, 8)


def table(n_rows: int, widths: BitWidths | None = None, first: float = 0, **fields: object) -> Table:
    return Table({"loss": np.arange(first, first + n_rows)}, widths, **fields)  # type: ignore[arg-type]


def lut(*tables: Table, name: str = "first", **fields: object) -> Lut:
    return Lut((Metric("loss"),), (LutBlock(name, tables),), **fields)  # type: ignore[arg-type]


def test_candidates_are_numbered_through_the_tables() -> None:
    block = LutBlock("b", (table(3, W4), table(2, W8, first=3)))
    assert block.n_candidates == 5
    assert block.column("loss").tolist() == [0, 1, 2, 3, 4]
    for candidate in range(5):
        found, row = block.locate(candidate)
        assert found.columns["loss"][row] == candidate
    with pytest.raises(InputError, match="b: candidate 5 is not in 0 … 4"):
        block.locate(5)


def test_a_mask_of_one_table_is_one_of_the_block() -> None:
    block = LutBlock("b", (table(2, W4), table(2, W8, measured={"loss": np.array([True, False])})))
    measured = block.measured("loss")
    assert measured is not None
    assert measured.tolist() == [True, True, True, False]
    assert LutBlock("b", (table(2),)).measured("loss") is None


def test_descriptions_come_from_the_source_the_space_or_the_number() -> None:
    assert lut(table(2, W4, descriptions=("a", "b"))).describe("first", 1) == "b w4a4"
    assert lut(table(2)).describe("first", 1) == "#1"
    n_rows = TINY.blocks[0].n_candidates
    assert lut(table(n_rows, W4), table(n_rows, W8), space=TINY).describe("first", n_rows + 1) == "k3e1 k5e2 w8a8"


def test_names_that_are_not_there() -> None:
    with pytest.raises(InputError, match="metric 'nsr' is not in the LUT, which has loss"):
        lut(table(1)).metric("nsr")
    with pytest.raises(InputError, match="first: there is no column 'nsr'; there are loss"):
        lut(table(1)).blocks[0].column("nsr")
    with pytest.raises(InputError, match="block 'b' is not in the LUT, which has first"):
        lut(table(1)).block("b")


def test_invalid_luts_are_refused() -> None:
    one = LutBlock("b", (table(1),))
    wider = LutBlock("c", (Table({"loss": np.ones(1), "ms": np.ones(1)}),))
    loss = (Metric("loss"),)
    for metrics, blocks, message in [
        (loss, (), "at least one block and one metric"),
        ((), (one,), "at least one block and one metric"),
        (loss * 2, (one,), "two metrics are named 'loss'"),
        (loss, (one, one), "two blocks are named 'b'"),
        ((Metric("nsr"),), (one,), "b: the metric 'nsr' has no column"),
        (loss, (one, wider), "c: only one of this table and that of b has a column 'ms'"),
        (loss, (wider, one), "b: only one of this table and that of c has a column 'ms'"),
        (["loss"], (one,), "metrics: 'loss' is not a Metric"),
        ("loss", (one,), "metrics: 'loss' is not a list of Metric"),
        (loss, {"b": one}, "blocks: 'b' is not a LutBlock"),
        (loss, one, "blocks: <LutBlock 'b': .*> is not a list of LutBlock"),
    ]:
        with pytest.raises(InputError, match=message):
            Lut(metrics, blocks)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="space: 'tiny' is not a SearchSpace"):
        lut(table(1), space="tiny")
    with pytest.raises(InputError, match="provenance: 5 is not a mapping"):
        lut(table(1), provenance=5)


def test_invalid_blocks_are_refused() -> None:
    nan = Table({"loss": np.array([1.0, np.nan]), "ms": np.ones(2)}, W8)
    for name, tables, message in [
        ("", (table(1),), "a block has no name"),
        (5, (table(1),), "block 5: the name is not a text"),
        ("b", (), "b: no candidates"),
        ("b", table(1), "b: tables: <Table: .*> is not a list of Table"),
        ("b", ({"loss": [1]},), r"b: tables: .* is not a Table"),
        ("b", (table(1), table(0, W4)), "b w4a4: no candidates"),
        ("b", (table(1, W4), table(1, W4)), "b w4a4: two tables have the same bit widths"),
        (
            "b",
            (table(3, W4), nan),
            "metric 'loss', block 'b', candidate 4: nan is not a finite number; mask rows that were not",
        ),
    ]:
        with pytest.raises(InputError, match=message):
            LutBlock(name, tables)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": ""}, "a metric has no name"),
        ({"name": 5}, "metric 5: the name is not a text"),
        ({"unit": None}, "metric 'loss': the unit None is not a text"),
        ({"aggregation": "mean"}, "metric 'loss': the aggregation 'mean' is not one of sum, max"),
        ({"aggregation": ["sum"]}, r"metric 'loss': the aggregation \['sum'\] is not one of sum, max"),
        ({"fixed": float("nan")}, "metric 'loss': the fixed part: nan is not a finite number"),
        ({"fixed": True}, "metric 'loss': the fixed part: True is not a number"),
        ({"fixed": "5 kB"}, "metric 'loss': the fixed part: '5 kB' is not a number"),
        ({"fixed": 2**63 + 1}, "metric 'loss': the fixed part: 9223372036854775809 has more digits than a double"),
    ],
)
def test_invalid_metrics_are_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=f"^{message}"):
        Metric(**{"name": "loss", **arguments})  # type: ignore[arg-type]


def test_fixed_parts_are_numbers_of_any_kind() -> None:
    for number in (0.1, np.float32(0.1), Decimal("0.1"), np.array(0.1)):
        assert Metric("loss", fixed=number) == Metric("loss", fixed=0.1)  # type: ignore[arg-type]
    assert type(Metric("loss", fixed=np.int64(3)).fixed) is float  # type: ignore[arg-type]


TWO = {"loss": np.array([1.0, 2.0]), "ms": np.array([0.1, 0.2])}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"columns": 2}, "columns: 2 is not a mapping of metric to values"),
        ({"columns": {}}, "columns: a table needs at least one metric"),
        ({"columns": {"loss": np.ones(2), "ms": np.ones(3)}}, "metric 'ms': 3 for the 2 rows of 'loss'"),
        ({"columns": {"loss": np.ones((2, 1))}}, r"metric 'loss': the shape is \(2, 1\), expected one value per row"),
        ({"columns": {"loss": 1.0}}, r"metric 'loss': the shape is \(\), expected one value per row"),
        ({"columns": {"loss": ["a", "b"]}}, r"metric 'loss': \['a', 'b'\] is not an array of numbers"),
        ({"columns": {"loss": np.array([True, False])}}, "metric 'loss': .* is not an array of numbers but of type bo"),
        ({"columns": {"loss": [1, None]}}, "metric 'loss': None is not a number"),
        ({"columns": {"loss": [1j, 2]}}, "metric 'loss': .* is not an array of numbers"),
        ({"columns": {"macs": [2**63 + 1, 0]}}, "metric 'macs': 9223372036854775809 has more digits than a double"),
        ({"columns": {"": [1, 2]}}, "a metric has no name"),
        ({"columns": {5: [1, 2]}}, "metric 5: the name is not a text"),
        ({"widths": "w8a8"}, "widths: 'w8a8' are not BitWidths"),
        ({"measured": np.ones(2, bool)}, "measured: .* is not a mapping of metric to mask"),
        ({"measured": {"nsr": np.ones(2, bool)}}, "measured: there is no column 'nsr'"),
        ({"measured": {"ms": np.ones(3, bool)}}, r"measured: the mask of 'ms' is bool \(3,\), expected bool \(2,\)"),
        ({"measured": {"ms": np.array([1, 0])}}, r"measured: the mask of 'ms' is int64 \(2,\), expected bool \(2,\)"),
        ({"measured": {"ms": True}}, r"measured: the mask of 'ms' is bool \(\), expected bool \(2,\)"),
        ({"descriptions": ["a"]}, "descriptions: 1 for the 2 rows of 'loss'"),
        ({"descriptions": "ab"}, "descriptions: 'ab' is not one text per row"),
        ({"descriptions": ["a", 5]}, "descriptions: row 1: 5 is not a text"),
        ({"descriptions": {"a": 1, "b": 2}}, "descriptions: .* is not one text per row"),
        ({"rows": [0, 1]}, r"rows: \[0, 1\] are not LayerRows"),
    ],
)
def test_invalid_tables_are_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=f"^{message}"):
        Table(**{"columns": TWO, **arguments})  # type: ignore[arg-type]


def test_columns_are_numbers_of_any_kind() -> None:
    columns = {
        "list": [1, 2],
        "int32": np.array([1, 2], dtype=np.int32),
        "float32": np.array([0.1, 0.2], dtype=np.float32),
        "big-endian": np.array([0.1, 0.2], dtype=">f8"),
        "strided": np.arange(4.0)[::2],
    }
    found = Table(columns, descriptions=np.array(["a", "b"]))  # type: ignore[arg-type]
    assert found.n_rows == 2
    assert all(column.dtype == np.float64 and column.flags.c_contiguous for column in found.columns.values())
    assert [column.tolist() for column in found.columns.values()] == [[1, 2], [1, 2], [0.1, 0.2], [0.1, 0.2], [0, 2]]
    assert found.descriptions == ("a", "b")


def test_later_changes_of_a_callers_arrays_do_not_reach_the_table() -> None:
    values, mask, texts = np.array([1.0, 2.0]), np.array([True, False]), ["a", "b"]
    columns = {"loss": values}
    found = Table(columns, measured={"loss": mask}, descriptions=texts)
    values[0], mask[0], texts[0] = 5.0, False, "c"
    columns["ms"] = values
    assert found.columns["loss"].tolist() == [1.0, 2.0]
    assert found.measured["loss"].tolist() == [True, False]
    assert found.descriptions == ("a", "b")
    assert list(found.columns) == ["loss"]
    with pytest.raises(ValueError, match="read-only"):
        found.columns["loss"][0] = 5.0
    assert replace(found, widths=W4).columns["loss"] is found.columns["loss"]  # not copied again


def test_a_column_is_replaced() -> None:
    found = table(2, measured={"loss": np.array([True, False])}).with_column("loss", [5, 6])
    assert found.columns["loss"].tolist() == [5.0, 6.0]
    assert "loss" not in found.measured
    with pytest.raises(InputError, match="metric 'ms': 3 for the 2 rows of 'loss'"):
        found.with_column("ms", [1, 2, 3])


def test_candidates_are_whole_numbers() -> None:
    for wrong in (0.5, True, "0", None):
        with pytest.raises(InputError, match="first: candidate: .* is not a whole number"):
            lut(table(2)).describe("first", wrong)  # type: ignore[arg-type]
    assert lut(table(2)).describe("first", np.int64(1)) == "#1"  # type: ignore[arg-type]


def test_csv_options_are_mappings() -> None:
    with pytest.raises(InputError, match="aggregate: 'max' is not a mapping of metric to value"):
        Lut.from_csv("lut.csv", "max")  # type: ignore[arg-type]


def test_tables_have_the_rows_of_the_space() -> None:
    with pytest.raises(InputError, match="first: 2 rows, but the space has 9 candidates"):
        lut(table(2), space=TINY)
    with pytest.raises(InputError, match="the space 'tiny' has no block 'other'"):
        lut(table(2), name="other", space=TINY)
