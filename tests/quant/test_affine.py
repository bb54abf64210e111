"""The affine grid: the paper's formula, an exact zero, and errors of half a step at most."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import tensor

from qabwnas.errors import InputError
from qabwnas.quant.affine import NARROWEST, Affine

BITS = st.integers(2, 16)
NUMBERS = st.floats(-1e6, 1e6, width=32, allow_subnormal=False)


@st.composite
def ranges(draw: st.DrawFn) -> tuple[float, float]:
    low, high = sorted((draw(NUMBERS), draw(NUMBERS)))
    return low, high


@given(ranges(), BITS, st.booleans(), st.data())
def test_a_number_in_range_moves_by_half_a_step_at_most(
    low_high: tuple[float, float], bits: int, symmetric: bool, data: st.DataObject
) -> None:
    low, high = low_high
    grid = Affine.of_range(tensor(low), tensor(high), bits, symmetric=symmetric)
    r = data.draw(st.floats(low, high, width=32))
    q = grid.quantise(tensor([r, low, high, 0.0]))
    assert grid.smallest <= int(q.min()) <= int(q.max()) <= grid.largest
    error = (grid.dequantise(q) - tensor([r, low, high, 0.0])).abs()
    # At the very ends Int(α / S) may cut off half a step more; float32 adds its own rounding.
    tolerance = float(grid.scale) * 1.001 + 1e-6 * max(abs(low), abs(high))
    assert float(error.max()) <= tolerance
    assert float(error[3]) == 0.0


@given(ranges(), BITS)
def test_the_scale_is_the_papers(low_high: tuple[float, float], bits: int) -> None:
    low, high = min(low_high[0], 0.0), max(low_high[1], 0.0)
    grid = Affine.of_range(tensor(low_high[0]), tensor(low_high[1]), bits, symmetric=False)
    expected = (high - low) / (2**bits - 1)
    assert float(grid.scale) == pytest.approx(1.0 if expected < NARROWEST else expected, rel=1e-6)
    assert (grid.smallest, grid.largest) == (0, 2**bits - 1)


def test_two_bits_by_hand() -> None:
    asymmetric = Affine.of_range(tensor(-1.0), tensor(2.0), 2, symmetric=False)  # S = 1, Z = −1
    assert asymmetric.quantise(tensor([-9.0, -1.0, -0.4, 0.5, 1.5, 2.0, 9.0])).tolist() == [0, 0, 1, 1, 3, 3, 3]
    symmetric = Affine.of_range(tensor(-1.0), tensor(2.0), 2, symmetric=True)  # S = 2
    assert symmetric.quantise(tensor([-9.0, -1.1, -1.0, 0.9, 2.0])).tolist() == [-1, -1, 0, 0, 1]
    assert symmetric.dequantise(tensor([-1, 0, 1])).tolist() == [-2.0, 0.0, 2.0]


def test_ranges_are_widened_to_hold_zero() -> None:
    grid = Affine.of_range(tensor(2.0), tensor(3.0), 4, symmetric=False)
    assert float(grid.scale) == pytest.approx(3 / 15)
    assert float(grid.zero) == 0


@pytest.mark.parametrize("symmetric", [True, False])
def test_constant_tensors(symmetric: bool) -> None:
    for value in (0.0, 1e-42, 0.7, -0.7):
        grid = Affine.of_range(tensor(value), tensor(value), 8, symmetric=symmetric)
        assert float(grid.scale) > 0
        assert float(grid.dequantise(grid.quantise(tensor(value)))) == pytest.approx(value, abs=1e-38, rel=1e-6)
    assert float(Affine.of_range(tensor(0.0), tensor(0.0), 8, symmetric=symmetric).scale) == 1.0


def test_channels_have_grids_of_their_own() -> None:
    low, high = tensor([-1.0, 0.0]), tensor([1.0, 0.0])
    grid = Affine.of_range(low, high, 8, symmetric=True)
    values = tensor([[[1.0, -1.0]], [[0.0, 0.0]]])
    assert grid.quantise(values).tolist() == [[[127, -127]], [[0, 0]]]
    assert torch.equal(grid.dequantise(grid.quantise(values)), values)


@pytest.mark.parametrize(("low", "high"), [(math.nan, 1.0), (0.0, math.inf), (1.0, 0.0)])
def test_ranges_that_are_none_are_refused(low: float, high: float) -> None:
    with pytest.raises(InputError, match="a range to quantise must be finite"):
        Affine.of_range(tensor(low), tensor(high), 8, symmetric=False)
