"""Decimal grids: which values are exact, which are rounded, which are refused."""

from __future__ import annotations

from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Decimal, localcontext

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import qabwnas
from qabwnas.errors import InputError, RoundingWarning
from qabwnas.lut.lut import Lut, LutBlock, Metric, Table
from qabwnas.search import select_backend
from qabwnas.search.model import grid as grids
from qabwnas.search.model.grid import LARGEST_UNITS, UNLIMITED, Grid, GridNeeds, choose_grid, joint_needs
from qabwnas.space import BitWidths
from tests.search import BACKENDS
from tests.strategies import lut_from_columns

FINITE = st.floats(allow_nan=False, allow_infinity=False)


@pytest.fixture(scope="module", autouse=True)
def _compiled() -> None:
    """Numba compiles before examples are timed."""
    for name in BACKENDS:
        for floor in (False, True):
            select_backend(name).to_units(np.array([0.5]), 3, floor)


@pytest.mark.parametrize("backend", BACKENDS)
@given(values=st.lists(FINITE, max_size=20), decimals=st.integers(0, 340), floor=st.booleans())
def test_units_of_shortest_decimals(backend: str, values: list[float], decimals: int, floor: bool) -> None:
    units = select_backend(backend).to_units(np.array(values, dtype=np.float64), decimals, floor)
    with localcontext() as context:
        context.prec = 800
        for value, found in zip(values, units.tolist(), strict=True):
            scaled = Decimal(repr(value)).scaleb(decimals)
            whole = int(scaled.to_integral_value(rounding=ROUND_FLOOR if floor else ROUND_HALF_EVEN))
            assert found == max(-(2**62), min(whole, 2**62))


@pytest.mark.parametrize("backend", BACKENDS)
@given(st.lists(st.integers(-(10**15), 10**15), min_size=1, max_size=20), st.integers(0, 20))
def test_decimals_of_fifteen_digits_are_exact(backend: str, digits: list[int], decimals: int) -> None:
    values = np.array([float(Decimal(d).scaleb(-decimals)) for d in digits])
    grid = choose_grid(Metric("m", aggregation="max"), [GridNeeds().including(values, "m")], ["b"])
    units = grid.units(values, select_backend(backend))
    assert [grid.decimal(int(u)) for u in units] == [Decimal(d).scaleb(-decimals) for d in digits]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_tenth_and_two_tenths_fit_three_tenths(backend: str) -> None:
    lut = lut_from_columns({"loss": [[1.0], [1.0]], "ms": [[0.1], [0.2]]})
    assert qabwnas.search(lut, budgets={"ms": 0.3}, backend=backend).status == "optimal"
    assert qabwnas.search(lut, budgets={"ms": "0.2999999999999999999"}, backend=backend).status == "infeasible"
    frontier = qabwnas.Frontier.build(lut, ["loss", "ms"], backend=backend)
    assert frontier.query({"ms": [0.3, np.nextafter(0.3, 0), np.nan, np.inf, -np.inf]}).tolist() == [0, -1, 0, 0, -1]


def test_longer_fractions_are_rounded_finer_than_doubles_are_spaced() -> None:
    values = np.array([1 / 3, 1e6 / 7])
    grid = choose_grid(Metric("m"), [GridNeeds().including(values, "m")] * 2, ["a", "b"])
    total = 2e6 / 7
    assert 10.0**-grid.decimals < np.spacing(total)


def decimals_needed(values: np.ndarray, least: int) -> int | None:
    """The fewest decimals, by one look at all values for each number of decimals."""
    for decimals in range(least, 23):
        with np.errstate(over="ignore"):  # what overflows has too many digits
            whole = np.rint(values * 10.0**decimals)
        if (np.abs(whole) > 1e15).any():
            return None
        if (whole / 10.0**decimals == values).all():
            return decimals
    return None


SHORT = st.tuples(st.integers(-(10**6), 10**6), st.integers(0, 25)).map(lambda pair: float(f"{pair[0]}e-{pair[1]}"))
MANY = st.lists(SHORT | FINITE.filter(lambda value: abs(value) < 1e300), max_size=40)


@given(MANY | st.lists(SHORT, max_size=40), st.integers(0, 24))
@example([1.797693134862316e297], 11)
def test_decimals_are_found_from_few_values_as_from_all(values: list[float], least: int) -> None:
    array = np.array(values, dtype=np.float64)
    assert grids._decimals_needed(array, least) == decimals_needed(array, least)


@given(st.lists(st.lists(SHORT, min_size=1, max_size=12) | MANY.filter(bool), min_size=1, max_size=4), st.booleans())
def test_a_grid_of_all_blocks_together_is_that_of_each_alone(blocks: list[list[float]], is_sum: bool) -> None:
    metric = Metric("m", aggregation="sum" if is_sum else "max")
    names = [f"b{b}" for b in range(len(blocks))]
    needs = joint_needs(np.concatenate(blocks), np.cumsum([0, *map(len, blocks[:-1])]))
    alone = [GridNeeds().including(np.array(values), "m") for values in blocks]
    if needs is None:
        assert decimals_needed(np.concatenate(blocks), 0) is None
        return
    try:
        expected = choose_grid(metric, alone, names)
    except InputError:
        with pytest.raises(InputError):
            choose_grid(metric, needs[1], names)
        return
    assert choose_grid(metric, needs[1], names) == expected


@given(st.lists(st.integers(-LARGEST_UNITS, LARGEST_UNITS) | st.integers(-2000, 2000)), st.integers(0, 340))
def test_numbers_of_units(totals: list[int], decimals: int) -> None:
    with localcontext() as context:
        context.prec, context.Emin = 400, -999_999
        exact = [Decimal(total).scaleb(-decimals) for total in totals]
        shortest = [n.quantize(Decimal(1)) if n == n.to_integral_value() else n.normalize() for n in exact]
    grid, units = Grid(decimals), np.array(totals, dtype=np.int64)
    assert list(map(repr, map(grid.decimal, totals))) == list(map(repr, shortest))
    assert grid.doubles(units).tolist() == list(map(float, exact))
    numbers = [int(n) if n == n.to_integral_value() else float(n) for n in exact]
    assert list(map(repr, grid.json_numbers(units))) == list(map(repr, numbers))


def test_totals_are_printed_in_shortest_form() -> None:
    assert str(Grid(3).decimal(1500)) == "1.5"
    assert str(Grid(3).decimal(1_500_000)) == "1500"
    assert str(Grid(0).decimal(-7)) == "-7"


def test_budgets_are_rounded_down_and_cut_off() -> None:
    assert Grid(1).floor(Decimal("-0.01")) == -1
    assert Grid(1).floor(Decimal("0.19")) == 1
    assert Grid(0).floor(Decimal("1e300")) == LARGEST_UNITS
    assert Grid(0).floor(Decimal("-1e300")) == -LARGEST_UNITS - 1
    assert UNLIMITED > LARGEST_UNITS


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_what_is_not_a_number_is_refused_by_name(wrong: float) -> None:
    with pytest.raises(InputError, match=r"metric 'loss', block 'block1', candidate 1: .* is not a finite number"):
        lut_from_columns({"loss": [[0.0, 1.0], [0.0, wrong]]})


def test_totals_that_cannot_fit_are_refused_by_name() -> None:
    lut = lut_from_columns({"loss": [[1.0], [3e18], [3e18]]})
    with pytest.raises(InputError, match=r"metric 'loss': totals up to 6e\+18 do not fit 62 bits \(block 'block1'\)"):
        qabwnas.search(lut)


@pytest.mark.parametrize("backend", BACKENDS)
def test_whole_numbers_beyond_doubles_are_exact_beside_fractions(backend: str) -> None:
    """One block has tables of both, so that its column holds Python's own numbers."""
    large = 2**53 + 1
    tables = (Table({"x": [large, large + 1]}, BitWidths(4, 4)), Table({"x": [0.5, 0.25]}, BitWidths(8, 8)))
    lut = Lut((Metric("loss"),), (LutBlock("a", tuple(t.with_column("loss", [1.0, 2.0]) for t in tables)),))
    lut = Lut((Metric("loss"), Metric("x", fixed=large)), lut.blocks)
    front = qabwnas.Frontier.build(lut, ["x", "loss"], backend=backend)
    assert front.totals(0)["x"] == Decimal(large) + Decimal("0.25")
    result = qabwnas.search(lut, budgets={"x": Decimal(2 * large)}, top=4, backend=backend)
    totals = [answer.totals["x"] for answer in result.answers]
    assert sorted(totals) == [large + Decimal("0.25"), large + Decimal("0.5"), 2 * large]
    assert qabwnas.search(lut, budgets={"x": large}, backend=backend).smallest == {"x": large + Decimal("0.25")}


def test_totals_of_whole_numbers_that_cannot_fit_are_refused_by_name() -> None:
    lut = lut_from_columns({"loss": [[1.0], [1.0]]})
    blocks = tuple(LutBlock(block.name, (block.tables[0].with_column("x", [2**62 - 1]),)) for block in lut.blocks)
    with pytest.raises(InputError, match=r"metric 'x': totals up to 9.22337e\+18 do not fit 62 bits"):
        qabwnas.search(Lut((Metric("loss"), Metric("x")), blocks), budgets={"x": 5})


def test_small_decimals_beside_large_ones_are_announced() -> None:
    lut = lut_from_columns({"loss": [[1e15, 2e-9], [0.0, 0.0]]})
    with pytest.warns(RoundingWarning, match=r"metric 'loss': the smallest values have more than the 3 decimals"):
        assert qabwnas.search(lut).answers[0].objective == 0
    # Doubles of more digits come out of computations.
    assert qabwnas.search(lut_from_columns({"loss": [[100 / 3], [1e-3 / 3]]})).status == "optimal"


@pytest.mark.parametrize("backend", BACKENDS)
def test_zero_is_zero_on_the_finest_grid(backend: str) -> None:
    """A fixed part of 0 next to values with nineteen decimals, in a metric that only the answer names."""
    columns = {"loss": [1.0, 2.0], "t": [0.0001242087711864407, 0.00021]}
    lut = Lut((Metric("loss"), Metric("t", "ms", fixed=0.0)), (LutBlock("b", (Table(columns),)),))
    [answer] = qabwnas.search(lut, minimize="loss", backend=backend).answers
    assert answer.totals["t"] == Decimal("0.0001242087711864407")
