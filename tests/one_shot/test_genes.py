"""Genomes: the rows of a LUT that they mean, and their totals."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from qabwnas.errors import InputError
from qabwnas.lut.lut import Lut
from qabwnas.measure.populate import unmeasured_lut
from qabwnas.measure.sample import Sample, space_rows
from qabwnas.one_shot.genes import BudgetCheck, Genome
from qabwnas.search.engine.backend import select_backend
from qabwnas.search.model.totals import totals_in
from qabwnas.space import SearchSpace
from qabwnas.space.bit_widths import layer_widths
from qabwnas.space.yaml import parse_space
from tests.pipeline.tiny import SPACE


def a_space(policy: str) -> tuple[SearchSpace, Lut]:
    space = replace(parse_space(SPACE), policy=policy)
    return space, unmeasured_lut(space, {"fixed": "w8a8"}, None, space_rows(space, Sample()))


@pytest.mark.parametrize("policy", ["block", "layer"])
def test_a_genome_is_one_row_per_block_and_back(policy: str) -> None:
    space, lut = a_space(policy)
    genome = Genome(space, lut)
    assert np.prod(genome.radices) == space.n_subnets
    generator = np.random.default_rng(0)
    for _ in range(50):
        genes = tuple(generator.integers(0, genome.radices).tolist())
        choice = genome.choice(genes)
        assert genome.encode(choice) == genes
        for block, own, code, widths in zip(lut.blocks, space.blocks, *genome.decode(genes), strict=True):
            table, row = block.locate(choice[block.name])
            row_widths = table.widths_of(row)
            assert row_widths is not None
            assert table.code(row) == code
            assert layer_widths(row_widths, own.n_layers) == layer_widths(widths, own.n_layers)


def test_budgets_are_checked_on_exact_totals_sums_and_maxima() -> None:
    space, lut = a_space("block")
    genome = Genome(space, lut)
    generator = np.random.default_rng(0)
    for _ in range(30):
        genes = tuple(generator.integers(0, genome.radices).tolist())
        choice = np.array([list(genome.choice(genes).values())], dtype=np.int32)
        names = ("size_bytes", "peak_activation_bytes")
        totals = {name: totals_in(lut, name, choice, select_backend())[0] for name in names}
        exact = {name: total for name, total in totals.items() if total is not None}
        assert BudgetCheck(genome, lut, exact)(genes)
        for name in names:
            assert not BudgetCheck(genome, lut, exact | {name: exact[name] - 1})(genes)
        assert BudgetCheck(genome, lut, {"size_bytes": Decimal(0)}).first_total(genes) == exact["size_bytes"]


def test_a_sampled_lut_is_refused() -> None:
    space = replace(parse_space(SPACE), policy="layer")
    lut = unmeasured_lut(space, {"fixed": "w8a8"}, None, space_rows(space, Sample(6, 0)))
    with pytest.raises(InputError, match=r"block 'b1': the LUT has 6 rows of 16; a one-shot search needs all rows"):
        Genome(space, lut)
