"""The fixed layers behind the last block."""

from __future__ import annotations

from torch import Tensor, nn

from qabwnas.quant.operators import Concatenate, Convolution, GlobalAverage, Linear
from qabwnas.space import Head

DROPOUT = 0.1


class Classifier(nn.Sequential):
    """Global average pooling and a linear layer: logits ``(n, n_classes)``."""

    def __init__(self, in_channels: int, n_classes: int) -> None:
        super().__init__(GlobalAverage(), Linear(in_channels, n_classes))


class DeepLabV3(nn.Module):
    """Atrous spatial pyramid pooling and a pixel-wise classifier (Chen et al. 2017), with ReLU throughout.

    Gives logits ``(n, n_classes, height, width)`` at the resolution of the features; scaling them up is the task's.
    While it trains, a tenth of the channels in front of the classifier is dropped.
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
    """Return a head with fresh weights."""
    if head.kind == "classifier":
        return Classifier(in_channels, head.n_classes)
    return DeepLabV3(in_channels, head.channels, head.dilations, head.n_classes)
