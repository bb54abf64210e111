"""Lines of budgets in units: every backend against the csv module, ``parse_quantity`` and decimal arithmetic."""

from __future__ import annotations

import csv
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qabwnas.errors import InputError
from qabwnas.lut.units import parse_quantity
from qabwnas.search import select_backend
from qabwnas.search.model.grid import UNLIMITED, Grid
from tests.search import BACKENDS

DIGITS = st.text("0123456789", max_size=12)
PLAIN = st.builds(
    "{}{}{}.{}{}{}".format,
    st.sampled_from(["", "  "]),
    st.sampled_from(["", "-", "+"]),
    st.text("0123456789", min_size=1, max_size=9),
    st.text("0123456789", max_size=9),
    st.sampled_from(["", "e3", "E-7", "e+12", "e05"]),
    st.sampled_from(["", " "]),
)
ODD = st.sampled_from(
    ["1.5kB", '"7"', "1e", "1e400", "--1", "+", ".", "-.", "1.2.3", "many", "1\t", "\u00b5", "nan", "1" * 40, "1e99"]
)
CELLS = st.one_of(st.just(""), st.just("  "), PLAIN, DIGITS, DIGITS.map("-.{}".format), ODD)


def expected(line: str, grids: list[Grid]) -> list[int] | None:
    """The units of a line, or ``None`` where it is wrong."""
    cells = next(csv.reader([line], strict=True)) or [""]
    if len(cells) != len(grids):
        return None
    try:
        return [
            grid.floor(parse_quantity(cell, "size_bytes")) if cell.strip() else UNLIMITED
            for cell, grid in zip(cells, grids, strict=True)
        ]
    except InputError:
        return None


@settings(deadline=None)  # the Numba fallback may have to be compiled
@given(
    rows=st.lists(st.lists(CELLS, min_size=1, max_size=3), max_size=8),
    decimals=st.lists(st.integers(0, 30), min_size=1, max_size=3),
    line_break=st.sampled_from(["\n", "\r\n"]),
    ends=st.booleans(),
)
def test_lines_are_right_or_left_to_the_caller(
    rows: list[list[str]], decimals: list[int], line_break: str, ends: bool
) -> None:
    lines = [",".join(cells) for cells in rows]
    text = (line_break.join(lines) + (line_break if ends and lines else "")).encode()
    lines = lines if ends or not lines or lines[-1] else lines[:-1]
    grids = [Grid(d) for d in decimals]
    results = [select_backend(name).budget_rows(np.frombuffer(text, np.uint8), np.array(decimals)) for name in BACKENDS]
    for units, odd in results:
        assert units.shape == (len(lines), len(decimals))
        left = {row: text[start:end].decode() for row, start, end in odd.tolist()}
        for row, line in enumerate(lines):
            if row in left:
                assert left[row] == line
                assert (units[row] == UNLIMITED).all()
            else:
                assert units[row].tolist() == expected(line, grids)
    for units, odd in results[1:]:
        assert np.array_equal(units, results[0][0])
        assert np.array_equal(odd, results[0][1])


@pytest.mark.parametrize("backend", BACKENDS)
@settings(deadline=None)
@given(st.lists(PLAIN, min_size=1, max_size=10), st.integers(0, 6))
def test_plain_decimals_are_read_here(backend: str, cells: list[str], decimals: int) -> None:
    text = "\n".join(cells).encode()
    units, odd = select_backend(backend).budget_rows(np.frombuffer(text, np.uint8), np.array([decimals]))
    fits = [abs(Decimal(cell.strip()).scaleb(decimals)) < 2**62 - 1 for cell in cells]
    assert [row for row, _, _ in odd.tolist()] == [row for row, fit in enumerate(fits) if not fit]
    assert all(
        units[row, 0] == Grid(decimals).floor(Decimal(cells[row].strip())) for row, fit in enumerate(fits) if fit
    )


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_edges_of_what_is_read_here(backend: str) -> None:
    cells = ["999999999999999999", "9999999999999999999", "0.000000000000000001", "-0.01", "4611686018427387903", ""]
    text = "\n".join([*cells, "1e400"]).encode()
    units, odd = select_backend(backend).budget_rows(np.frombuffer(text, np.uint8), np.array([1]))
    assert units[:, 0].tolist() == [UNLIMITED, UNLIMITED, 0, -1, UNLIMITED, UNLIMITED, UNLIMITED]
    assert [row for row, _, _ in odd.tolist()] == [0, 1, 4, 6]
    units, odd = select_backend(backend).budget_rows(np.frombuffer(cells[0].encode(), np.uint8), np.array([0]))
    assert (units.tolist(), odd.size) == ([[999999999999999999]], 0)
