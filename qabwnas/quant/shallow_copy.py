"""Copies of modules that share their weights."""

from __future__ import annotations

from typing import TypeVar

from torch import nn

M = TypeVar("M", bound=nn.Module)


def twin(module: M) -> M:
    """Return a copy of a module that has the same tensors as parameters, and copies of its buffers.

    For those who replace parameters, as folding and rounding do, and never write into them. Many times faster than a
    deep copy, which also walks through all the empty collections that torch keeps in every module.
    """
    copied = module.__new__(type(module))
    copied.__dict__ = module.__dict__ | {
        "_parameters": module._parameters.copy(),
        "_buffers": {name: None if buffer is None else buffer.clone() for name, buffer in module._buffers.items()},
        "_modules": {name: None if part is None else twin(part) for name, part in module._modules.items()},
    }
    return copied
