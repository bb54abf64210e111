"""What shapes a part of a network gives, found without computing anything."""

from __future__ import annotations

import copy
from typing import Any, TypeVar

import torch
from torch import Tensor, fx, nn

from qabwnas.errors import InputError

Sides = tuple[int, ...]
M = TypeVar("M", bound=nn.Module)


def without_data(module: M) -> M:
    """Return a copy in evaluation mode whose tensors have shapes and no values."""
    return copy.deepcopy(module).to("meta").eval()


def value_shapes(part: fx.GraphModule, shape: Sides) -> tuple[dict[str, Sides], Sides]:
    """Return the shape of every tensor in a traced part, by node, and that of its output, for an input of ``shape``.

    Raises:
        InputError: the part does not run on such an input.
    """
    run = _Run(part)
    try:
        output = run.run(torch.empty(shape, device="meta"))
    except RuntimeError as error:
        reason = " ".join(str(error).split("While executing", maxsplit=1)[0].split())
        raise InputError(f"the teacher does not run on a tensor of the shape {shape}: {reason}") from error
    return run.shapes, tuple(output.shape)


class _Run(fx.Interpreter):
    def __init__(self, part: fx.GraphModule) -> None:
        super().__init__(without_data(part))
        self.shapes: dict[str, Sides] = {}

    @torch.no_grad()
    def run_node(self, n: fx.Node) -> Any:
        value = super().run_node(n)
        if isinstance(value, Tensor):
            self.shapes[n.name] = tuple(value.shape)
        return value
