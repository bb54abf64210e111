"""Depth-wise convolutions and their fast gradients against torch's own."""

import copy

import pytest
import torch
from torch import nn

from qabwnas.quant import compiled
from qabwnas.quant.depthwise import DepthwiseConv2d, Sides

SIDES = [(8, 8), (5, 4), (2, 2), (1, 3)]


def pair(kernel: int, stride: int, dilation: int, *, bias: bool = False) -> tuple[nn.Conv2d, nn.Conv2d]:
    torch.manual_seed(0)
    ours = DepthwiseConv2d(3, 3, kernel, stride, dilation * (kernel - 1) // 2, dilation, groups=3, bias=bias).double()
    theirs = copy.deepcopy(ours)
    theirs.__class__ = nn.Conv2d
    return ours, theirs


@pytest.mark.parametrize("kernel", [1, 3, 5, 7])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("sides", SIDES)
@pytest.mark.parametrize("bias", [False, True])
def test_values_and_gradients_equal_those_of_torch(
    kernel: int, stride: int, dilation: int, sides: tuple[int, int], bias: bool
) -> None:
    ours, theirs = pair(kernel, stride, dilation, bias=bias)
    x = torch.rand(2, 3, *sides, dtype=torch.float64)
    inputs = [x.clone().requires_grad_(), x.clone().requires_grad_()]
    outputs = [ours(inputs[0]), theirs(inputs[1])]
    assert torch.equal(*outputs)
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
def test_the_kernels_for_channels_last_equal_those_of_torch(
    kernel: Sides, stride: Sides, dilation: Sides, channels: int, sides: Sides, with_bias: bool
) -> None:
    """In float32, of which sums in another order change the last bits; also where no output is inside the map."""
    torch.manual_seed(channels)
    padding = tuple(d * (k - 1) // 2 + k // 5 for k, d in zip(kernel, dilation, strict=True))
    if any(s + 2 * p <= d * (k - 1) for s, p, k, d in zip(sides, padding, kernel, dilation, strict=True)):
        pytest.skip("the kernel is larger than the map")
    ours = DepthwiseConv2d(channels, channels, kernel, stride, padding, dilation, groups=channels, bias=with_bias)
    exact = copy.deepcopy(ours).double()
    exact.__class__ = nn.Conv2d
    x = torch.randn(3, channels, *sides).contiguous(memory_format=torch.channels_last)
    assert compiled.takes(x) == (compiled.KERNELS is not None)
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


def test_kernels_refuse_what_does_not_fit_together() -> None:
    if compiled.KERNELS is None:
        pytest.skip("the compiled kernels are not here")
    x = torch.zeros(1, 4, 4, 16).numpy()
    with pytest.raises(ValueError, match="do not belong together"):
        compiled.KERNELS.depthwise(x, torch.zeros(3, 3, 16).numpy(), None, None, x.copy(), (1, 1), (0, 0), (1, 1), 1)
    with pytest.raises(ValueError, match="do not belong together"):
        compiled.KERNELS.depthwise(x, torch.zeros(3, 3, 8).numpy(), None, None, x.copy(), (1, 1), (1, 1), (1, 1), 1)
