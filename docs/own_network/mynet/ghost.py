"""The module of the operation ``mynet.operations.Ghost``, built from qabwnas' operators."""

from __future__ import annotations

from torch import Tensor, nn

from qabwnas.quant.operators import Concatenate, Convolution
from qabwnas.space import Layer


class GhostModule(nn.Module):
    """Half of the channels from a 1×1 convolution, the others from a depth-wise one of these."""

    def __init__(self, layer: Layer, kernel: int) -> None:
        super().__init__()
        half = layer.out_channels // 2
        self.primary = Convolution(layer.in_channels, half, stride=layer.stride)
        self.cheap = Convolution(half, layer.out_channels - half, kernel, groups=half)
        self.concatenate = Concatenate()

    def forward(self, x: Tensor) -> Tensor:
        y = self.primary(x)
        joined: Tensor = self.concatenate(y, self.cheap(y))
        return joined
