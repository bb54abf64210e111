"""Whole networks: teachers, and students assembled from candidates."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from typing import cast

from torch import Tensor, nn

from qabwnas.architecture import described_layers
from qabwnas.nets.head import build_head
from qabwnas.nets.mbconv import build_operation
from qabwnas.nets.stem import build_stem
from qabwnas.nets.subnet import extract
from qabwnas.nets.supernet import Supernet, SupernetBlock
from qabwnas.space import Operation, SearchSpace


class Network(nn.Module):
    """A stem, blocks and a head."""

    def __init__(self, stem: nn.Module, blocks: Iterable[nn.Module], head: nn.Module) -> None:
        super().__init__()
        self.stem = stem
        self.blocks = nn.ModuleList(blocks)
        self.head = head

    def features(self, x: Tensor) -> list[Tensor]:
        """Return the stem's output, then every block's: entry ``b`` is block ``b``'s input, ``b + 1`` its output."""
        maps = [cast(Tensor, self.stem(x))]
        for block in self.blocks:
            maps.append(block(maps[-1]))
        return maps

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return cast(Tensor, self.head(x))


def build_network(space: SearchSpace, operations: Sequence[Sequence[Operation]]) -> Network:
    """Return a network with fresh weights, given the operation of every layer of every block.

    Raises:
        InputError: the operations do not make a network; see :func:`~qabwnas.architecture.described_layers`.
    """
    blocks = [
        nn.Sequential(*(build_operation(layer, layer.operations[0]) for layer in layers))
        for layers in described_layers(space, operations)
    ]
    stem = build_stem(space.stem, space.input.channels)
    return Network(stem, blocks, build_head(space.head, space.block_inputs[-1].channels))


def assemble(teacher: Network, supernet: Supernet, codes: Sequence[int]) -> Network:
    """Return the network of one candidate a block, between copies of the teacher's stem and head.

    Raises:
        InputError: a code is no candidate of its block.
    """
    blocks = [extract(cast(SupernetBlock, b), code) for b, code in zip(supernet.blocks, codes, strict=True)]
    return Network(copy.deepcopy(teacher.stem), blocks, copy.deepcopy(teacher.head))
