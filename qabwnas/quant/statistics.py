"""Statistics of the channels of a feature map that comes in batches: of the whole set, not moving averages."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from qabwnas.quant import compiled


def channel_sums(values: Tensor) -> Tensor:
    """Return the sum of every channel of ``(n, channels, height, width)``, float64 ``(channels,)``.

    The pixels of one image, or fewer, are summed in float32 (about 1e-7 relative), and those sums in float64: many
    times faster on CPUs than float64 throughout.
    """
    if compiled.takes(values):
        return torch.from_numpy(compiled.KERNELS.channel_sums(compiled.channels_last(values)))
    return values.sum((2, 3)).sum(0, dtype=torch.float64)


def channel_squares(values: Tensor, centres: Tensor) -> Tensor:
    """Return the sum of every channel's squared distances from its centre ``(channels,)``; as :func:`channel_sums`."""
    centres = centres.to(values.dtype)
    if compiled.takes(values):
        return torch.from_numpy(compiled.KERNELS.centred_squares(compiled.channels_last(values), centres.numpy()))
    return (values - centres[:, None, None]).square_().sum((2, 3)).sum(0, dtype=torch.float64)


def image_squares(values: Tensor, others: Tensor) -> Tensor:
    """Return the sum of squared differences of every channel of every image, float64 ``(n, channels)``."""
    if compiled.takes(values) and compiled.takes(others):
        arrays = compiled.channels_last(values), compiled.channels_last(others)
        return torch.from_numpy(compiled.KERNELS.squared_differences(*arrays))
    return (values - others).square_().sum((2, 3)).double()


def channel_statistics(batches: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Return mean and population variance of every channel over all batches, float64 ``(channels,)`` each.

    Batches are ``(n, channels, height, width)``, of any ``n``. Two passes, the second around the mean of the first,
    so that nothing cancels.
    """
    n = sum(batch.numel() // batch.shape[1] for batch in batches)
    mean = torch.stack([channel_sums(batch) for batch in batches]).sum(0) / n
    return mean, torch.stack([channel_squares(batch, mean) for batch in batches]).sum(0) / n
