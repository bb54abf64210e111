"""Sums over channels compared with float64, in any layout."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from qabwnas.quant.statistics import channel_statistics, image_squares

OVER_IMAGES_AND_PIXELS = (0, 2, 3)


def maps(channels: int, *, channels_last: bool, seed: int = 0) -> Tensor:
    """Images with means far from zero, relative to their deviation, and more pixels than float32 can sum alone."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(3, channels, 9, 31, generator=generator) + 30 * torch.arange(channels)[:, None, None]
    return x.contiguous(memory_format=torch.channels_last) if channels_last else x


@pytest.mark.parametrize("channels", [1, 7, 8, 24])
@pytest.mark.parametrize("channels_last", [True, False])
def test_sums_are_those_of_float64(channels: int, channels_last: bool) -> None:
    x, y = (maps(channels, channels_last=channels_last, seed=seed) for seed in (0, 1))
    exact = x.double()
    for batches in ([x], x.split(1), x.split(2)):
        mean, variance = channel_statistics(batches)
        torch.testing.assert_close(mean, exact.mean(OVER_IMAGES_AND_PIXELS), rtol=1e-6, atol=1e-6)
        torch.testing.assert_close(variance, exact.var(OVER_IMAGES_AND_PIXELS, correction=0), rtol=1e-5, atol=0)
    torch.testing.assert_close(image_squares(x, y), (exact - y.double()).square().sum((2, 3)), rtol=1e-5, atol=0)


def test_nothing_cancels_in_a_variance() -> None:
    """Also if channels are far from zero relative to their deviation, or change along the image."""
    x = maps(9, channels_last=True) + 1000 * torch.arange(9)[:, None]
    mean, variance = channel_statistics(x.split([1, 2]))
    exact = x.double()
    torch.testing.assert_close(mean, exact.mean(OVER_IMAGES_AND_PIXELS), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(variance, exact.var(OVER_IMAGES_AND_PIXELS, correction=0), rtol=1e-5, atol=0)
    x = maps(9, channels_last=True) + 1e4
    exact = x.double().var(OVER_IMAGES_AND_PIXELS, correction=0)
    torch.testing.assert_close(channel_statistics(x.split(2))[1], exact, rtol=1e-5, atol=0)


@pytest.mark.parametrize("broken", [torch.nan, torch.inf])
def test_what_is_not_finite_stays_visible(broken: float) -> None:
    x = maps(8, channels_last=True)
    y = x.clone()
    y[1, 3, 2, 5] = broken
    assert channel_statistics([x, y])[1].isfinite().tolist() == [c != 3 for c in range(8)]
    assert image_squares(y, x).isfinite().tolist() == [[(n, c) != (1, 3) for c in range(8)] for n in range(3)]
