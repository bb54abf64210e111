"""CSV text of whole columns, against one row and one number at a time."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Context, Decimal
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qabwnas.search.model import csv_text
from qabwnas.search.model.csv_text import subnet_lines
from qabwnas.search.model.grid import Grid

LARGEST = 2**63 - 1


def text(units: int, decimals: int) -> str:
    """A number of units as a plain decimal without trailing zeros."""
    written = f"{Decimal(units).scaleb(-decimals, Context(prec=400, Emin=-999_999)):f}"
    return written.rstrip("0").rstrip(".") if "." in written else written


def lines_of(decimals: Sequence[int], units: np.ndarray, candidates: np.ndarray) -> bytes:
    lines = []
    for totals, choice in zip(units.tolist(), candidates.tolist(), strict=True):
        cells = [*map(text, totals, decimals), *map(str, choice)]
        lines.append(",".join(cells) + "\r\n")
    return "".join(lines).encode()


def numbers(largest: int, smallest: int) -> st.SearchStrategy[int]:
    """Numbers of all lengths, many of them with zeros at the end."""
    short = st.integers(0, 18).flatmap(lambda n: st.integers(-9, 9).map(lambda digit: digit * 10**n))
    return st.one_of(st.integers(smallest, largest), st.integers(-1000, 1000), short, st.just(largest)).filter(
        lambda number: smallest <= number <= largest
    )


@given(st.data())
def test_lines_equal_those_of_one_number_at_a_time(data: st.DataObject) -> None:
    n_rows, n_blocks = data.draw(st.integers(0, 9)), data.draw(st.integers(0, 3))
    decimals = data.draw(st.lists(st.sampled_from([0, 0, 1, 2, 6, 9, 18, 19, 20, 40, 340]), min_size=1, max_size=3))
    units = [data.draw(st.lists(numbers(LARGEST, -LARGEST), min_size=n_rows, max_size=n_rows)) for _ in decimals]
    columns = [data.draw(st.lists(numbers(2**31 - 1, 0), min_size=n_rows, max_size=n_rows)) for _ in range(n_blocks)]
    totals = np.array(units, dtype=np.int64).reshape(len(decimals), n_rows).T
    candidates = np.array(columns, dtype=np.int32).reshape(n_blocks, n_rows).T
    grids = [Grid(d) for d in decimals]
    with mock.patch.object(csv_text, "_ROWS_PER_STEP", data.draw(st.integers(1, 4))):
        assert subnet_lines(grids, totals, candidates) == lines_of(decimals, totals, candidates)


@pytest.mark.parametrize(
    ("units", "decimals", "expected"),
    [
        (0, 3, "0"),
        (-1, 3, "-0.001"),
        (1500, 3, "1.5"),
        (-1000, 3, "-1"),
        (100, 0, "100"),
        (2**62, 0, "4611686018427387904"),
        (-(2**63), 19, "-0.9223372036854775808"),
        (7, 30, f"0.{'0' * 29}7"),
    ],
)
def test_single_numbers(units: int, decimals: int, expected: str) -> None:
    no_blocks = np.empty((1, 0), dtype=np.int32)
    assert subnet_lines([Grid(decimals)], np.array([[units]]), no_blocks) == f"{expected}\r\n".encode()
    assert text(units, decimals) == expected
