"""Population with bit widths per layer: every row equals the row measured alone; costs are counted by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from qabwnas.costs import COSTS, fixed_costs, network_costs
from qabwnas.lut.lut import Lut
from qabwnas.lut.merge import merge_luts
from qabwnas.measure.candidate import measure_candidate
from qabwnas.measure.maps import block_maps
from qabwnas.measure.memory import CPU_MEMORY
from qabwnas.measure.populate import measure_shard, populate, provenance
from qabwnas.measure.sample import Sample, space_rows
from qabwnas.measure.shard import space_shards
from qabwnas.measure.target_variance import measure_target_variances
from qabwnas.nets.network import Network, build_network
from qabwnas.nets.supernet import Supernet
from qabwnas.space import INT8, Policy, mbconv
from tests.measure.test_populate import images, split
from tests.spaces import TINY

SPACE = replace(TINY, policy="layer")
SAMPLE = Sample(23, seed=5)


@pytest.fixture(scope="module")
def teacher() -> Network:
    torch.manual_seed(1)
    return build_network(SPACE, [[mbconv(3, 2)], [mbconv(3, 2)]]).eval()


@pytest.fixture(scope="module")
def supernet() -> Supernet:
    torch.manual_seed(2)
    return Supernet(SPACE)


@pytest.fixture(scope="module")
def lut(teacher: Network, supernet: Supernet) -> Lut:
    return populate(teacher, supernet, SPACE, split(3), split(4), sample=SAMPLE)


def test_every_row_is_measured_as_if_it_were_alone(teacher: Network, supernet: Supernet, lut: Lut) -> None:
    for b, block in enumerate(lut.blocks):
        [table] = block.tables
        assert table.n_rows == SAMPLE.n_rows
        assert not table.measured
        maps = block_maps(teacher, b, [images(3)], [images(4)])
        assert table.rows is not None
        rows = [table.rows.candidate(row) for row in range(table.n_rows)]
        alone = [measure_candidate(supernet.blocks[b], *row, maps) for row in rows]
        assert table.columns["nsr"].tolist() == [estimate.value for estimate in alone]
        assert table.columns["nsr_se"].tolist() == [estimate.standard_error for estimate in alone]
        assert len(set(table.columns["nsr"].tolist())) > SAMPLE.n_rows // 2
    assert lut.provenance["sample"] == {"rows": 23, "seed": 5}


def test_rows_of_shared_bit_widths_are_those_of_a_table(teacher: Network, supernet: Supernet, lut: Lut) -> None:
    by_block = populate(teacher, supernet, TINY, split(3), split(4))
    n_compared = 0
    for b, block in enumerate(lut.blocks):
        [table] = block.tables
        for row in range(table.n_rows):
            for same in by_block.blocks[b].tables:
                if table.widths_of(row) == same.widths:
                    n_compared += 1
                    for name in lut.metric_names:
                        assert table.columns[name][row] == same.columns[name][table.code(row)]
    assert n_compared == 18 + 12


def test_costs_are_those_of_networks(lut: Lut) -> None:
    """A row's costs with the fixed parts' and the other block's are counted operator by operator in a network."""
    fixed = fixed_costs(SPACE, INT8)
    first, second = (block.tables[0] for block in lut.blocks)
    for row in range(first.n_rows):
        other = (5 * row) % second.n_rows
        chosen = [(first, row), (second, other)]
        operations = [block.decode(t.code(r)) for block, (t, r) in zip(SPACE.blocks, chosen, strict=True)]
        widths = [t.widths_of(r) for t, r in chosen]
        expected = network_costs(SPACE, operations, Policy(tuple(w for w in widths if w is not None)))
        for cost in COSTS:
            parts = [fixed[cost.name], *(t.columns[cost.name][r] for t, r in chosen)]
            assert (sum(parts) if cost.aggregation == "sum" else max(parts)) == expected[cost.name]


def test_rows_do_not_depend_on_shards(teacher: Network, supernet: Supernet, lut: Lut) -> None:
    rows = space_rows(SPACE, SAMPLE)
    shards = space_shards(SPACE, 3, rows=rows)
    assert [(s.first, s.last) for s in shards if s.b == 0] == [(0, 6), (6, 12), (12, 18), (18, 23)]
    variances = measure_target_variances(teacher, ["first", "second"], split(4))
    made_with = provenance(teacher, supernet, split(3), split(4), INT8, "cpu", SAMPLE)
    parts = {
        shard.name(SPACE): measure_shard(
            teacher, supernet, SPACE, shard, split(3), split(4), variances[shard.b], CPU_MEMORY, made_with, rows=rows
        )
        for shard in reversed(shards)
    }
    merged = merge_luts(parts)
    assert merged.provenance == lut.provenance
    for block, same in zip(merged.blocks, lut.blocks, strict=True):
        assert not block.tables[0].measured
        for name in lut.metric_names:
            assert np.array_equal(block.column(name), same.column(name))
