"""Depth-wise and point-wise convolutions and their gradients, compared with torch's."""

from __future__ import annotations

import copy
from unittest.mock import patch

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from qabwnas.quant import convolutions
from qabwnas.quant.convolutions import DepthwiseConv2d, PointwiseConv2d, Sides
from qabwnas.quant.operators import Convolution

SIDES = [(8, 8), (5, 4), (2, 2), (1, 3)]


def pair(kernel: int, stride: int, dilation: int, *, bias: bool = False) -> tuple[nn.Conv2d, nn.Conv2d]:
    torch.manual_seed(0)
    ours = DepthwiseConv2d(3, 3, kernel, stride, dilation * (kernel - 1) // 2, dilation, groups=3, bias=bias).double()
    theirs = copy.deepcopy(ours)
    theirs.__class__ = nn.Conv2d
    return ours, theirs


@pytest.mark.parametrize("kernel", [1, 3, 5, 7])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("dilation", [1, 2, 4])
@pytest.mark.parametrize("sides", SIDES)
@pytest.mark.parametrize("bias", [False, True])
def test_values_and_gradients_equal_those_of_torch(
    kernel: int, stride: int, dilation: int, sides: tuple[int, int], bias: bool
) -> None:
    ours, theirs = pair(kernel, stride, dilation, bias=bias)
    x = torch.rand(2, 3, *sides, dtype=torch.float64)
    inputs = [x.clone().requires_grad_(), x.clone().requires_grad_()]
    outputs = [ours(inputs[0]), theirs(inputs[1])]
    torch.testing.assert_close(*outputs)
    gradient = torch.rand_like(outputs[0])
    for output in outputs:
        output.backward(gradient)
    torch.testing.assert_close(inputs[0].grad, inputs[1].grad)
    torch.testing.assert_close(ours.weight.grad, theirs.weight.grad)
    if bias:
        torch.testing.assert_close(ours.bias.grad, theirs.bias.grad)


def test_without_gradients_and_with_a_bias_it_is_the_convolution_of_torch() -> None:
    ours, theirs = pair(3, 1, 1)
    x = torch.rand(2, 3, 4, 4, dtype=torch.float64)
    with torch.no_grad():
        assert torch.equal(ours(x), theirs(x))
    ours.bias = nn.Parameter(torch.ones(3, dtype=torch.float64))
    torch.testing.assert_close(ours(x), theirs(x) + 1)


@pytest.mark.parametrize("kernel", [(3, 3), (5, 5), (7, 7), (4, 9), (1, 2)])
@pytest.mark.parametrize(
    ("stride", "dilation"), [((1, 1), (1, 1)), ((1, 1), (2, 4)), ((2, 2), (1, 1)), ((3, 1), (2, 1))]
)
@pytest.mark.parametrize(("channels", "sides"), [(16, (9, 14)), (21, (5, 4)), (40, (13, 3)), (48, (1, 33))])
@pytest.mark.parametrize("with_bias", [False, True])
def test_channels_last_maps_give_what_float64_gives(
    kernel: Sides, stride: Sides, dilation: Sides, channels: int, sides: Sides, with_bias: bool
) -> None:
    """In float32, where another order of sums changes the last bits; also if no output is inside the map."""
    torch.manual_seed(channels)
    padding = tuple(d * (k - 1) // 2 + k // 5 for k, d in zip(kernel, dilation, strict=True))
    if any(s + 2 * p <= d * (k - 1) for s, p, k, d in zip(sides, padding, kernel, dilation, strict=True)):
        pytest.skip("the kernel is larger than the map")
    ours = DepthwiseConv2d(channels, channels, kernel, stride, padding, dilation, groups=channels, bias=with_bias)
    exact = copy.deepcopy(ours).double()
    exact.__class__ = nn.Conv2d
    x = torch.randn(3, channels, *sides).contiguous(memory_format=torch.channels_last)
    inputs = [x.clone(memory_format=torch.preserve_format).requires_grad_(), x.double().requires_grad_()]
    outputs = [ours(inputs[0]), exact(inputs[1])]
    torch.testing.assert_close(outputs[0].double(), outputs[1], rtol=1e-5, atol=1e-5)
    with torch.inference_mode():
        assert torch.equal(ours(x), outputs[0])
    gradient = torch.randn_like(outputs[0])
    outputs[0].backward(gradient)
    outputs[1].backward(gradient.double())
    for mine, right in [
        (inputs[0].grad, inputs[1].grad),
        *((p.grad, q.grad) for p, q in zip(ours.parameters(), exact.parameters(), strict=True)),
    ]:
        torch.testing.assert_close(mine.double(), right, rtol=1e-4, atol=1e-5 * float(right.abs().max()))


@pytest.mark.parametrize(("kernel", "dilation"), [(7, 2), (5, 4), (7, 4), (3, 2)])
@pytest.mark.parametrize("sides", [(13, 9), (3, 20), (1, 1)])
def test_space_to_batch_is_the_dilated_convolution(kernel: int, dilation: int, sides: Sides) -> None:
    """In every layout, also if a map is smaller than the dilation."""
    torch.manual_seed(0)
    x, weight, bias = torch.randn(2, 5, *sides).double(), torch.randn(5, 1, kernel, kernel).double(), torch.randn(5)
    expected = F.conv2d(x, weight, bias.double(), 1, dilation * (kernel - 1) // 2, dilation, 5)
    for layout in (torch.contiguous_format, torch.channels_last):
        found = convolutions._space_to_batch(x.contiguous(memory_format=layout), weight, bias.double(), (dilation,) * 2)
        torch.testing.assert_close(found, expected)


def test_wide_dilated_kernels_go_by_space_to_batch() -> None:
    """So that no CPU uses torch's plain loop; narrow ones, and those with a stride, go directly to torch."""
    x = torch.randn(1, 8, 12, 12)
    for kernel, dilation, stride, by_parts in [(7, 2, 1, True), (5, 4, 1, True), (5, 2, 1, False), (7, 1, 1, False),
                                               (7, 2, 2, False)]:  # fmt: skip
        conv = DepthwiseConv2d(8, 8, kernel, stride, dilation * (kernel - 1) // 2, dilation, groups=8)
        with (
            torch.no_grad(),
            patch.object(convolutions, "_space_to_batch", wraps=convolutions._space_to_batch) as watched,
        ):
            conv(x)
        assert watched.called == by_parts


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
