"""Point-wise convolutions and their gradients against torch's own."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import nn

from qabwnas.quant import compiled
from qabwnas.quant.affine import grid_of
from qabwnas.quant.apply import quantise
from qabwnas.quant.convolution import convolve
from qabwnas.quant.depthwise import DepthwiseConv2d
from qabwnas.quant.fake import FakeQuantise
from qabwnas.quant.operators import Activation, Convolution
from qabwnas.quant.pointwise import PointwiseConv2d
from qabwnas.space import BitWidths


@contextmanager
def threads(n: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(("inputs", "outputs"), [(1, 1), (3, 40), (16, 16), (24, 5), (70, 33), (600, 130)])
@pytest.mark.parametrize("sides", [(1, 1), (3, 4), (7, 13)])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("channels_last", [True, False])
def test_values_and_gradients_are_those_of_torch(
    inputs: int, outputs: int, sides: tuple[int, int], bias: bool, channels_last: bool
) -> None:
    torch.manual_seed(inputs)
    ours = PointwiseConv2d(inputs, outputs, 1, bias=bias)
    exact = copy.deepcopy(ours).double()
    exact.__class__ = nn.Conv2d
    x = torch.randn(3, inputs, *sides)
    if channels_last:
        x = x.contiguous(memory_format=torch.channels_last)
    mine, right = x.clone(memory_format=torch.preserve_format).requires_grad_(), x.double().requires_grad_()
    y, y_exact = ours(mine), exact(right)
    torch.testing.assert_close(y.double(), y_exact, rtol=1e-5, atol=1e-5)
    with torch.inference_mode():
        assert torch.equal(ours(x), y)
    gradient = torch.randn_like(y)
    y.backward(gradient)
    y_exact.backward(gradient.double())
    torch.testing.assert_close(mine.grad.double(), right.grad, rtol=1e-4, atol=1e-5)
    for p, q in zip(ours.parameters(), exact.parameters(), strict=True):
        torch.testing.assert_close(p.grad.double(), q.grad, rtol=1e-4, atol=1e-4)


def test_neither_threads_nor_the_images_beside_one_change_a_bit() -> None:
    torch.manual_seed(0)
    x = torch.randn(3, 40, 61, 67).contiguous(memory_format=torch.channels_last)
    for conv in (PointwiseConv2d(40, 72, 1), DepthwiseConv2d(40, 40, 5, 1, 4, dilation=2, groups=40)):
        with torch.inference_mode():
            with threads(1):
                one = conv(x)
                images = torch.cat([conv(image) for image in x.split(1)])
            with threads(3):
                assert torch.equal(conv(x), one)
            assert torch.equal(images, one)


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("channels_last", [True, False])
@pytest.mark.parametrize(("outputs", "kernel", "groups"), [(50, 1, 1), (24, 3, 24), (20, 3, 1)])
@pytest.mark.parametrize("activation", ["relu6", "none"])
def test_rounding_in_one_pass_is_rounding_behind(
    bits: int, channels_last: bool, outputs: int, kernel: int, groups: int, activation: Activation
) -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 24, 9, 11)
    if channels_last:
        x = x.contiguous(memory_format=torch.channels_last)
    operator = Convolution(24, outputs, kernel, groups=groups, activation=activation).eval()
    frozen = quantise(operator, BitWidths(bits, bits), [x])
    entry, conv = frozen.children()
    assert isinstance(conv, Convolution)
    assert isinstance(conv.output, FakeQuantise)
    with torch.inference_mode():
        read = entry(x)
        assert conv.weights is not None
        found = conv(read)
        response = convolve(conv.conv, read, *conv.weights(conv.conv, read))
        assert torch.equal(found, conv.output(conv.activation(response)))
    assert grid_of(found) is conv.output.grid


def test_convolutions_of_one_pixel_are_point_wise() -> None:
    assert isinstance(Convolution(8, 24).conv, PointwiseConv2d)
    assert isinstance(Convolution(24, 24, 3, groups=24).conv, DepthwiseConv2d)
    for other in (Convolution(8, 24, stride=2), Convolution(8, 24, 3), Convolution(8, 24, groups=2)):
        assert type(other.conv) is nn.Conv2d


def test_the_kernel_refuses_what_does_not_fit_together() -> None:
    if compiled.KERNELS is None:
        pytest.skip("the compiled kernels are not here")
    x, y = torch.zeros(1, 4, 4, 16).numpy(), torch.zeros(1, 4, 4, 8).numpy()
    for weights, bias, to in [
        (torch.zeros(8, 15), None, y),
        (torch.zeros(9, 16), None, y),
        (torch.zeros(8, 16), None, y[:, :3].copy()),
        (torch.zeros(8, 16, 1), None, y),
    ]:
        with pytest.raises(ValueError, match="do not belong together|have sides"):
            compiled.KERNELS.pointwise(x, weights.numpy(), bias, None, to, 1)
    with pytest.raises(ValueError, match="a bias has a number for each output"):
        compiled.KERNELS.pointwise(x, torch.zeros(8, 16).numpy(), torch.zeros(7).numpy(), None, y, 1)
