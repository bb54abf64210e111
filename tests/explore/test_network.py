from __future__ import annotations

import pytest
from hypothesis import given

from qabwnas.explore.network import Candidate, Layer, read_candidate
from qabwnas.lut.lut import Lut
from tests.strategies import luts_of_spaces


@given(luts_of_spaces())
def test_every_layer_of_a_space_is_read(lut: Lut) -> None:
    assert lut.space is not None
    for block, of_space in zip(lut.blocks, lut.space.blocks, strict=True):
        for candidate in range(block.n_candidates):
            table, row = block.locate(candidate)
            read = read_candidate(lut.describe(block.name, candidate))
            operations = of_space.decode(row)
            assert [layer.text for layer in read.layers] == [operation.name for operation in operations]
            numbers = [(0, 0) if each.is_skip else each.arguments for each in operations]
            assert [(layer.kernel, layer.expansion) for layer in read.layers] == numbers
            assert read.widths == ("" if table.widths is None else table.widths.name)


@pytest.mark.parametrize(
    ("description", "candidate"),
    [
        (
            "k3e6/w4a4 skip/w8a8",
            Candidate(
                (
                    Layer("k3e6", "MBConv, kernel 3×3, expansion 6, 4-bit weights, 4-bit activations", 3, 6, "w4a4"),
                    Layer("skip", "skip: the layer is left out, 8-bit weights, 8-bit activations", widths="w8a8"),
                )
            ),
        ),
        ("a text of mine", Candidate((Layer("a text of mine", "a text of mine"),))),
        ("#17 w8a8", Candidate((Layer("#17", "#17"),), "w8a8")),
        ("", Candidate(())),
    ],
)
def test_descriptions_of_other_kinds_are_read(description: str, candidate: Candidate) -> None:
    assert read_candidate(description) == candidate
