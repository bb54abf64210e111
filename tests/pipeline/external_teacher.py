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


class NormAct(nn.BatchNorm2d):
    """Batch norm and its activation in one class."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x).relu()


def norm_act() -> nn.Module:
    module = make()
    module.get_submodule("stem")[1] = NormAct(4)  # type: ignore[index,operator]
    return module


def batch_dependent() -> nn.Module:
    module = make()
    module.get_submodule("stem")[1] = nn.BatchNorm2d(4, track_running_stats=False)  # type: ignore[index,operator]
    return module


def silent(value: float, *channels: int) -> nn.Module:
    """Return a network whose block 1 gives the same value in some channels, whatever it reads."""
    module = make()
    with torch.no_grad():
        module.get_parameter("one.weight")[list(channels)] = 0
        module.get_parameter("one.bias")[list(channels)] = value
    return module


def one_silent() -> nn.Module:
    return silent(0.5, 2)


def all_silent() -> nn.Module:
    return silent(0.5, 0, 1, 2, 3)


def not_finite() -> nn.Module:
    return silent(float("nan"), 1)
