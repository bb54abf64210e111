"""The LUT in memory: candidate numbers through tables, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from qabwnas.errors import InputError
from qabwnas.lut.lut import Lut, LutBlock, Metric, Table
from qabwnas.space import BitWidths
from tests.spaces import TINY

W4, W8 = BitWidths(4, 4), BitWidths(8, 8)


def table(n_rows: int, widths: BitWidths | None = None, first: float = 0, **fields: object) -> Table:
    return Table(n_rows, {"loss": np.arange(first, first + n_rows)}, widths, **fields)  # type: ignore[arg-type]


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
    with pytest.raises(InputError, match="block 'b' is not in the LUT, which has first"):
        lut(table(1)).block("b")


def test_what_is_no_lut() -> None:
    one = LutBlock("b", (table(1),))
    for metrics, blocks, message in [
        ((Metric("loss"),), (), "at least one block and one metric"),
        ((), (one,), "at least one block and one metric"),
        ((Metric("loss"),) * 2, (one,), "the metric 'loss' stands twice"),
        ((Metric(""),), (one,), "metric 0 has no name"),
        ((Metric("loss"),), (one, one), "the block 'b' stands twice"),
        ((Metric("nsr"),), (one,), "b: the metric 'nsr' has no column"),
        ((Metric("loss"),), (LutBlock("b", ()),), "b: no candidates"),
        ((Metric("loss"),), (LutBlock("b", (table(1), table(0, W4))),), "b w4a4: no candidates"),
        ((Metric("loss"),), (LutBlock("b", (table(1, W4), table(1, W4))),), "w4a4: two tables of the same bit widths"),
    ]:  # fmt: skip
        with pytest.raises(InputError, match=message):
            Lut(metrics, blocks)  # type: ignore[arg-type]


def test_tables_have_the_rows_of_the_space() -> None:
    with pytest.raises(InputError, match="first: 2 rows, but the space has 9 candidates"):
        lut(table(2), space=TINY)
    with pytest.raises(InputError, match="the space 'tiny' has no block 'other'"):
        lut(table(2), name="other", space=TINY)
