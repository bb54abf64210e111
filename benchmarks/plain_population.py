"""Measure a candidate with plain torch code: the baseline for the population of LUTs.

It measures one subnet and one bit width at a time, and keeps the memory layout of its input. Batch norm runs in
training mode to get its statistics. torch's fake-quantise kernels round activations, and weights at every call; biases
are rounded once. Only the weights come from this project's supernet.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_weights

from qabwnas.nets.layers import MBConv
from qabwnas.nets.supernet import SupernetBlock, extract
from qabwnas.quant.operators import Convolution


class Rounding:
    """Observes the range of a tensor, then rounds to a grid over it."""

    def __init__(self) -> None:
        self.low, self.high = 0.0, 0.0
        self.scale, self.zero, self.largest = 1.0, 0, 0

    def observe(self, x: Tensor) -> Tensor:
        low, high = torch.aminmax(x)
        self.low, self.high = min(self.low, float(low)), max(self.high, float(high))
        return x

    def set_bits(self, bits: int) -> None:
        self.largest = 2**bits - 1
        self.scale = float(torch.tensor((self.high - self.low) / self.largest))
        self.zero = -round(self.low / self.scale)

    def __call__(self, x: Tensor) -> Tensor:
        return torch.fake_quantize_per_tensor_affine(x, self.scale, self.zero, 0, self.largest)


class PlainConvolution:
    """A convolution with batch norm, an optional ReLU6, and a rounded output."""

    def __init__(self, source: Convolution) -> None:
        assert isinstance(source.norm, nn.BatchNorm2d)
        self.conv = nn.Conv2d.__new__(nn.Conv2d)  # torch's own forward pass on the same weights
        self.conv.__dict__ = source.conv.__dict__
        self.norm = source.norm
        self.norm.momentum = 1.0  # the statistics of one batch
        self.clips = not isinstance(source.activation, nn.Identity)
        self.output = Rounding()

    def calibrate(self, x: Tensor) -> Tensor:
        y = self.norm.train()(self.conv(x))
        n = y.numel() / y.shape[1]
        assert self.norm.running_var is not None
        self.norm.running_var *= (n - 1) / n  # torch keeps the sample's variance
        return self.output.observe(F.relu6(y, inplace=True) if self.clips else y)

    def set_bits(self, bits: int, read: Rounding) -> Rounding:
        """Fold batch norm and set the grids, given the rounding of the input; return the rounding of the output."""
        norm = self.norm.double()
        weight, self.bias = fuse_conv_bn_weights(
            self.conv.weight.double(), None, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
        )
        self.weight, self.bias = weight.float(), self.bias.float()
        self.largest = 2 ** (bits - 1) - 1
        self.scales = self.weight.abs().amax((1, 2, 3)) / self.largest
        self.zeros = torch.zeros(len(self.scales), dtype=torch.int32)
        unit = (self.scales * read.scale).double()
        self.bias = (torch.round(self.bias.double() / unit) * unit).float()
        self.output.set_bits(bits)
        return self.output

    def __call__(self, x: Tensor) -> Tensor:
        weight = torch.fake_quantize_per_channel_affine(
            self.weight, self.scales, self.zeros, 0, -self.largest, self.largest
        )
        conv = self.conv
        y = F.conv2d(x, weight, self.bias, conv.stride, conv.padding, conv.dilation, conv.groups)
        return self.output(F.relu6(y, inplace=True) if self.clips else y)


class PlainLayer:
    """An inverted residual layer."""

    def __init__(self, source: MBConv) -> None:
        self.convolutions = [PlainConvolution(part) for part in source.convolutions]
        self.sum = None if source.add is None else Rounding()

    def calibrate(self, x: Tensor) -> Tensor:
        y = x
        for convolution in self.convolutions:
            y = convolution.calibrate(y)
        return y if self.sum is None else self.sum.observe(x + y)

    def set_bits(self, bits: int, read: Rounding) -> Rounding:
        for convolution in self.convolutions:
            read = convolution.set_bits(bits, read)
        if self.sum is None:
            return read
        self.sum.set_bits(bits)
        return self.sum

    def __call__(self, x: Tensor) -> Tensor:
        y = x
        for convolution in self.convolutions:
            y = convolution(y)
        return y if self.sum is None else self.sum(x + y)


@torch.no_grad()
def measure_plainly(
    block: SupernetBlock, code: int, bits: int, calibration: Tensor, validation: Tensor, target: Tensor
) -> float:
    """Return the NSR of a candidate, given the block's inputs on both splits and the teacher's outputs."""
    layers = [PlainLayer(layer) for layer in extract(block, code)]
    entry = Rounding()
    x = entry.observe(calibration)
    for layer in layers:
        x = layer.calibrate(x)
    entry.set_bits(bits)
    read = entry
    for layer in layers:
        read = layer.set_bits(bits, read)
    x = entry(validation)
    for layer in layers:
        x = layer(x)
    error = (x - target).square().mean((0, 2, 3))
    return float((error / target.var((0, 2, 3), correction=0)).mean())
