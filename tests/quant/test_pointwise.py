"""Point-wise convolutions against torch's own, forward and backward."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from qabwnas.quant.operators import Convolution
from qabwnas.quant.pointwise import PointwiseConv2d


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("with_bias", [False, True])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_values_and_gradients_are_those_of_torch(
    stride: int, with_bias: bool, layout: torch.memory_format, dtype: torch.dtype
) -> None:
    torch.manual_seed(0)
    ours = PointwiseConv2d(5, 12, 1, stride, bias=with_bias).to(dtype)
    x = torch.randn(3, 5, 7, 6, dtype=dtype).contiguous(memory_format=layout)

    def with_gradients(respond: object, to: torch.dtype) -> list[Tensor]:
        given = [x.to(to), *(parameter.detach().to(to) for parameter in ours.parameters())]
        leaves = [tensor.requires_grad_() for tensor in given]
        y = respond(*leaves, None) if len(leaves) == 2 else respond(*leaves)  # type: ignore[operator]
        return [y, *torch.autograd.grad(y.square().sum(), leaves)]

    found = with_gradients(ours.convolve, dtype)
    exact = with_gradients(lambda *given: F.conv2d(*given, stride), torch.float64)
    for mine, right in zip(found, exact, strict=True):
        torch.testing.assert_close(mine.double(), right, rtol=1e-5, atol=1e-4)
    with torch.inference_mode():
        assert torch.equal(ours(x), found[0])


def test_convolutions_of_one_pixel_are_point_wise() -> None:
    for ours in (Convolution(8, 24), Convolution(8, 24, stride=2)):
        assert isinstance(ours.conv, PointwiseConv2d)
    for other in (Convolution(8, 24, 3), Convolution(8, 24, groups=2)):
        assert type(other.conv) is nn.Conv2d
