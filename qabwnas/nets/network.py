"""Whole networks: teachers, and students assembled from candidates."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from typing import cast

from torch import Tensor, nn

from qabwnas.nets.layers import Auxiliary, build_head, build_operation, build_stem
from qabwnas.nets.supernet import Supernet, SupernetBlock, extract
from qabwnas.space import Layer, Operation, SearchSpace


class Network(nn.Module):
    """A stem, blocks and a head.

    A teacher in training may also have an ``auxiliary`` head. :meth:`forward` does not use it, and networks that are
    made from another one (students, quantised copies) have none.
    """

    auxiliary: Auxiliary | None

    def __init__(self, stem: nn.Module, blocks: Iterable[nn.Module], head: nn.Module) -> None:
        super().__init__()
        self.stem = stem
        self.blocks = nn.ModuleList(blocks)
        self.head = head
        self.auxiliary = None

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

    def auxiliary_forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits of the head and of the auxiliary head, which must exist."""
        assert self.auxiliary is not None
        maps = self.features(x)
        return self.head(maps[-1]), self.auxiliary(maps[self.auxiliary.block + 1])


def build_network(space: SearchSpace, operations: Sequence[Sequence[Operation]]) -> Network:
    """Return a network with fresh weights, given the operation of every layer of every block.

    Raises:
        InputError: the operations do not make a network; see :meth:`~qabwnas.space.SearchSpace.network_layers`.
    """
    return network_of_layers(space, space.network_layers(operations))


def network_of_layers(space: SearchSpace, blocks: Sequence[Sequence[Layer]]) -> Network:
    """Return a network with fresh weights, given the layers of every block, each with one operation."""
    modules = [nn.Sequential(*(build_operation(layer, layer.operations[0]) for layer in layers)) for layers in blocks]
    stem = build_stem(space.stem, space.input.channels)
    return Network(stem, modules, build_head(space.head, space.block_inputs[-1].channels))


def assemble(teacher: Network, supernet: Supernet, codes: Sequence[int]) -> Network:
    """Return the network of one candidate per block, between copies of the teacher's stem and head.

    Raises:
        InputError: a code is no candidate of its block.
    """
    blocks = [extract(cast(SupernetBlock, b), code) for b, code in zip(supernet.blocks, codes, strict=True)]
    return Network(copy.deepcopy(teacher.stem), blocks, copy.deepcopy(teacher.head))
