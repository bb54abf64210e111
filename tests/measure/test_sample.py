"""Samples of rows: which are always included, larger samples contain smaller ones, prefixes are shared."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qabwnas.errors import InputError
from qabwnas.measure.sample import Sample, block_rows, check_sample, space_rows
from qabwnas.measure.shard import space_shards
from qabwnas.measure.tree import n_edges, prefix_tree, row_path
from qabwnas.space import BitWidths, SearchSpace
from qabwnas.space.layer_policy import LayerChoices
from qabwnas.space.yaml import load_space
from tests.spaces import TINY, spaces

WIDTHS = (BitWidths(4, 4), BitWidths(6, 6), BitWidths(8, 8))
PAPER = replace(load_space("cityscapes-mbv2"), bit_widths=WIDTHS, policy="layer")


def homogeneous(choices: LayerChoices) -> set[int]:
    n = choices.block.n_layers
    return {choices.encode(code, [w] * n) for code in range(choices.block.n_candidates) for w in choices.bit_widths}


@settings(max_examples=40, deadline=None)
@given(spaces(), st.integers(0, 3), st.data())
def test_a_sample_has_what_it_promises(space: SearchSpace, seed: int, data: st.DataObject) -> None:
    for block in space.blocks:
        choices = LayerChoices(block, WIDTHS)
        n = data.draw(st.integers(len(WIDTHS), choices.n_rows + 1))
        codes = block_rows(choices, Sample(n, seed)).codes.tolist()
        assert len(codes) == min(n, choices.n_rows)
        assert codes == sorted(set(codes))
        assert codes == block_rows(choices, Sample(n, seed)).codes.tolist()
        assert set(codes) <= set(block_rows(choices, Sample(n + 5, seed)).codes.tolist())
        same = homogeneous(choices)
        assert set(codes) <= same if n <= len(same) else same <= set(codes)
        for widths in WIDTHS:
            assert any(set(choices.decode(code).widths) == {widths} for code in codes)


def test_without_a_number_there_are_all_rows() -> None:
    by_layer = replace(TINY, policy="layer")
    assert [len(rows.codes) for rows in space_rows(by_layer, Sample()) if rows is not None] == [36, 24]
    assert space_rows(TINY, Sample()) == [None, None]


def test_seeds_and_blocks_draw_apart() -> None:
    choices = LayerChoices(PAPER.blocks[2], WIDTHS)
    other = LayerChoices(replace(PAPER.blocks[2], name="other"), WIDTHS)
    draws = [block_rows(c, Sample(5000, s)).codes.tolist() for c, s in ((choices, 0), (choices, 1), (other, 0))]
    assert draws[0] != draws[1]
    assert draws[0] != draws[2]


def test_rows_share_their_prefixes() -> None:
    """A four-layer block of 104,976 rows: four runs of a layer for each row become 1.34 or fewer."""
    choices = LayerChoices(PAPER.blocks[2], WIDTHS)
    assert choices.n_rows == 18**4
    for n in (400, 6000):
        paths = []
        for code in block_rows(choices, Sample(n)).codes.tolist():
            candidate, widths = choices.decode(code)
            paths.append(row_path(choices.block.digits(candidate), widths))
        assert n < n_edges(prefix_tree(paths)) < 1.34 * n


def test_shards_are_runs_of_rows() -> None:
    rows = space_rows(PAPER, Sample(1000))
    shards = space_shards(PAPER, rows=rows)
    assert [(s.b, s.first, s.last) for s in shards if s.b == 2] == [(2, 0, 648), (2, 648, 1000)]
    assert [(s.b, s.first, s.last) for s in shards if s.b == 5] == [(5, 0, 18)]


def test_what_cannot_be_sampled_is_refused() -> None:
    with pytest.raises(InputError, match="rows are only sampled if the space has bit widths per layer"):
        check_sample(TINY, 10)
    with pytest.raises(InputError, match="2 rows are too few: each of the 3 bit widths needs one"):
        check_sample(PAPER, 2)
    check_sample(PAPER, None)
    deep = replace(PAPER, blocks=tuple(replace(block, n_layers=5) for block in PAPER.blocks))
    with pytest.raises(InputError, match="block 'block1' has 1,889,568 rows, more than 1,048,576: sample some"):
        check_sample(deep, None)
    check_sample(deep, 3)
