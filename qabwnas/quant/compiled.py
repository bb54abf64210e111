"""The compiled kernels for layers on CPUs, where they are built and pay; torch's own serve everywhere else.

They see feature maps as arrays with channels last, ``(n, height, width, channels)``, without a copy.
"""

from __future__ import annotations

import importlib.util
from types import ModuleType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def _kernels() -> ModuleType | None:
    if importlib.util.find_spec("qabwnas._core") is None:
        return None
    from qabwnas import _core

    return _core if _core.has_wide_vectors() else None


KERNELS: Any = _kernels()
"""The module that holds them; ``None`` where it was not built, or for another kind of processor."""


def takes(maps: Tensor) -> bool:
    """Return whether the kernels read these maps as they lie in memory."""
    return (
        KERNELS is not None
        and maps.is_cpu
        and maps.dtype is torch.float32
        and maps.ndim == 4
        and maps.is_contiguous(memory_format=torch.channels_last)
    )


def channels_last(maps: Tensor) -> NDArray[np.float32]:
    """Return maps that :func:`takes` holds for as an array of channels last, over the same memory."""
    array: NDArray[np.float32] = maps.detach().permute(0, 2, 3, 1).numpy()
    return array
