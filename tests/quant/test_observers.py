"""Observers: histograms are exact in any order, percentiles clip what they say, and MSE ranges are the best ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from qabwnas.errors import InputError
from qabwnas.quant.affine import Affine
from qabwnas.quant.observers import (
    HistogramObserver,
    MinMaxObserver,
    MseObserver,
    PercentileObserver,
    RangeObserver,
    load_observer,
)


def outliers(seed: int, *, relu: bool) -> Tensor:
    """Return 4,000 values, a few of them ten times as large as the rest."""
    x = torch.randn(4, 10, 10, 10, generator=torch.Generator().manual_seed(seed))
    x = torch.where(torch.rand(x.shape, generator=torch.Generator().manual_seed(seed + 1)) < 0.002, 10 * x, x)
    return x.relu() if relu else x


def error(x: Tensor, grid: Affine) -> float:
    return float((grid.dequantise(grid.quantise(x)) - x).double().square().mean())


@pytest.mark.parametrize("scale", [1e-6, 1.0, 3e5])
def test_a_histogram_is_exact_for_any_order_of_batches(scale: float) -> None:
    batches = [scale * factor * outliers(seed, relu=False) for seed, factor in enumerate([1.0, 30.0, 0.001, 0.0])]
    counts, widths = [], []
    for order in ([0, 1, 2, 3], [3, 2, 0, 1]):
        observer = HistogramObserver()
        for i in order:
            x = batches[i].contiguous(memory_format=torch.channels_last) if i % 2 else batches[i]
            assert observer(x) is x
        counts.append(observer.counts)
        widths.append(observer._width)
    values = torch.cat(batches).double().numpy().ravel()
    edges = np.arange(-observer.BINS, observer.BINS + 1) * widths[0]
    assert widths[0] == widths[1]
    assert counts[0].tolist() == counts[1].tolist() == np.histogram(values, edges)[0].tolist()
    assert counts[0].sum() == values.size
    assert observer.BINS * widths[0] <= 2 * abs(values).max()


@pytest.mark.parametrize("relu", [True, False])
@pytest.mark.parametrize("percentile", [90.0, 99.0, 99.9, 100.0])
def test_a_percentile_clips_that_share_at_each_end(percentile: float, relu: bool) -> None:
    observer, x = PercentileObserver(percentile), outliers(3, relu=relu)
    for batch in x.split([1, 3]):
        observer(batch)
    low, high = observer.clipping_range(4)
    bins = observer._width
    largest_share = (100 - percentile) / 100 + 1e-9
    assert float((x > high).double().mean()) <= largest_share
    assert float((x > high - bins).double().mean()) > largest_share or high == x.max()
    assert float((x < low).double().mean()) <= largest_share
    if percentile == 100:
        assert (low, high) == (x.min(), x.max())


@pytest.mark.parametrize("relu", [True, False])
@pytest.mark.parametrize("bits", [2, 4, 6, 8])
def test_no_other_range_has_a_much_smaller_error(bits: int, relu: bool) -> None:
    """The oracle tries every pair of ends on the data themselves, instead of one end after the other on a histogram."""
    observer, x = MseObserver(), outliers(5, relu=relu)
    for batch in x.split(2):
        observer(batch)
    parts = torch.arange(1, 33) / 32
    best = min(
        error(x, Affine.of_range(low, high, bits, symmetric=False))
        for low in (x.min() * parts if x.min() < 0 else [x.min()])
        for high in x.max() * parts
    )
    found, widest = error(x, observer.grid(bits)), MinMaxObserver()
    widest(x)
    assert found <= 1.03 * best
    assert found <= error(x, widest.grid(bits))
    if bits == 4:
        assert found < 0.7 * error(x, widest.grid(bits))


@pytest.mark.parametrize("make", [MinMaxObserver, MseObserver, lambda: PercentileObserver(99.0)])
def test_broken_data_are_refused(make: Callable[[], RangeObserver]) -> None:
    with pytest.raises(InputError, match="no calibration data has passed here"):
        make().grid(8)
    for value in (torch.nan, torch.inf):
        observer = make()
        observer(torch.tensor([1.0, value]))
        with pytest.raises(InputError, match="must be finite"):
            observer.grid(8)
    zeros = make()
    zeros(torch.zeros(3))
    assert zeros.grid(8).scale == 1


CODE = """
import torch
from qabwnas.quant.observers import MinMaxObserver, RangeObserver

class Half(MinMaxObserver):
    def clipping_range(self, bits):
        return self.low / 2, self.high / 2

class Blind(RangeObserver):
    def clipping_range(self, bits):
        return torch.tensor(0.0), torch.tensor(1.0)

class Wrong(MinMaxObserver):
    def clipping_range(self, bits):
        return 0, 1

class Broken(MinMaxObserver):
    def observe(self, x):
        raise ValueError("too large")
"""


def test_observers_by_name(tmp_path: Path) -> None:
    (tmp_path / "user_ranges.py").write_text(CODE)
    half = load_observer("user_ranges.Half", 99.9, tmp_path)()
    half(torch.tensor([-2.0, 4.0]))
    assert half.clipping_range(8) == (torch.tensor(-1.0), torch.tensor(2.0))
    assert half.description == "user_ranges.Half"
    assert load_observer("percentile", 99.5)().description == "percentile 99.5"
    for name, said in {
        "minmaks": "'minmaks' is neither one of minmax, percentile, mse nor a class package.Class; is 'minmax' meant?",
        "user_ranges.Blind": r"user_ranges.Blind: the class has no method observe \(RangeObserver says what it does\)",
        "user_ranges.Wrong": r"user_ranges.Wrong: clipping_range\(\) does not return two scalar tensors",
        "user_ranges.Broken": r"user_ranges.Broken: raised ValueError: too large \(.*user_ranges.py, line 19\)",
        "user_ranges.torch": "user_ranges.torch: is module, not a class derived from",
    }.items():
        with pytest.raises(InputError, match=f"^{said}"):
            load_observer(name, 99.9, tmp_path)
