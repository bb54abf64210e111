"""SHA-256 of weights and data, which records the inputs of a result."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import torch
from torch import Tensor, nn


def tensors_digest(tensors: Mapping[str, Tensor]) -> str:
    """Return 64 hexadecimal digits over names, dtypes, shapes and values; independent of device and memory layout."""
    digest = hashlib.sha256()
    for name, tensor in tensors.items():
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def module_digest(module: nn.Module) -> str:
    """Return the digest of a module's parameters and buffers, in the order of its state dict."""
    return tensors_digest(module.state_dict())
