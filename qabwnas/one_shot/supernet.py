"""The supernet of one-shot NAS: a stem, all candidate operations and a head, trained as one network.

Its blocks are those of the block-wise supernet (:mod:`qabwnas.nets.supernet`), so that both search the same space.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import cast

from torch import Tensor, nn

from qabwnas.nets.network import Network
from qabwnas.nets.supernet import SupernetBlock, extract
from qabwnas.space import SearchSpace


class OneShotSupernet(nn.Module):
    """A supernet whose forward pass takes one path through the whole network.

    ``like`` gives stem and head; they are copied with their weights.
    """

    def __init__(self, space: SearchSpace, like: Network) -> None:
        super().__init__()
        self.stem = copy.deepcopy(like.stem)
        self.blocks = nn.ModuleList(SupernetBlock(block) for block in space.blocks)
        self.head = copy.deepcopy(like.head)

    @property
    def radices(self) -> tuple[int, ...]:
        """The number of operations of every layer, in the order of a path."""
        return tuple(radix for block in self.blocks for radix in cast(SupernetBlock, block).block.radices)

    def forward(self, x: Tensor, path: Sequence[int]) -> Tensor:
        """Return the logits of the subnet ``path``: one operation per layer, layer by layer through all blocks."""
        x, first = self.stem(x), 0
        for block in self.blocks:
            last = first + len(cast(SupernetBlock, block).block.layers)
            x, first = block(x, path[first:last]), last
        return cast(Tensor, self.head(x))

    def subnet(self, codes: Sequence[int]) -> Network:
        """Return the network of one candidate per block, with copies of the supernet's weights.

        Raises:
            InputError: a code is no candidate of its block.
        """
        blocks = [extract(cast(SupernetBlock, block), code) for block, code in zip(self.blocks, codes, strict=True)]
        return Network(copy.deepcopy(self.stem), blocks, copy.deepcopy(self.head))
