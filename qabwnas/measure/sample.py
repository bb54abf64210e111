"""Which rows of a block are measured if layers have bit widths of their own and there are too many rows.

Rows are sampled as subtrees of the last layer: n rows that differ in this layer alone take n runs of a layer, in
addition to their common prefix. First come all candidates with equal bit widths in all layers, then other rows, both in
random order; the last subtree may be incomplete. A larger sample of the same seed contains the smaller one.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from qabwnas.errors import InputError
from qabwnas.lut.rows import LayerRows
from qabwnas.space import SearchSpace
from qabwnas.space.layer_policy import LayerChoices

LARGEST_TABLE = 2**20


@dataclass(frozen=True)
class Sample:
    """How many rows per block are measured, and the seed of the sample; ``None`` measures all rows."""

    n_rows: int | None = None
    seed: int = 0


def check_sample(space: SearchSpace, n_rows: int | None) -> None:
    """Raise InputError unless ``n_rows`` per block can be sampled, or all rows measured if it is ``None``."""
    if space.policy != "layer":
        if n_rows is not None:
            raise InputError("rows are only sampled if the space has bit widths per layer (policy: layer)")
        return
    if n_rows is None:
        for block in space.blocks:
            n_all = LayerChoices(block, space.bit_widths).n_rows
            if n_all > LARGEST_TABLE:
                raise InputError(f"block {block.name!r} has {n_all:,} rows, more than {LARGEST_TABLE:,}: sample some")
    elif n_rows < len(space.bit_widths):
        raise InputError(f"{n_rows} rows are too few: each of the {len(space.bit_widths)} bit widths needs one")


def space_rows(space: SearchSpace, sample: Sample) -> list[LayerRows | None]:
    """Return the rows of every block; ``None`` for a block with one table per bit width.

    Raises as :func:`check_sample`.
    """
    check_sample(space, sample.n_rows)
    if space.policy == "block":
        return [None] * len(space.blocks)
    return [block_rows(LayerChoices(block, space.bit_widths), sample) for block in space.blocks]


def block_rows(choices: LayerChoices, sample: Sample) -> LayerRows:
    """Return the rows of one block; they depend on the sample and the block alone, including its name."""
    if sample.n_rows is None or sample.n_rows >= choices.n_rows:
        return LayerRows(choices, np.arange(choices.n_rows, dtype=np.int64))
    taken: set[int] = set()
    for code in _in_order(choices, random.Random(f"{sample.seed}/{choices.block.name}")):
        taken.add(code)
        if len(taken) == sample.n_rows:
            break
    return LayerRows(choices, np.array(sorted(taken), dtype=np.int64))


def _in_order(choices: LayerChoices, draw: random.Random) -> Iterator[int]:
    """Yield rows, subtree by subtree; a subtree may come again."""
    yield from _homogeneous(choices, draw)
    last = choices.radices[-1]
    n_subtrees = choices.n_rows // last
    while True:
        first = draw.randrange(n_subtrees) * last
        yield from range(first, first + last)


def _homogeneous(choices: LayerChoices, draw: random.Random) -> Iterator[int]:
    block = choices.block
    last = block.radices[-1]
    prefixes = list(range(block.n_candidates // last))
    draw.shuffle(prefixes)
    for prefix in prefixes:
        for candidate, widths in itertools.product(range(prefix * last, (prefix + 1) * last), choices.bit_widths):
            yield choices.encode(candidate, [widths] * block.n_layers)
