"""The scale of colour images that networks see: that of ImageNet, as mmsegmentation writes it, over 0 … 1."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor

MEAN = torch.tensor([123.675, 116.28, 103.53])
"""Mean of red, green and blue over 0 … 255; after division by ``DEVIATION``, an image of 0 is this grey."""
DEVIATION = torch.tensor([58.395, 57.12, 57.375])


def normalised(image: Image.Image) -> Tensor:
    """Return an image of mode ``RGB``, or ``F`` with grey values 0 … 255, as float32 ``(3, height, width)``."""
    pixels = torch.from_numpy(np.array(image))
    if pixels.ndim == 2:
        pixels = pixels[:, :, None].expand(-1, -1, 3)
    pixels = pixels.permute(2, 0, 1).to(torch.float32, memory_format=torch.contiguous_format, copy=True)
    return pixels.sub_(MEAN[:, None, None]).div_(DEVIATION[:, None, None])
