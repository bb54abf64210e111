"""Small networks of other programs, for the space ``TINY``: its borders are 4 × 8 × 6, 4 × 8 × 6 and 6 × 4 × 3."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

BORDERS = ("stem.2", "layer1", "layer2.last")


class Residual(nn.Module):
    """Two convolutions with a residual connection, and a ReLU after the sum, all in place."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        y += x
        return self.relu(y)


class Down(nn.Module):
    """Begins with an in-place operation on its input, has two branches, and its last module is not its output."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.relu = nn.ReLU6(inplace=True)
        self.left = nn.Conv2d(n_in, 2, 1)
        self.right = nn.Conv2d(n_in, 3, 5, padding=2)
        self.last = nn.Conv2d(5, n_out, 3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(x - 1)
        last: Tensor = self.last(torch.cat([self.left(x), F.relu(self.right(x))], dim=1))
        return last


class Foreign(nn.Module):
    """Stem, head and ``layer1`` have operators for everything; ``layer2`` does not."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU6(inplace=True))
        self.layer1 = Residual(4)
        self.layer2 = Down(4, 6)
        self.pool = nn.AdaptiveAvgPool2d((1, 1))
        self.dropout = nn.Dropout(0.5)
        self.fc = nn.Linear(6, 3)

    def forward(self, images: Tensor) -> Tensor:
        x = self.layer2(self.layer1(self.stem(images)))
        logits: Tensor = self.fc(self.dropout(torch.flatten(self.pool(x), 1)))
        return logits


def make() -> nn.Module:
    """Return the same weights every time."""
    torch.manual_seed(0)
    module = Foreign()
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            assert part.running_mean is not None
            nn.init.uniform_(part.weight, 0.5, 1.5)
            nn.init.uniform_(part.running_mean, -0.2, 0.2)
    return module


class LongSkip(Foreign):
    """Layer 2 uses the output of the stem again."""

    def forward(self, images: Tensor) -> Tensor:
        x = self.stem(images)
        y = self.layer1(x) * 2
        logits: Tensor = self.fc(self.pool(self.layer2(y + x)).flatten(1))
        return logits


class ImageSize(Foreign):
    """The head reads the images."""

    def forward(self, images: Tensor) -> Tensor:
        x = self.layer2(self.layer1(self.stem(images)))
        return F.interpolate(x, size=images.shape[2:])


class Branching(Foreign):
    """Its control flow depends on values."""

    def forward(self, images: Tensor) -> Tensor:
        return self.stem(images) if images.sum() > 0 else images


class Twice(Foreign):
    def forward(self, images: Tensor) -> Tensor:
        x: Tensor = self.layer2(self.layer1(self.layer1(self.stem(images))))
        return x


class TwoAnswers(Foreign):
    def forward(self, images: Tensor) -> dict[str, Tensor]:  # type: ignore[override]
        x = self.layer2(self.layer1(self.stem(images)))
        return {"out": x, "aux": x}


class TwoInputs(Foreign):
    def forward(self, images: Tensor, mask: Tensor) -> Tensor:  # type: ignore[override]
        return super().forward(images * mask)


class Unused(Foreign):
    def forward(self, images: Tensor) -> Tensor:
        x = self.stem(images)
        self.layer1(x)
        return self.fc(self.pool(self.layer2(x)).flatten(1))
