"""Fake quantisation gives the values of torch's kernels; observed ranges cover all batches."""

from __future__ import annotations

import pytest
import torch

from qabwnas.errors import InputError
from qabwnas.quant import activations
from qabwnas.quant.activations import FakeQuantise, fused
from qabwnas.quant.affine import Affine
from qabwnas.quant.observers import MinMaxObserver
from qabwnas.quant.weights import fake_quantise_channels


def tensors(seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(3, 5, 7, generator=generator) * 10.0 ** torch.randint(-4, 5, (1,), generator=generator)
    # Values on a half step, where rounding must choose, and shifted ranges with and without a zero inside.
    return torch.cat([x, (x / x.abs().max() * 50).round() / 2]) + float(x.max()) * (seed % 3 - 1)


@pytest.mark.parametrize("bits", [2, 3, 4, 6, 8, 12, 16])
@pytest.mark.parametrize("seed", range(6))
def test_activations_as_torch_per_tensor(bits: int, seed: int) -> None:
    x = tensors(seed)
    grid = Affine.of_range(x.min() / 2, x.max() / 2, bits, symmetric=False)  # half of the values lie outside
    expected = torch.fake_quantize_per_tensor_affine(x, float(grid.scale), -int(grid.zero), 0, 2**bits - 1)
    untouched = x.clone()
    assert torch.equal(FakeQuantise(grid, inplace=False)(x), expected)
    assert torch.equal(x, untouched)
    low = float(grid.zero) + grid.smallest
    assert torch.equal(fused(x, float(grid.scale), low, low + grid.largest - grid.smallest), expected)
    assert torch.equal(FakeQuantise(grid, inplace=True)(x), expected)
    assert torch.equal(x, expected)


@pytest.mark.parametrize("bits", [2, 4, 8, 16])
@pytest.mark.parametrize("seed", range(3))
def test_weights_as_torch_per_channel(bits: int, seed: int) -> None:
    w = tensors(seed)
    grid = Affine.of_range(w.amin((1, 2)), w.amax((1, 2)), bits, symmetric=True)
    expected = torch.fake_quantize_per_channel_affine(
        w, grid.scale, -grid.zero.int(), axis=0, quant_min=grid.smallest, quant_max=grid.largest
    )
    assert torch.equal(fake_quantise_channels(w, bits), expected)


def test_what_is_rounded_stays_as_it_is() -> None:
    observer = MinMaxObserver()
    x = observer(tensors(1))
    rounded = FakeQuantise(observer.grid(5), inplace=False)(x)
    assert len(rounded.unique()) <= 32
    assert torch.equal(FakeQuantise(observer.grid(5), inplace=False)(rounded), rounded)


@pytest.mark.parametrize("layout", ["contiguous", "channels last", "cut out"])
def test_values_do_not_depend_on_blocks_or_layout(layout: str, monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.randn(2, 6, 5, 8, generator=torch.Generator().manual_seed(0))
    grid = Affine.of_range(x.min() / 2, x.max() / 2, 4, symmetric=False)
    expected = grid.dequantise(grid.quantise(x))
    given = x.to(memory_format=torch.channels_last) if layout == "channels last" else x.clone()
    if layout == "cut out":
        given, expected = given[:, 1:4, :, ::2], expected[:, 1:4, :, ::2]
    monkeypatch.setattr(activations, "BLOCK", 7)
    rounded = FakeQuantise(grid, inplace=False)(given)
    assert torch.equal(rounded, expected)
    assert rounded.stride() == given.clone().stride()
    assert FakeQuantise(grid, inplace=True)(given) is given
    assert torch.equal(given, expected)


def test_not_a_number_stays_visible() -> None:
    grid = Affine.of_range(torch.tensor(0.0), torch.tensor(1.0), 8, symmetric=False)
    rounded = FakeQuantise(grid, inplace=False)(torch.tensor([0.5, torch.nan, torch.inf, -torch.inf] * 9))
    assert rounded.isnan().tolist() == [False, True, False, False] * 9


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_batches_in_any_layout(layout: torch.memory_format) -> None:
    x = torch.randn(6, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    observer = MinMaxObserver()
    for batch in x.split([1, 2, 3]):
        assert observer(batch.contiguous(memory_format=layout)) is not None
    expected = Affine.of_range(x.min(), x.max(), 8, symmetric=False)
    assert (observer.grid(8).scale, observer.grid(8).zero) == (expected.scale, expected.zero)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_bad_value_is_not_forgotten(bad: float) -> None:
    observer = MinMaxObserver()
    for x in (torch.zeros(3), torch.tensor([1.0, bad]), torch.ones(3)):
        observer(x)
    with pytest.raises(InputError, match="must be finite"):
        observer.grid(8)


def test_no_data_is_an_error() -> None:
    with pytest.raises(InputError, match="no calibration data"):
        MinMaxObserver().grid(8)
