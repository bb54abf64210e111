"""The fixed layers before the first block."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from qabwnas.quant.operators import Convolution
from qabwnas.space import Stem


def build_stem(stem: Stem, in_channels: int) -> nn.Sequential:
    """Return a stem with fresh weights: a convolution, and MobileNetV2's separable layer if the space has it."""
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    parts["conv"] = Convolution(in_channels, stem.channels, stem.kernel, stride=stem.stride)
    if stem.separable_channels is not None:
        # No residual connection, even where the channels would allow it: space.Stem describes none.
        parts["depthwise"] = Convolution(stem.channels, stem.channels, 3, groups=stem.channels)
        parts["project"] = Convolution(stem.channels, stem.separable_channels, activation="none")
    return nn.Sequential(parts)
