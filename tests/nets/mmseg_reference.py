"""DeepLabv3 on MobileNetV2 in plain torch, with the module tree and the arithmetic of mmsegmentation: the oracle."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.nn import functional as F

STAGES = ((1, 16, 1, 1, 1), (6, 24, 2, 2, 1), (6, 32, 3, 2, 1), (6, 64, 4, 1, 2), (6, 96, 3, 1, 2), (6, 160, 3, 1, 4),
          (6, 320, 1, 1, 4))  # fmt: skip
"""Expansion, channels, layers, stride and dilation; the latter two of a stage's first layer."""


def conv_module(
    n_in: int, n_out: int, kernel: int, act: nn.Module | None, stride: int = 1, dilation: int = 1, groups: int = 1
) -> nn.Sequential:
    padding = dilation * (kernel // 2)
    conv = nn.Conv2d(n_in, n_out, kernel, stride, padding, dilation, groups, bias=False)
    parts: OrderedDict[str, nn.Module] = OrderedDict(conv=conv, bn=nn.BatchNorm2d(n_out))
    if act is not None:
        parts["activate"] = act
    return nn.Sequential(parts)


class InvertedResidual(nn.Module):
    def __init__(self, n_in: int, n_out: int, expansion: int, stride: int, dilation: int) -> None:
        super().__init__()
        inner = n_in * expansion
        layers = [] if expansion == 1 else [conv_module(n_in, inner, 1, nn.ReLU6())]
        layers.append(conv_module(inner, inner, 3, nn.ReLU6(), stride, dilation, groups=inner))
        layers.append(conv_module(inner, n_out, 1, None))
        self.conv = nn.Sequential(*layers)
        self.residual = stride == 1 and n_in == n_out

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        return x + y if self.residual else y


class Backbone(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = conv_module(3, 32, 3, nn.ReLU6(), stride=2)
        channels = 32
        for i, (expansion, n_out, n_layers, stride, dilation) in enumerate(STAGES):
            layers = []
            for n in range(n_layers):
                s, d = (stride, dilation) if n == 0 else (1, 1)
                layers.append(InvertedResidual(channels, n_out, expansion, s, d))
                channels = n_out
            self.add_module(f"layer{i + 1}", nn.Sequential(*layers))

    def forward(self, x: Tensor) -> list[Tensor]:
        maps = [self.conv1(x)]
        for i in range(len(STAGES)):
            maps.append(self.get_submodule(f"layer{i + 1}")(maps[-1]))
        return maps


class ASPPHead(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv_seg = nn.Conv2d(channels, 19, 1)
        self.image_pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), conv_module(320, channels, 1, nn.ReLU()))
        self.aspp_modules = nn.ModuleList(
            conv_module(320, channels, 1 if d == 1 else 3, nn.ReLU(), dilation=d) for d in (1, 12, 24, 36)
        )
        self.bottleneck = conv_module(5 * channels, channels, 3, nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        pooled = F.interpolate(self.image_pool(x), size=x.shape[2:], mode="bilinear", align_corners=False)
        logits: Tensor = self.conv_seg(self.bottleneck(torch.cat([pooled, *(m(x) for m in self.aspp_modules)], 1)))
        return logits


class FCNHead(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv_seg = nn.Conv2d(channels, 19, 1)
        self.convs = nn.Sequential(conv_module(96, channels, 3, nn.ReLU()))

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.conv_seg(self.convs(x))
        return logits


class EncoderDecoder(nn.Module):
    """``forward`` gives the logits of both heads and the backbone's maps, from ``conv1`` to ``layer7``."""

    def __init__(self, channels: int = 512, auxiliary_channels: int = 256) -> None:
        super().__init__()
        self.backbone = Backbone()
        self.decode_head = ASPPHead(channels)
        self.auxiliary_head = FCNHead(auxiliary_channels)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, list[Tensor]]:
        maps = self.backbone(x)
        return self.decode_head(maps[-1]), self.auxiliary_head(maps[5]), maps
