"""An operation of one's own: a ghost module (Han et al., CVPR 2020).

A 1×1 convolution makes half of the channels, and a cheap depth-wise convolution makes the others from them.
"""

from __future__ import annotations

from typing import Any

from qabwnas.costs import FeatureMap, OperationType, OperatorList
from qabwnas.space import Layer


class Ghost(OperationType):
    """The operation ``mynet.operations.Ghost:KERNEL`` of a space."""

    def __init__(self, kernel: int) -> None:
        self.kernel = kernel

    def build(self, layer: Layer) -> Any:
        from mynet.ghost import GhostModule  # here, because counting needs no torch

        return GhostModule(layer, self.kernel)

    def count(self, layer: Layer, x: FeatureMap, operators: OperatorList) -> FeatureMap:
        half = layer.out_channels // 2
        y = operators.convolution(x, half, stride=layer.stride)
        return operators.concatenate(y, operators.convolution(y, layer.out_channels - half, self.kernel, groups=half))
