"""The supernet: all operations of every layer side by side; and candidates extracted from it."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import cast

from torch import Tensor, nn

from qabwnas.nets.layers import build_operation
from qabwnas.nets.operation_check import check_operation
from qabwnas.space import Block, SearchSpace


class SupernetBlock(nn.Module):
    """One block of the supernet; ``layers[l][o]`` is operation ``o`` of layer ``l``, with weights of its own.

    A forward pass takes one path: one operation per layer.

    Raises:
        InputError: a user's operation cannot be used in a layer; see
            :func:`~qabwnas.nets.operation_check.check_operation`.
    """

    def __init__(self, block: Block) -> None:
        super().__init__()
        self.block = block
        self.layers = nn.ModuleList(
            nn.ModuleList(build_operation(layer, operation) for operation in layer.operations) for layer in block.layers
        )
        for layer, modules in zip(block.layers, self.layers, strict=True):
            for operation, module in zip(layer.operations, cast(nn.ModuleList, modules), strict=True):
                if operation.is_own:  # tests check those of the package
                    check_operation(module, layer, operation)

    def operations(self, digits: Sequence[int]) -> list[nn.Module]:
        """Return the module of every layer on the path that takes operation ``digits[l]`` in layer ``l``."""
        return [cast(nn.ModuleList, layer)[digit] for layer, digit in zip(self.layers, digits, strict=True)]

    def forward(self, x: Tensor, digits: Sequence[int]) -> Tensor:
        for operation in self.operations(digits):
            x = operation(x)
        return x


class Supernet(nn.Module):
    """All blocks of a space. They are trained and measured one by one, so the supernet has no forward pass."""

    def __init__(self, space: SearchSpace) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(SupernetBlock(block) for block in space.blocks)


def extract(supernet_block: SupernetBlock, code: int) -> nn.Sequential:
    """Return candidate ``code``, one module per layer, with copies of the supernet's weights.

    Raises:
        InputError: ``code`` is no candidate of the block.
    """
    return nn.Sequential(*map(copy.deepcopy, supernet_block.operations(supernet_block.block.digits(code))))
