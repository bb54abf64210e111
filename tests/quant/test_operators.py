"""Operators compute what their names say."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from qabwnas.quant.activations import FakeQuantise
from qabwnas.quant.operators import Activation, Convolution
from qabwnas.quant.ptq import quantise
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
