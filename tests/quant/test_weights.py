"""Biases are whole units of an integer accumulator if the grid of the input is known."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from qabwnas.quant.affine import Affine
from qabwnas.quant.operators import Convolution
from qabwnas.quant.ptq import quantise
from qabwnas.quant.weights import LARGEST_BIAS, RoundedWeights, bias_unit, channel_grid, fake_quantise_channels
from qabwnas.space import BitWidths

READ = Affine.of_range(torch.tensor(-1.0), torch.tensor(3.0), 6, symmetric=False)


def layer_with(weights: Tensor, bias: Tensor) -> nn.Linear:
    layer = nn.Linear(weights.shape[1], len(weights))
    layer.weight = nn.Parameter(fake_quantise_channels(weights, 4))
    layer.bias = nn.Parameter(bias)
    return layer


@torch.no_grad()
def test_a_bias_is_the_nearest_number_of_units() -> None:
    torch.manual_seed(0)
    layer = layer_with(torch.randn(7, 5), torch.randn(7))
    weight, bias = RoundedWeights(4, READ)(layer)
    assert weight is layer.weight
    unit = READ.scale.double() * weight.abs().amax(1).double() / 7
    steps = bias.double() / unit
    torch.testing.assert_close(steps, steps.round(), rtol=1e-5, atol=0)
    assert ((bias - layer.bias).abs() <= 0.5001 * unit).all()
    assert not torch.equal(bias, layer.bias)


@torch.no_grad()
def test_a_bias_stays_where_no_grid_is_known() -> None:
    layer = layer_with(torch.randn(3, 5), torch.randn(3))
    assert RoundedWeights(4)(layer)[1] is layer.bias


@torch.no_grad()
def test_a_bias_of_more_units_than_fit_stays() -> None:
    layer = layer_with(torch.tensor([[1e-9], [1.0]]), torch.tensor([0.7, 0.7]))
    _, bias = RoundedWeights(4, READ)(layer)
    assert 0.7 / bias_unit(channel_grid(layer.weight, 4), READ)[0] > LARGEST_BIAS
    assert bias[0] == layer.bias[0]
    assert bias[1] != layer.bias[1]


@torch.no_grad()
def test_a_channel_of_zeros_has_the_widest_grid_of_the_others() -> None:
    grid = channel_grid(torch.tensor([[0.0, 0.0], [0.7, -1.4], [0.07, 0.0]]), 4)
    torch.testing.assert_close(grid.scale, torch.tensor([0.2, 0.2, 0.01]))
    assert channel_grid(torch.zeros(2, 3), 4).scale.tolist() == [1.0, 1.0]


@torch.no_grad()
def test_a_convolution_adds_the_rounded_bias() -> None:
    torch.manual_seed(1)
    quantised = quantise(Convolution(2, 3, norm=False, activation="none"), BitWidths(3, 8), [torch.randn(4, 2, 5, 5)])
    entry, convolution = quantised
    zeros = entry(torch.zeros(1, 2, 5, 5))
    convolution.output = nn.Identity()
    answers = convolution(zeros)[0, :, 0, 0]
    assert torch.equal(answers, RoundedWeights(3, entry.output.grid)(convolution.conv)[1])
    assert not torch.equal(answers, convolution.conv.bias)
