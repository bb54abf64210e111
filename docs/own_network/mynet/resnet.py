"""A small ResNet in plain PyTorch, with a head of its own: a teacher that knows nothing about qabwnas."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn
from torch.nn import functional as F


class BasicBlock(nn.Module):
    """Two 3×3 convolutions and a shortcut (He et al., CVPR 2016)."""

    def __init__(self, in_channels: int, channels: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.shortcut = nn.Sequential()
        if stride != 1 or in_channels != channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_channels, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)
            )

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


class Head(nn.Module):
    """Global average pooling, a hidden layer, logits."""

    def __init__(self, channels: int, hidden: int, n_classes: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(channels, hidden)
        self.logits = nn.Linear(hidden, n_classes)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.hidden(x.mean((2, 3))))
        return cast(Tensor, self.logits(y))


class ResNet(nn.Module):
    """A stem, two stages of two blocks, and a head."""

    def __init__(self, n_classes: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
        self.stage1 = nn.Sequential(BasicBlock(16, 16), BasicBlock(16, 16))
        self.stage2 = nn.Sequential(BasicBlock(16, 32, stride=2), BasicBlock(32, 32))
        self.head = Head(32, 24, n_classes)

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.head(self.stage2(self.stage1(self.stem(x)))))


def make() -> ResNet:
    """Return the teacher, which the configuration names as ``mynet.resnet.make``."""
    return ResNet(n_classes=3)
