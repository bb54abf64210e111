"""Codes of rows whose layers choose bit widths: the position in the product of all choices, first layer slowest."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qabwnas.errors import InputError
from qabwnas.space import BitWidths, Block, SearchSpace, mbconv
from qabwnas.space.bit_widths import block_widths, layer_widths, parse_widths, widths_text
from qabwnas.space.layer_policy import LayerChoices
from qabwnas.space.yaml import parse_space, space_to_json
from tests.spaces import TINY, spaces

W4, W8, W48 = BitWidths(4, 4), BitWidths(8, 8), BitWidths(4, 8)


@settings(max_examples=40, deadline=None)
@given(spaces(), st.lists(st.sampled_from([W4, W48, W8]), min_size=1, unique=True))
def test_codes_number_the_product_of_all_choices(space: SearchSpace, widths: list[BitWidths]) -> None:
    for block in space.blocks:
        choices = LayerChoices(block, tuple(widths))
        product = list(itertools.product(*(itertools.product(layer.operations, widths) for layer in block.layers)))
        assert choices.n_rows == len(product)
        for code, row in enumerate(product):
            candidate, of_layers = choices.decode(code)
            assert list(zip(block.decode(candidate), of_layers, strict=True)) == list(row)
            assert choices.encode(candidate, of_layers) == code
            assert choices.describe(code) == " ".join(f"{o.name}/{w.name}" for o, w in row)


def test_invalid_rows_are_refused() -> None:
    choices = LayerChoices(TINY.blocks[0], (W4, W8))
    for code in (-1, 36):
        with pytest.raises(InputError, match=f"first: row {code} is not in 0 … 35"):
            choices.decode(code)
    with pytest.raises(InputError, match="first: w4a8 is not one of the space's bit widths"):
        choices.encode(0, [W4, W48])
    with pytest.raises(InputError, match="first: 1 bit widths were given for 2 layers"):
        choices.encode(0, [W4])
    with pytest.raises(InputError, match="first: candidate 9 is not in 0 … 8"):
        choices.encode(9, [W4, W4])


def test_bit_widths_of_layers_as_text() -> None:
    for widths, text in ((W48, "w4a8"), ((W4, W8), "w4a4 w8a8")):
        assert widths_text(widths) == text
        assert parse_widths(text) == widths
    assert block_widths([W8, W8]) == W8
    assert block_widths([W8, W4]) == (W8, W4)
    assert layer_widths(W8, 2) == (W8, W8)
    assert layer_widths((W8, W4), 2) == (W8, W4)
    with pytest.raises(InputError, match=r"bit widths of 2 layers \(w8a8 w4a4\) were given for 3"):
        layer_widths((W8, W4), 3)
    with pytest.raises(InputError, match="neither of the form"):
        parse_widths("w4a4  w8a8")


def test_a_space_says_whether_layers_choose() -> None:
    by_block, by_layer = space_to_json(TINY), space_to_json(replace(TINY, policy="layer"))
    assert "policy" not in by_block
    assert by_layer == by_block | {"policy": "layer"}
    assert parse_space(by_layer) == replace(TINY, policy="layer")
    assert TINY.n_subnets == 18 * (2 * 3 * 2)
    assert parse_space(by_layer).n_subnets == (3 * 3 * 4) * (2 * 3 * 4)
    with pytest.raises(InputError, match="space: policy: 'network' is not one of block, layer"):
        parse_space(by_block | {"policy": "network"})


def test_codes_fit_into_63_bits() -> None:
    deep = Block("deep", 4, 4, 63, 1, 1, (mbconv(3, 1),))
    assert LayerChoices(deep, (W4, W8)).n_rows == 2**63
    with pytest.raises(InputError, match="deeper: 18,446,744,073,709,551,616 choices of operations and bit widths"):
        LayerChoices(replace(deep, name="deeper", n_layers=64), (W4, W8))
    content = space_to_json(replace(TINY, policy="layer"))
    content["blocks"][1]["layers"] = 40
    with pytest.raises(InputError, match="space: policy: second: "):
        parse_space(content)
