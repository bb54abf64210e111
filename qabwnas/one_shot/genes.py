"""Genomes: a whole network as a list of small integers, for evolutionary searches.

Per block, in block order: one gene per layer, the index of its operation; then one gene for the block's bit widths, or
one per layer if the policy of the space is ``layer``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from qabwnas.errors import InputError
from qabwnas.lut.lut import Lut, LutBlock
from qabwnas.search.engine.backend import select_backend
from qabwnas.search.model.problem import Problem
from qabwnas.space import BlockWidths, SearchSpace
from qabwnas.space.bit_widths import layer_widths

Genes = tuple[int, ...]


class Genome:
    """The genes of a space, and the rows of a LUT that they mean.

    Attributes:
        radices: how many values each gene has.
        bit_widths: the names of the bit widths to choose from.

    Raises:
        InputError: the LUT has a sample of the space's rows only, so that most genomes would have no cost.
    """

    def __init__(self, space: SearchSpace, lut: Lut) -> None:
        self._space = space
        self._lut = lut
        self.bit_widths = [widths.name for widths in space.bit_widths]
        self._of_blocks = [(*block.radices, *[len(space.bit_widths)] * self._n_widths(block.n_layers))
                           for block in space.blocks]  # fmt: skip
        self.radices: Genes = tuple(radix for radices in self._of_blocks for radix in radices)
        for block, radices in zip(lut.blocks, self._of_blocks, strict=True):
            if block.n_candidates != (n_rows := math.prod(radices)):
                raise InputError(
                    f"block {block.name!r}: the LUT has {block.n_candidates:,} rows of {n_rows:,}; a one-shot search "
                    "needs all rows, not a sample"
                )

    def _n_widths(self, n_layers: int) -> int:
        return n_layers if self._space.policy == "layer" else 1

    def decode(self, genes: Genes) -> tuple[list[int], list[BlockWidths]]:
        """Return the code of the operations and the bit widths of every block."""
        codes, widths, first = [], [], 0
        for block, radices in zip(self._space.blocks, self._of_blocks, strict=True):
            own = genes[first : first + len(radices)]
            first += len(radices)
            operations = [layer.operations[digit] for layer, digit in zip(block.layers, own, strict=False)]
            of_layers = tuple(self._space.bit_widths[digit] for digit in own[block.n_layers :])
            codes.append(block.encode(operations))
            widths.append(of_layers if self._space.policy == "layer" else of_layers[0])
        return codes, widths

    def choice(self, genes: Genes) -> dict[str, int]:
        """Return block name → candidate in the LUT."""
        codes, widths = self.decode(genes)
        blocks = zip(self._lut.blocks, codes, widths, strict=True)
        return {block.name: candidate_number(block, code, of_block) for block, code, of_block in blocks}

    def encode(self, choice: Mapping[str, int]) -> Genes:
        """Return the genes of one candidate per block of the LUT: the inverse of :meth:`choice`."""
        genes: list[int] = []
        for block, lut_block in zip(self._space.blocks, self._lut.blocks, strict=True):
            table, row = lut_block.locate(choice[lut_block.name])
            widths = table.widths_of(row)
            assert widths is not None, "a table of a run has bit widths"
            of_layers = layer_widths(widths, block.n_layers)[: self._n_widths(block.n_layers)]
            genes += [*block.digits(table.code(row)), *map(self._space.bit_widths.index, of_layers)]
        return tuple(genes)


def candidate_number(block: LutBlock, code: int, widths: BlockWidths) -> int:
    """Return the candidate of a block with these operations and bit widths; the block has all of them."""
    for start, table in zip(block.starts, block.tables, strict=False):
        if table.rows is None:
            if table.widths == widths:
                return int(start) + code
        else:
            choices = table.rows.choices
            row = choices.encode(code, layer_widths(widths, choices.block.n_layers))
            return int(start) + int(np.searchsorted(table.rows.codes, row))
    raise AssertionError(f"{block.name}: no table has these bit widths")


class BudgetCheck:
    """Whether genomes keep budgets, in the exact arithmetic of the search.

    ``budgets`` maps metrics of the LUT to upper bounds on totals.

    Raises:
        InputError: as :meth:`~qabwnas.search.model.problem.Problem.of`.
    """

    def __init__(self, genome: Genome, lut: Lut, budgets: Mapping[str, Decimal]) -> None:
        self._genome = genome
        self._problem = Problem.of(lut, list(budgets), select_backend())
        self._bounds = self._problem.budget_units(budgets)

    def __call__(self, genes: Genes) -> bool:
        """Return whether the network keeps all budgets; O(blocks × metrics)."""
        return bool((self._totals(genes) <= self._bounds).all())

    def first_total(self, genes: Genes) -> int:
        """Return the total of the first metric, in units of its grid."""
        return int(self._totals(genes)[0])

    @cached_property
    def _is_max(self) -> NDArray[np.bool_]:
        return self._problem.is_max.astype(np.bool_)

    def _totals(self, genes: Genes) -> NDArray[np.int64]:
        problem = self._problem
        rows: Sequence[int] = list(self._genome.choice(genes).values())
        values = problem.values[:, problem.offsets[:-1] + np.array(rows)]
        totals: NDArray[np.int64] = np.where(
            self._is_max, np.maximum(problem.origin, values.max(axis=1)), problem.origin + values.sum(axis=1)
        )
        return totals
