"""The digits' augmentation."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def random_shift(images: Tensor, generator: torch.Generator, pixels: int = 1) -> Tensor:
    """Return the images ``(n, channels, height, width)``, each moved by up to ``pixels`` along both axes.

    What moves in from outside is 0.
    """
    n, _, height, width = images.shape
    padded = F.pad(images, (pixels,) * 4)
    down, right = torch.randint(0, 2 * pixels + 1, (2, n), generator=generator)
    rows = (down[:, None] + torch.arange(height))[:, :, None]
    columns = (right[:, None] + torch.arange(width))[:, None, :]
    # Indexing with three tensors around the channels puts the channels last.
    return padded[torch.arange(n)[:, None, None], :, rows, columns].permute(0, 3, 1, 2)
