"""Functions that give teachers made elsewhere, for the space of ``tiny``."""

from collections import OrderedDict

import torch
from torch import nn

BORDERS = ["stem", "one", "two"]


def make() -> nn.Module:
    """Return a network whose head has a layer without an operator, and so stays float."""
    torch.manual_seed(0)
    return nn.Sequential(
        OrderedDict(
            stem=nn.Sequential(nn.Conv2d(1, 4, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU()),
            one=nn.Conv2d(4, 4, 3, padding=1),
            two=nn.Sequential(nn.ReLU(), nn.Conv2d(4, 6, 3, stride=2, padding=1)),
            head=nn.Sequential(nn.Flatten(), nn.Linear(24, 8), nn.GELU(), nn.Linear(8, 10)),
        )
    )


def sized(n_classes: int) -> nn.Module:
    return nn.Linear(4, n_classes)


def number() -> int:
    return 5
