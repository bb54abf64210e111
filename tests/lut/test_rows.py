"""LUTs whose layers have bit widths of their own: stored, exchanged, merged, and refused if invalid."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from qabwnas.errors import FormatError, InputError, StaleError
from qabwnas.lut.importers.formats import export_table, import_table
from qabwnas.lut.lut import Lut, LutBlock, Metric, Table
from qabwnas.lut.merge import merge_luts
from qabwnas.lut.rows import LayerRows
from qabwnas.space import BitWidths
from qabwnas.space.layer_policy import LayerChoices
from tests.lut.strategies import assert_equal
from tests.spaces import TINY

SPACE = replace(TINY, policy="layer")
CODES = {"first": [0, 3, 21, 35], "second": [1, 23]}


def layer_lut(codes: dict[str, list[int]] = CODES) -> Lut:
    blocks = []
    for block in SPACE.blocks:
        rows = LayerRows(LayerChoices(block, SPACE.bit_widths), np.array(codes[block.name], dtype=np.int64))
        values = np.arange(len(rows.codes), dtype=np.float64)
        blocks.append(LutBlock(block.name, (Table({"nsr": values}, rows=rows),)))
    return Lut((Metric("nsr"),), tuple(blocks), SPACE)


def test_every_row_says_what_it_chooses() -> None:
    lut = layer_lut()
    assert [lut.describe("first", row) for row in range(4)] == [
        "k3e1/w4a4 k3e1/w4a4", "k3e1/w4a4 k5e2/w8a6", "k5e2/w8a6 k5e2/w8a6", "skip/w8a6 skip/w8a6",
    ]  # fmt: skip
    table = lut.block("first").tables[0]
    assert [table.code(row) for row in range(4)] == [0, 1, 4, 8]
    w4, w8 = SPACE.bit_widths
    assert [table.widths_of(row) for row in range(4)] == [w4, (w4, w8), w8, w8]
    assert table.rows is not None
    assert table.rows.operations.tolist() == [[0, 0, 1, 2], [0, 1, 1, 2]]
    assert table.rows.widths.tolist() == [[0, 0, 1, 1], [0, 1, 1, 1]]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_tables_round_trip(tmp_path: Path, suffix: str) -> None:
    export_table(layer_lut(), tmp_path / f"table{suffix}")
    assert_equal(import_table([tmp_path / f"table{suffix}"]), layer_lut())


def test_codes_of_a_table_that_are_wrong(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    layer_lut().to_csv(path)
    text = path.read_text(encoding="utf-8")
    for old, new, message in (
        ("first,1,3,", "first,1,x,", "line 4: code: 'x' is not a code"),
        ("first,1,3,", "first,1,99999999999999999999,", "first: row 1: the code 36 is not in 0 … 35"),
        (",code,", ",kode,", "line 2: there is no column 'code', but layers have bit widths of their own"),
    ):
        path.write_text(text.replace(old, new), encoding="utf-8")
        with pytest.raises(InputError, match=message):
            Lut.from_csv(path)


def test_files_round_trip(tmp_path: Path) -> None:
    layer_lut().save(tmp_path / "lut.h5")
    opened = Lut.open(tmp_path / "lut.h5")
    assert_equal(opened, layer_lut())
    for block in opened.blocks:
        [table] = block.tables
        assert table.rows is not None
        assert table.rows.codes.tolist() == CODES[block.name]
        assert table.rows.choices.block == SPACE.blocks[SPACE.block_index(block.name)]


def test_a_file_with_other_codes_is_refused(tmp_path: Path) -> None:
    path, place = tmp_path / "lut.h5", "blocks/000 first/000/codes"
    for codes, message in (
        ([0, 3, 21, 36], "row 3: the code 36 is not in 0 … 35"),
        ([0, 3, 3, 35], "row 2: its code is not above that of the row before"),
    ):
        layer_lut().save(path)
        with h5py.File(path, "r+") as file:
            file[place][...] = codes
        with pytest.raises(FormatError, match=f"{place}: {message}"):
            Lut.open(path)
    with h5py.File(path, "r+") as file:
        del file[place]
    with pytest.raises(FormatError, match="codes"):
        Lut.open(path)


def test_tables_that_do_not_fit_the_space_are_refused() -> None:
    lut = layer_lut()
    first, second = lut.blocks
    [table] = first.tables

    def with_table(changed: Table) -> tuple[LutBlock, ...]:
        return (replace(first, tables=(changed,)), second)

    for changed in (replace(table, rows=None), replace(table, widths=BitWidths(4, 4))):
        with pytest.raises(
            InputError, match="first.*: layers of the space choose bit widths, but the rows have no codes"
        ):
            replace(lut, blocks=with_table(changed))
    [other] = second.tables
    with pytest.raises(InputError, match="first: its codes are those of another block"):
        replace(lut, blocks=with_table(Table(other.columns, rows=other.rows)))
    with pytest.raises(InputError, match="codes: 4 for the 3 rows of 'nsr'"):
        replace(table, columns={"nsr": np.zeros(3)})
    for space in (None, TINY):
        with pytest.raises(InputError, match="first: its rows have codes, but there is no space whose layers choose"):
            replace(lut, space=space)


def test_text_tables_describe_them(tmp_path: Path) -> None:
    layer_lut().to_csv(tmp_path / "lut.csv")
    read = Lut.from_csv(tmp_path / "lut.csv")
    assert read.describe("first", 1) == "k3e1/w4a4 k5e2/w8a6"
    assert read.block("first").column("nsr").tolist() == [0, 1, 2, 3]


def test_shards_with_other_rows_are_not_merged() -> None:
    merged = merge_luts({"a": layer_lut(), "b": layer_lut()})
    assert_equal(merged, layer_lut())
    with pytest.raises(StaleError, match="a and b differ in rows.second"):
        merge_luts({"a": layer_lut(), "b": layer_lut(CODES | {"second": [1, 22]})})
