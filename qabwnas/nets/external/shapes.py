"""The shapes of a part's outputs, from a run without data."""

from __future__ import annotations

import copy
from typing import Any, TypeVar

import torch
from torch import Tensor, fx, nn

from qabwnas.errors import InputError

Sides = tuple[int, ...]
M = TypeVar("M", bound=nn.Module)


def without_data(module: M) -> M:
    """Return a copy in evaluation mode whose tensors have shapes but no values."""
    return copy.deepcopy(module).to("meta").eval()


class ValueShapes(fx.Interpreter):
    """The shapes of the values in a traced part, from one run on an input without data.

    Attributes:
        shapes: of every tensor, by node.
        output_shape: of the part's output.
        overwriting: the nodes that overwrite a value that another node reads later.
        overwrites_input: whether the part changes its input.

    Raises:
        InputError: the part does not run on an input of ``shape``.
    """

    def __init__(self, part: fx.GraphModule, shape: Sides) -> None:
        super().__init__(without_data(part))
        self.shapes: dict[str, Sides] = {}
        self.overwriting: set[str] = set()
        self.overwrites_input = False
        self._order = {node: i for i, node in enumerate(self.graph.nodes)}
        self._storages: dict[fx.Node, Tensor] = {}  # one tensor per node, so that no storage key is used twice
        try:
            self.output_shape: Sides = tuple(self.run(torch.empty(shape, device="meta")).shape)
        except Exception as error:  # a part may contain modules with the user's code
            reason = " ".join(str(error).split("While executing", maxsplit=1)[0].split())
            raise InputError(f"the teacher does not run on a tensor of the shape {shape}: {reason}") from error

    @torch.no_grad()
    def run_node(self, n: fx.Node) -> Any:
        read = [value for x in n.all_input_nodes if isinstance(value := self.env.get(x), Tensor)]
        before = [tensor._version for tensor in read]
        value = super().run_node(n)
        for tensor, version in zip(read, before, strict=True):
            if tensor._version != version:
                self._note_overwriting(n, tensor)
        if isinstance(value, Tensor):
            self.shapes[n.name] = tuple(value.shape)
            self._storages[n] = value
        return value

    def _note_overwriting(self, n: fx.Node, tensor: Tensor) -> None:
        for other, value in self._storages.items():
            if _same_storage(value, tensor):
                self.overwrites_input |= other.op == "placeholder"
                if any(self._order[user] > self._order[n] for user in other.users):
                    self.overwriting.add(n.name)


def _same_storage(x: Tensor, y: Tensor) -> bool:
    return bool(x.untyped_storage()._cdata == y.untyped_storage()._cdata)
