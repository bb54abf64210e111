"""A network of the user's whose parts have every layer that conversion knows, for images of 3 × 14 × 12."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

BORDERS = ("stem", "layer1", "layer2")
SHAPE = (3, 14, 12)


class Residual(nn.Module):
    """As in ResNet-D: a residual connection that is averaged, and an addition in place."""

    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, n_out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(n_out, eps=1e-3)
        self.conv2 = nn.Conv2d(n_out, n_out, 3, padding="same", dilation=2)
        self.bn2 = nn.BatchNorm2d(n_out)
        self.relu = nn.ReLU(inplace=True)
        self.down = nn.Sequential(nn.AvgPool2d(stride, stride, ceil_mode=True), nn.Conv2d(n_in, n_out, 1))

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        y += self.down(x)
        given: Tensor = self.relu(y)
        return given


class Branches(nn.Module):
    """Functions in place of modules, padding that convolutions and poolings read, and a pooled branch."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.kernel = nn.Parameter(torch.randn(n_in, 1, 4, 4) / 4)
        self.left = nn.Conv2d(n_in, 4, 3)
        self.right = nn.Conv2d(n_in, 3, 1)
        self.last = nn.Conv2d(7 + 2 * n_in, n_out, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = F.conv2d(F.pad(x, (1, 2, 1, 2)), self.kernel, padding=0, groups=len(self.kernel)).clamp(0, 6)
        padded = F.pad(y, (0, 1, 1, 0))
        left = F.hardtanh(self.left(F.pad(y, (1, 1, 1, 1))), 0.0, 6.0)
        right = self.right(F.max_pool2d(padded, 2, stride=1)) + self.right(F.avg_pool2d(padded, 2, 1))
        pooled = x.mean((2, 3), keepdim=True).expand_as(y)
        maps = torch.cat([left, F.relu(right), y, pooled], 1)
        last: Tensor = self.last(maps)
        return last


class Net(nn.Module):
    """Reads the number of images, as ported networks do; ``after`` is a layer between pooling and the last one."""

    def __init__(self, after: nn.Module) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.ZeroPad2d((0, 1, 0, 1)),
            nn.Conv2d(3, 6, 3, 2, bias=False),
            nn.BatchNorm2d(6, eps=1e-3),
            nn.Hardtanh(0.0, 6.0),
            nn.MaxPool2d(3, 2, 1, ceil_mode=True),
        )
        self.layer1 = Residual(6, 8, 2)
        self.layer2 = Branches(8, 10)
        self.after = after
        self.fc = nn.Linear(10, 5, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        n = images.size(0)
        x = self.layer2(self.layer1(self.stem(images)))
        logits: Tensor = self.fc(self.after(F.adaptive_avg_pool2d(x, 1).view(n, -1)))
        return logits


def make(after: type[nn.Module] = nn.Identity) -> nn.Module:
    """Return the same weights and statistics every time, in evaluation mode."""
    torch.manual_seed(0)
    module = Net(after())
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            assert part.running_mean is not None
            assert part.running_var is not None
            nn.init.uniform_(part.weight, 0.5, 1.5)
            nn.init.uniform_(part.running_mean, -0.2, 0.2)
            nn.init.uniform_(part.running_var, 1e-3, 1.0)
    return module.eval()
