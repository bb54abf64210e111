"""An auxiliary head: logits from the middle of a teacher, for its training alone."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from qabwnas.nets.head import DROPOUT
from qabwnas.quant.operators import Convolution
from qabwnas.space import SearchSpace


class Auxiliary(nn.Module):
    """A 3×3 convolution and a pixel-wise classifier on one block's output (Zhao et al., CVPR 2017, Section 3.3).

    Gives logits ``(n, n_classes, height, width)`` at the resolution of that block. ``block`` is its index.
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
