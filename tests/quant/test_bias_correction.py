"""Corrected biases: on the calibration data, rounded weights change no channel's mean output."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from qabwnas.nets.network import build_network
from qabwnas.nets.quantise import prepare_qat_network, quantise_network
from qabwnas.quant.batch_norm import fold_batch_norm
from qabwnas.quant.convolutions import PaddedConv2d
from qabwnas.quant.observers import MinMaxObserver
from qabwnas.quant.operators import Convolution, Linear, Operator
from qabwnas.quant.ptq import PtqSettings, convert, prepare, weighted_layer
from qabwnas.quant.weights import fake_quantise_channels
from qabwnas.space import FLOAT, BitWidths, Policy, mbconv
from tests.spaces import TINY


def padded_as_in_tensorflow() -> Convolution:
    """A convolution with more zeros at the right and at the bottom than on the other sides."""
    made = Convolution(4, 6, 3, stride=2)
    made.conv.padding = (0, 0)
    made.conv = PaddedConv2d(made.conv, (1, 2, 0, 2))
    return made


CORRECTED = PtqSettings(bias_correction=True)
W3A8 = BitWidths(3, 8)


@pytest.mark.parametrize(
    "operator",
    [
        Convolution(4, 6, 1),
        Convolution(4, 6, 3, stride=2),
        Convolution(4, 4, 5, groups=4, dilation=2),
        Convolution(4, 6, 3, groups=2, norm=False, stride=2),
        padded_as_in_tensorflow(),
        Linear(4 * 9 * 7, 5),
    ],
    ids=["point-wise", "strided", "dilated depth-wise", "groups and bias", "other zeros per side", "linear"],
)
@torch.no_grad()
def test_rounded_weights_change_no_mean(operator: Operator) -> None:
    """The oracle runs the layer with float weights and with rounded ones, on all images at once."""
    torch.manual_seed(0)
    x = torch.rand(7, 4, 9, 7) + 0.3
    if isinstance(operator, Convolution) and isinstance(operator.norm, nn.BatchNorm2d):
        operator.norm.running_mean.uniform_(-1, 1)
        operator.norm.running_var.uniform_(0.5, 2)
    prepared = prepare(operator, CORRECTED)
    for batch in x.split([2, 4, 1]):
        prepared(batch)
    folded = copy.deepcopy(operator).eval()
    fold_batch_norm(folded)
    layer, converted = weighted_layer(folded), convert(prepared, W3A8)
    corrected = weighted_layer(converted)
    assert layer is not None
    assert corrected is not None
    assert torch.equal(corrected.weight, fake_quantise_channels(layer.weight, 3))
    given = x.flatten(1) if isinstance(operator, Linear) else x
    axes = [0] if isinstance(operator, Linear) else [0, 2, 3]
    change = (corrected(given) - layer(given)).mean(axes)
    corrected.bias = layer.bias
    uncorrected = (corrected(given) - layer(given)).mean(axes)
    assert uncorrected.abs().max() > 0.01
    assert change.abs().max() < 1e-5
    assert converted.input_mean is None


@torch.no_grad()
def test_training_starts_from_the_corrected_network() -> None:
    torch.manual_seed(1)
    network = build_network(TINY, [[mbconv(5, 2), mbconv(3, 2)], [mbconv(3, 3)]]).eval()
    images = torch.rand(20, 1, 8, 6)
    policy = Policy((W3A8, W3A8), fixed=BitWidths(4, 8))
    settings = PtqSettings(MinMaxObserver, bias_correction=True)
    expected = quantise_network(network, policy, images.split(6), settings)
    assert torch.equal(prepare_qat_network(network, policy, images.split(6), settings)(images), expected(images))
    plain = quantise_network(network, policy, images.split(6))
    assert not torch.equal(plain(images), expected(images))
    assert plain.state_dict().keys() == expected.state_dict().keys()


@torch.no_grad()
def test_a_float_network_needs_no_correction() -> None:
    torch.manual_seed(2)
    prepared = prepare(Convolution(2, 3, 3), CORRECTED)
    x = torch.rand(4, 2, 6, 6)
    prepared(x)
    torch.testing.assert_close(convert(prepared, FLOAT)(x), prepared(x))
