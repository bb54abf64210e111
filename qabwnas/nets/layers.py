"""The modules that a space describes: stem, operations of a layer, heads of students and teachers."""

from __future__ import annotations

from collections import OrderedDict
from typing import cast

from torch import Tensor, nn

from qabwnas.costs.operation_type import operation_type
from qabwnas.errors import InputError
from qabwnas.io.user_code import call
from qabwnas.nets.own_head import build_own_head
from qabwnas.quant.operators import Add, Concatenate, Convolution, GlobalAverage, HardSigmoid, Linear, Multiply
from qabwnas.space import Head, Layer, Operation, SearchSpace, Stem

DROPOUT = 0.1


def build_stem(stem: Stem, in_channels: int) -> nn.Sequential:
    """Return a stem with fresh weights: a convolution, and MobileNetV2's separable layer if the space has it."""
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    parts["conv"] = Convolution(in_channels, stem.channels, stem.kernel, stride=stem.stride)
    if stem.separable_channels is not None:
        # No residual connection, even if the channels allow one: space.Stem describes none.
        parts["depthwise"] = Convolution(stem.channels, stem.channels, 3, groups=stem.channels)
        parts["project"] = Convolution(stem.channels, stem.separable_channels, activation="none")
    return nn.Sequential(parts)


class InvertedResidual(nn.Module):
    """Convolutions in sequence; with ``adds``, their input is added to their output."""

    def __init__(self, parts: OrderedDict[str, nn.Module], *, adds: bool) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(parts)
        self.add = Add() if adds else None

    def forward(self, x: Tensor) -> Tensor:
        y = cast(Tensor, self.convolutions(x))
        return y if self.add is None else cast(Tensor, self.add(x, y))


class MBConv(InvertedResidual):
    """An inverted residual (Sandler et al., CVPR 2018).

    1×1 expansion (absent at expansion 1), k×k depth-wise convolution, linear 1×1 projection. Each has batch norm, all
    but the projection have ReLU6. With ``squeeze_channels``, squeeze-and-excitation comes before the projection. If
    input and output have the same shape, they are added.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        expansion: int,
        stride: int,
        dilation: int,
        squeeze_channels: int | None = None,
    ) -> None:
        inner = in_channels * expansion
        parts: OrderedDict[str, nn.Module] = OrderedDict()
        if expansion != 1:
            parts["expand"] = Convolution(in_channels, inner)
        parts["depthwise"] = Convolution(inner, inner, kernel, stride=stride, dilation=dilation, groups=inner)
        if squeeze_channels is not None:
            parts["squeeze_excite"] = SqueezeExcite(inner, squeeze_channels)
        parts["project"] = Convolution(inner, out_channels, activation="none")
        super().__init__(parts, adds=stride == 1 and in_channels == out_channels)


class FusedMBConv(InvertedResidual):
    """A fused inverted residual (Tan and Le, ICML 2021).

    A k×k convolution expands, a linear 1×1 convolution projects; both have batch norm, the first has ReLU6. At
    expansion 1 there is no projection: the k×k convolution alone gives the output channels. If input and output have
    the same shape, they are added.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int, expansion: int, stride: int, dilation: int
    ) -> None:
        inner = out_channels if expansion == 1 else in_channels * expansion
        parts: OrderedDict[str, nn.Module] = OrderedDict()
        parts["expand"] = Convolution(in_channels, inner, kernel, stride=stride, dilation=dilation)
        if expansion != 1:
            parts["project"] = Convolution(inner, out_channels, activation="none")
        super().__init__(parts, adds=stride == 1 and in_channels == out_channels)


class SqueezeExcite(nn.Module):
    """Channels scaled by a gate that is computed from their means (Hu et al., CVPR 2018), as in MobileNetV3.

    Global averages, a 1×1 convolution to ``squeeze_channels`` with ReLU, a 1×1 convolution back, and a hard sigmoid
    (Howard et al., ICCV 2019). The convolutions have biases and no batch norm.
    """

    def __init__(self, channels: int, squeeze_channels: int) -> None:
        super().__init__()
        self.average = GlobalAverage()
        self.squeeze = Convolution(channels, squeeze_channels, norm=False, activation="relu")
        self.excite = Convolution(squeeze_channels, channels, norm=False, activation="none")
        self.gate = HardSigmoid()
        self.multiply = Multiply()

    def forward(self, x: Tensor) -> Tensor:
        gate = self.gate(self.excite(self.squeeze(self.average(x))))
        return cast(Tensor, self.multiply(x, gate))


class Skip(nn.Identity):
    """The operation that leaves its layer out."""


def build_operation(layer: Layer, operation: Operation) -> nn.Module:
    """Return a module with fresh weights for ``operation`` in ``layer``.

    Raises:
        InputError: the class of the operation cannot be used, or builds no module.
    """
    where = f"{operation.name}: build"
    module = call(where, operation_type(operation).build, layer)
    if not isinstance(module, nn.Module):
        raise InputError(f"{where}: returns {type(module).__name__}, not a torch.nn.Module")
    return module


class Classifier(nn.Sequential):
    """Global average pooling and a linear layer: logits ``(n, n_classes)``."""

    def __init__(self, in_channels: int, n_classes: int) -> None:
        super().__init__(GlobalAverage(), Linear(in_channels, n_classes))


class DeepLabV3(nn.Module):
    """Atrous spatial pyramid pooling and a pixel-wise classifier (Chen et al. 2017), with ReLU throughout.

    Gives logits ``(n, n_classes, height, width)`` at the resolution of the features; the task scales them up. During
    training a tenth of the channels before the classifier is dropped.
    """

    def __init__(self, in_channels: int, channels: int, dilations: tuple[int, ...], n_classes: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            [
                Convolution(in_channels, channels, activation="relu"),
                *(Convolution(in_channels, channels, 3, dilation=d, activation="relu") for d in dilations),
            ]
        )
        self.pool = nn.Sequential(GlobalAverage(), Convolution(in_channels, channels, activation="relu"))
        self.concatenate = Concatenate()
        self.bottleneck = Convolution((len(dilations) + 2) * channels, channels, 3, activation="relu")
        self.dropout = nn.Dropout2d(DROPOUT)
        self.classifier = Convolution(channels, n_classes, norm=False, activation="none")

    def forward(self, x: Tensor) -> Tensor:
        maps = [branch(x) for branch in self.branches]
        pooled = self.pool(x).expand_as(maps[0])
        # The pooled channels come first, as in the checkpoints of qabwnas.nets.mmseg.
        logits: Tensor = self.classifier(self.dropout(self.bottleneck(self.concatenate(pooled, *maps))))
        return logits


def build_head(head: Head, in_channels: int) -> nn.Module:
    """Return a head with fresh weights; raises as :func:`~qabwnas.nets.own_head.build_own_head` if it is the user's."""
    if head.is_own:
        return build_own_head(head, in_channels)
    if head.kind == "classifier":
        return Classifier(in_channels, head.n_classes)
    return DeepLabV3(in_channels, head.channels, head.dilations, head.n_classes)


class Auxiliary(nn.Module):
    """An auxiliary head, used only to train a teacher: logits from the output of one of its blocks.

    A 3×3 convolution and a pixel-wise classifier (Zhao et al., CVPR 2017, Section 3.3). Gives logits ``(n, n_classes,
    height, width)`` at the resolution of that block. ``block`` is its index.
    """

    def __init__(self, block: int, in_channels: int, channels: int, n_classes: int) -> None:
        super().__init__()
        self.block = block
        self.convolution = Convolution(in_channels, channels, 3, activation="relu")
        self.dropout = nn.Dropout2d(DROPOUT)
        self.classifier = Convolution(channels, n_classes, norm=False, activation="none")

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.classifier(self.dropout(self.convolution(x))))


def build_auxiliary(space: SearchSpace, b: int, channels: int) -> Auxiliary:
    """Return an auxiliary head of ``channels`` channels on the output of block ``b``, with fresh weights."""
    return Auxiliary(b, space.blocks[b].out_channels, channels, space.head.n_classes)
