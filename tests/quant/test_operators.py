"""Operators compute what their names say."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from qabwnas.nets.layers import SqueezeExcite
from qabwnas.quant.activations import FakeQuantise
from qabwnas.quant.operators import Activation, Convolution, HardSigmoid, Input, Multiply
from qabwnas.quant.ptq import convert, prepare, quantise
from qabwnas.quant.qat import convert_qat, prepare_qat
from qabwnas.space import BitWidths


@pytest.mark.parametrize(("activation", "low", "high"), [("relu6", 0, 6), ("relu", 0, 9), ("none", -9, 9)])
@torch.no_grad()
def test_a_convolution_ends_in_its_activation(activation: Activation, low: float, high: float) -> None:
    convolution = Convolution(1, 1, norm=False, activation=activation)
    assert convolution.conv.bias is not None
    nn.init.ones_(convolution.conv.weight)
    nn.init.zeros_(convolution.conv.bias)
    x = torch.tensor([-9.0, 0.5, 9.0]).reshape(1, 1, 1, 3)
    assert convolution(x).flatten().tolist() == [low, 0.5, high]
    quantised = quantise(convolution, BitWidths(8, 8), [x])
    grids = [part for part in quantised.modules() if isinstance(part, FakeQuantise)]
    assert float(quantised(x).max()) == pytest.approx(high, abs=0.05)
    assert float(grids[-1].grid.scale) == pytest.approx((high - low) / 255)  # the range is what was prepared


def test_a_hard_sigmoid_is_three_lines_and_a_gate_is_broadcast() -> None:
    x = torch.tensor([-5.0, -3.0, -1.5, 0.0, 3.0, 9.0])
    torch.testing.assert_close(HardSigmoid()(x), torch.tensor([0.0, 0.0, 0.25, 0.5, 1.0, 1.0]))
    maps, gate = torch.rand(2, 3, 4, 5), torch.rand(2, 3, 1, 1)
    expected = torch.stack(
        [torch.stack([m * g for m, g in zip(*pair, strict=True)]) for pair in zip(maps, gate, strict=True)]
    )
    assert torch.equal(Multiply()(maps, gate), expected)


def test_squeeze_and_excitation_trains_at_its_bits() -> None:
    """Values equal those of the converted module bit by bit, every slot rounds, gradients reach all."""
    torch.manual_seed(0)
    x = torch.randn(4, 8, 5, 5)
    prepared = prepare(nn.Sequential(Input(), SqueezeExcite(8, 8)))
    prepared(x)
    qat = prepare_qat(prepared, BitWidths(4, 6))
    converted = convert(prepared, BitWidths(4, 6))
    slots = [part for part in converted.modules() if isinstance(part, FakeQuantise)]
    assert len(slots) == 1 + 5  # the input, average, two convolutions, gate and product
    assert torch.equal(qat(x), converted(x))
    x.requires_grad_(True)
    qat(x).square().sum().backward()
    assert x.grad is not None
    assert all(p.grad is not None and bool((p.grad != 0).any()) for p in qat.parameters())
    assert torch.equal(convert_qat(qat)(x), converted(x))
