"""The classes of the operations that come with the package; names of operations lead here (space/operation.py).

Their modules are in :mod:`qabwnas.nets.layers`. It is imported when a module is built, because counting costs needs no
torch.
"""

from __future__ import annotations

from typing import Any

from qabwnas.costs.operation_type import FeatureMap, OperationType, OperatorList
from qabwnas.space import Layer

SQUEEZE = 4


class SkipType(OperationType):
    """The layer is left out; its input and output have the same shape."""

    def build(self, layer: Layer) -> Any:  # noqa: ARG002
        from qabwnas.nets.layers import Skip

        return Skip()

    def count(self, layer: Layer, x: FeatureMap, operators: OperatorList) -> FeatureMap:  # noqa: ARG002
        return x


class MBConvType(OperationType):
    """An inverted residual; see :class:`qabwnas.nets.layers.MBConv`."""

    def __init__(self, kernel: int, expansion: int) -> None:
        self.kernel = kernel
        self.expansion = expansion

    def build(self, layer: Layer) -> Any:
        from qabwnas.nets.layers import MBConv

        return MBConv(*_shape(layer, self.kernel, self.expansion))

    def count(self, layer: Layer, x: FeatureMap, operators: OperatorList) -> FeatureMap:
        inner, y = layer.in_channels * self.expansion, x
        if self.expansion != 1:
            y = operators.convolution(y, inner)
        y = operators.convolution(y, inner, self.kernel, stride=layer.stride, groups=inner)
        y = operators.convolution(self._excited(y, operators), layer.out_channels)
        return operators.elementwise(y, x) if layer.keeps_shape else y

    def _excited(self, y: FeatureMap, operators: OperatorList) -> FeatureMap:  # noqa: ARG002
        """Append what comes between the depth-wise convolution and the projection."""
        return y


class SqueezeExciteMBConvType(MBConvType):
    """An inverted residual with squeeze-and-excitation after its depth-wise convolution."""

    def build(self, layer: Layer) -> Any:
        from qabwnas.nets.layers import MBConv

        squeeze = squeeze_channels(layer.in_channels * self.expansion)
        return MBConv(*_shape(layer, self.kernel, self.expansion), squeeze_channels=squeeze)

    def _excited(self, y: FeatureMap, operators: OperatorList) -> FeatureMap:
        channels = y.shape.channels
        squeezed = operators.convolution(operators.global_average(y), squeeze_channels(channels), batch_norm=False)
        gate = operators.elementwise(operators.convolution(squeezed, channels, batch_norm=False))
        return operators.elementwise(y, gate)


class FusedMBConvType(OperationType):
    """A fused inverted residual; see :class:`qabwnas.nets.layers.FusedMBConv`."""

    def __init__(self, kernel: int, expansion: int) -> None:
        self.kernel = kernel
        self.expansion = expansion

    def build(self, layer: Layer) -> Any:
        from qabwnas.nets.layers import FusedMBConv

        return FusedMBConv(*_shape(layer, self.kernel, self.expansion))

    def count(self, layer: Layer, x: FeatureMap, operators: OperatorList) -> FeatureMap:
        inner = layer.out_channels if self.expansion == 1 else layer.in_channels * self.expansion
        y = operators.convolution(x, inner, self.kernel, stride=layer.stride)
        if self.expansion != 1:
            y = operators.convolution(y, layer.out_channels)
        return operators.elementwise(y, x) if layer.keeps_shape else y


def _shape(layer: Layer, kernel: int, expansion: int) -> tuple[int, int, int, int, int, int]:
    return layer.in_channels, layer.out_channels, kernel, expansion, layer.stride, layer.dilation


def squeeze_channels(channels: int) -> int:
    """Return the squeeze width for that many expanded channels: a quarter, rounded to a multiple of 8, 8 or more.

    Rounding down may not take more than a tenth, as in MobileNetV3 (Howard et al., ICCV 2019).
    """
    quarter = channels // SQUEEZE
    rounded = max(8, (quarter + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * quarter else rounded + 8
