"""A classifier with a hidden layer, built from qabwnas' operators, so that it is quantised like the rest."""

from __future__ import annotations

from torch import Tensor, nn

from qabwnas.quant.operators import Convolution, GlobalAverage, Linear


class HiddenLayer(nn.Module):
    """Global average pooling, a hidden layer with batch norm and ReLU, and a linear layer."""

    def __init__(self, in_channels: int, classes: int, hidden: int) -> None:
        super().__init__()
        self.pool = GlobalAverage()
        self.hidden = Convolution(in_channels, hidden, activation="relu")
        self.logits = Linear(hidden, classes)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.logits(self.hidden(self.pool(x)))
        return logits
