"""Depth-wise separable convolutions in one kernel against the same in two."""

from __future__ import annotations

from unittest.mock import patch

import pytest
import torch
from torch import nn

from qabwnas.nets.mbconv import MBConv
from qabwnas.quant import compiled
from qabwnas.quant.affine import grid_of
from qabwnas.quant.apply import quantise
from qabwnas.space import FLOAT, BitWidths
from tests.quant.test_pointwise import threads

needs_kernels = pytest.mark.skipif(compiled.KERNELS is None, reason="the compiled kernels are not built here")


def layer(kernel: int, expansion: int, stride: int, dilation: int, widths: BitWidths, x: torch.Tensor) -> nn.Module:
    """Return a quantised layer of 16 channels."""
    torch.manual_seed(kernel)
    return quantise(MBConv(16, 16, kernel, expansion, stride, dilation), widths, [x])


def apart(module: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """Return what the module's convolutions give one after the other."""
    with patch("qabwnas.quant.separable._together", return_value=None), torch.inference_mode():
        y: torch.Tensor = module(x)
        return y


@needs_kernels
@pytest.mark.parametrize("kernel", [3, 5, 7])
@pytest.mark.parametrize("expansion", [1, 6])
@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (1, 2), (2, 1)])
@pytest.mark.parametrize("sides", [(3, 4), (9, 40), (40, 9)])
@pytest.mark.parametrize("bits", [4, 8])
def test_one_kernel_gives_the_bits_of_two(
    kernel: int, expansion: int, stride: int, dilation: int, sides: tuple[int, int], bits: int
) -> None:
    x = torch.randn(2, 16, *sides).contiguous(memory_format=torch.channels_last)
    module = layer(kernel, expansion, stride, dilation, BitWidths(bits, bits), x)
    right = apart(module, x)
    for n in (1, 3):
        with threads(n), torch.inference_mode(), patch.object(compiled, "KERNELS", _Watched()) as watched:
            y = module(x)
        assert watched.calls.count("separable") == 1
        assert "depthwise" not in watched.calls
        assert torch.equal(y, right)
        assert grid_of(y) == grid_of(right)


@needs_kernels
@pytest.mark.parametrize("widths", [FLOAT, BitWidths(8, 8)])
def test_with_gradients_or_in_float_they_run_one_after_the_other(widths: BitWidths) -> None:
    x = torch.randn(1, 16, 8, 8).contiguous(memory_format=torch.channels_last)
    module = layer(3, 3, 1, 1, widths, x)
    with patch.object(compiled, "KERNELS", _Watched()) as watched, torch.set_grad_enabled(not widths.is_float):
        y = module(x)
    assert "separable" not in watched.calls
    torch.testing.assert_close(y, apart(module, x))


class _Watched:
    """The kernels, and the names of those that were called."""

    def __init__(self) -> None:
        self._kernels = compiled.KERNELS
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> object:
        self.calls.append(name)
        return getattr(self._kernels, name)
