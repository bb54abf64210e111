"""The unit of work of a population: a subtree of a block's candidates, at all bit widths.

A shard is a subtree of at most ``LARGEST_SHARD`` candidates. In the space of the paper this is a whole block of three
layers or fewer; in a block of four layers, it is the candidates of one first operation. Each takes about 260 runs of a
layer for each bit width. Smaller shards would repeat the teacher's forward passes and the shared first layers more
often, and shards of single bit widths would also repeat the float path. Larger ones lose more when they are killed.

If layers have bit widths of their own, a shard is a run of rows in the order of their codes: neighbours share prefixes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qabwnas.lut.rows import LayerRows
from qabwnas.space import SearchSpace

LARGEST_SHARD = 216


@dataclass(frozen=True)
class Shard:
    """Candidates ``first … last − 1`` of block ``b``, or these rows if its layers have bit widths of their own."""

    b: int
    first: int
    last: int

    def n_rows(self, space: SearchSpace) -> int:
        """Return how many rows of the LUT it has, over all bit widths."""
        return (self.last - self.first) * (1 if space.policy == "layer" else len(space.bit_widths))

    def name(self, space: SearchSpace) -> str:
        """Return the name of the shard in messages and files: ``block3-216`` begins at candidate 216."""
        return f"{space.blocks[self.b].name}-{self.first}"


def space_shards(
    space: SearchSpace, largest: int = LARGEST_SHARD, *, rows: Sequence[LayerRows | None] | None = None
) -> list[Shard]:
    """Return all shards of a space, in the order of blocks and candidates: the largest subtrees within ``largest``.

    ``rows`` are those of every block from :func:`~qabwnas.measure.sample.space_rows`. A shard of rows has at most
    ``largest`` of them for each of the space's bit widths.
    """
    shards = []
    for b, block in enumerate(space.blocks):
        of_block = None if rows is None else rows[b]
        if of_block is not None:
            n, size = len(of_block.codes), largest * len(space.bit_widths)
            shards += [Shard(b, first, min(first + size, n)) for first in range(0, n, size)]
            continue
        size = block.n_candidates
        for radix in block.radices:
            if size <= largest:
                break
            size //= radix
        shards += [Shard(b, first, first + size) for first in range(0, block.n_candidates, size)]
    return shards
