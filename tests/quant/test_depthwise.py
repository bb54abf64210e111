"""The fast gradient of depth-wise convolutions against torch's own."""

import copy

import pytest
import torch
from torch import nn

from qabwnas.quant.depthwise import DepthwiseConv2d

SIDES = [(8, 8), (5, 4), (2, 2), (1, 3)]


def pair(kernel: int, stride: int, dilation: int) -> tuple[nn.Conv2d, nn.Conv2d]:
    torch.manual_seed(0)
    ours = DepthwiseConv2d(3, 3, kernel, stride, dilation * (kernel - 1) // 2, dilation, groups=3, bias=False).double()
    theirs = copy.deepcopy(ours)
    theirs.__class__ = nn.Conv2d
    return ours, theirs


@pytest.mark.parametrize("kernel", [1, 3, 5, 7])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("sides", SIDES)
def test_values_and_gradients_equal_those_of_torch(
    kernel: int, stride: int, dilation: int, sides: tuple[int, int]
) -> None:
    ours, theirs = pair(kernel, stride, dilation)
    x = torch.rand(2, 3, *sides, dtype=torch.float64)
    inputs = [x.clone().requires_grad_(), x.clone().requires_grad_()]
    outputs = [ours(inputs[0]), theirs(inputs[1])]
    assert torch.equal(*outputs)
    gradient = torch.rand_like(outputs[0])
    for output in outputs:
        output.backward(gradient)
    torch.testing.assert_close(inputs[0].grad, inputs[1].grad)
    torch.testing.assert_close(ours.weight.grad, theirs.weight.grad)


def test_without_gradients_and_with_a_bias_it_is_the_convolution_of_torch() -> None:
    ours, theirs = pair(3, 1, 1)
    x = torch.rand(2, 3, 4, 4, dtype=torch.float64)
    with torch.no_grad():
        assert torch.equal(ours(x), theirs(x))
    ours.bias = nn.Parameter(torch.ones(3, dtype=torch.float64))
    assert ours(x).grad_fn.name() == theirs(x).grad_fn.name()
    torch.testing.assert_close(ours(x), theirs(x) + 1)
