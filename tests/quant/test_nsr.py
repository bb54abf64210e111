"""NSR compared with its formula in numpy, for any division into batches."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from qabwnas.errors import InputError
from qabwnas.quant.nsr import NsrEstimate, NsrMeter, TargetVariance, nsr
from qabwnas.quant.statistics import channel_statistics


def formula(output: torch.Tensor, target: torch.Tensor) -> float:
    """Channel by channel, in float64."""
    y, t = output.double().numpy(), target.double().numpy()
    ratios = [np.mean((y[:, c] - t[:, c]) ** 2) / np.var(t[:, c]) for c in range(t.shape[1])]
    return float(np.mean(ratios))


def maps(seed: int, n: int = 6) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    scale = torch.tensor([0.1, 1.0, 10.0])[:, None, None]
    target = torch.randn(n, 3, 4, 5, generator=generator) * scale + 10 * scale
    return target + torch.randn(n, 3, 4, 5, generator=generator) * scale / 3, target


def test_the_loss_is_the_formula_and_has_its_gradient() -> None:
    output, target = maps(0)
    output.requires_grad_()
    loss = nsr(output, target)
    loss.backward()
    assert loss.item() == pytest.approx(formula(output.detach(), target), rel=1e-5)
    n_pixels, variance = 6 * 4 * 5, target.var((0, 2, 3), correction=0)
    expected = 2 * (output - target) / n_pixels / variance[:, None, None] / 3
    torch.testing.assert_close(output.grad, expected.detach(), rtol=1e-4, atol=0)


@settings(deadline=None)
@given(st.integers(0, 9), st.lists(st.integers(1, 3), min_size=1, max_size=4))
def test_the_meter_is_the_formula_over_all_batches(seed: int, sizes: list[int]) -> None:
    output, target = maps(seed, sum(sizes))
    meter = NsrMeter(target.split(sizes))
    assert meter(output.split(sizes)) == pytest.approx(formula(output, target), rel=1e-6)
    assert meter(target.split(sizes)) == 0.0


def test_answering_the_mean_is_one() -> None:
    _, target = maps(3)
    mean = target.mean((0, 2, 3), keepdim=True).expand_as(target)
    assert NsrMeter([target])([mean]) == pytest.approx(1.0, rel=1e-6)
    assert nsr(mean, target).item() == pytest.approx(1.0, rel=1e-5)


def test_statistics_do_not_cancel() -> None:
    x = torch.randn(8, 2, 5, 5, generator=torch.Generator().manual_seed(0)) + 1000
    mean, variance = channel_statistics(x.split(3))
    torch.testing.assert_close(mean, x.double().mean((0, 2, 3)), rtol=1e-6, atol=0)
    torch.testing.assert_close(variance, x.double().var((0, 2, 3), correction=0), rtol=1e-4, atol=0)


@pytest.mark.parametrize("deviation", [0.0, 1e-5])
def test_inactive_channels_are_left_out(deviation: float) -> None:
    """One rule for the loss and the measure: a constant channel, and one of variance 1e-10 among others near 1."""
    output, target = maps(1)
    others = output[:, [0, 2]], target[:, [0, 2]]
    target[:, 1] = deviation * torch.randn(target[:, 1].shape, generator=torch.Generator().manual_seed(2))
    variance = TargetVariance.of(channel_statistics([target])[1])
    assert variance.inactive == [1]
    assert NsrMeter([target])([output]) == pytest.approx(formula(*others), rel=1e-6)
    output.requires_grad_()
    for known in (variance, None):
        loss = nsr(output, target, known)
        assert loss.item() == pytest.approx(formula(*others), rel=1e-5)
        (gradient,) = torch.autograd.grad(loss, output)
        assert gradient.isfinite().all()
        assert not gradient[:, 1].any()


def test_a_channel_is_active_by_its_share_of_the_mean_variance() -> None:
    assert TargetVariance.of(torch.tensor([2.0, 2.0, 1.1e-6, 0.9e-6], dtype=torch.float64)).inactive == [3]
    assert TargetVariance.of(torch.tensor([1.0, 0.1], dtype=torch.float64)).active is None
    with pytest.raises(InputError, match="the teacher's feature map is constant: none of its channels"):
        TargetVariance.of(torch.zeros(3, dtype=torch.float64))


@pytest.mark.parametrize("exponent", [-30, -7, 9, 30])
def test_scaling_a_teacher_changes_nothing(exponent: int) -> None:
    output, target = maps(4)
    target[:, 1] = 0
    target[1:, 2] = target[0, 2].mean()  # it varies, but not in the batch below
    variance = TargetVariance.of(channel_statistics([target])[1])
    scaled = TargetVariance.of(channel_statistics([target * 2.0**exponent])[1])
    assert scaled.inactive == variance.inactive == [1]
    y, t = output * 2.0**exponent, target * 2.0**exponent
    assert NsrMeter([t])([y]) == pytest.approx(NsrMeter([target])([output]), rel=1e-12)
    for batch in (slice(None), slice(1, None)):
        assert torch.equal(nsr(y[batch], t[batch], scaled), nsr(output[batch], target[batch], variance))
        assert torch.equal(nsr(y[batch], t[batch]), nsr(output[batch], target[batch]))


def test_a_live_channel_that_is_constant_in_a_batch_does_not_drown_the_others() -> None:
    output, target = maps(4)
    variance = TargetVariance.of(channel_statistics([target])[1])
    target[:, 2] = 7.0
    wrong = (output[:, 2] - 7).square().mean().item()
    expected = (2 * formula(output[:, :2], target[:, :2]) + 100 * wrong / variance.variances[2].item()) / 3
    assert nsr(output, target, variance).item() == pytest.approx(expected, rel=1e-5)


def test_the_loss_of_active_channels_is_their_plain_mean() -> None:
    output, target = maps(6)
    error = (output - target).square().mean((0, 2, 3))
    variance = (target - target.mean((0, 2, 3), keepdim=True)).square().mean((0, 2, 3))
    plain = (error / variance).mean()
    assert torch.equal(nsr(output, target, TargetVariance.of(channel_statistics([target])[1])), plain)
    assert torch.equal(nsr(output, target), plain)


def test_values_that_are_not_finite() -> None:
    output, target = maps(1)
    output[0, 0, 0, 0] = math.nan
    assert math.isnan(NsrMeter([target])([output]))
    with pytest.raises(InputError, match="NaN or infinity"):
        NsrMeter([output])


def test_the_standard_error_is_that_of_the_mean_over_images() -> None:
    output, target = maps(5, 7)
    y, t = output.double().numpy(), target.double().numpy()
    each = ((y - t) ** 2).mean((2, 3)) / t.var((0, 2, 3))  # (image, channel)
    estimate = NsrEstimate.of_images(NsrMeter(target.split(3)).image_nsrs(output.split(3)))
    assert estimate.value == pytest.approx(each.mean(), rel=1e-6)
    assert estimate.standard_error == pytest.approx(np.std(each.mean(1), ddof=1) / np.sqrt(7), rel=1e-5)
