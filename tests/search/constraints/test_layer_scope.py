"""Scopes over rows with bit widths a layer: a filter by what each row's description says, and the search unchanged."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import qabwnas
from qabwnas.errors import InputError
from qabwnas.search import Scope
from tests.lut.test_rows import layer_lut
from tests.search import BACKENDS

LUT = layer_lut({"first": list(range(36)), "second": [0, 1, 5, 6, 11, 12, 17, 23]})


def layers(block: str, candidate: int) -> list[tuple[str, str]]:
    """Operation and bit widths of every layer, as the description has them."""
    return [tuple(word.split("/")) for word in LUT.describe(block, candidate).split(" ")]  # type: ignore[misc]


@pytest.mark.parametrize(
    ("scope", "keeps"),
    [
        (Scope(bits=["w4a4"]), lambda _, row: all(w == "w4a4" for _, w in row)),
        (Scope(bits=["w4a4", "w8a6"]), lambda _, __: True),
        (Scope(bits=["first=w8a6"]), lambda block, row: block != "first" or all(w == "w8a6" for _, w in row)),
        (Scope(bits=["homogeneous"]), lambda _, row: len({w for _, w in row}) == 1),
        (Scope(pin=["first/1=k5e2"]), lambda block, row: block != "first" or row[1][0] == "k5e2"),
        (Scope(forbid=["skip"]), lambda _, row: all(o != "skip" for o, _ in row)),
        (
            Scope(bits=["first=w4a4"], forbid=["first=k5e2"]),
            lambda block, row: block != "first" or all(o != "k5e2" and w == "w4a4" for o, w in row),
        ),
    ],
)
def test_a_scope_keeps_the_rows_that_it_describes(
    scope: Scope, keeps: Callable[[str, list[tuple[str, str]]], bool]
) -> None:
    kept = scope.selection(LUT).candidates
    for block, candidates in zip(LUT.blocks, kept, strict=True):
        expected = [c for c in range(block.n_candidates) if keeps(block.name, layers(block.name, c))]
        assert candidates.tolist() == expected


@pytest.mark.parametrize("backend", BACKENDS)
def test_homogeneous_networks_have_one_bit_width(backend: str) -> None:
    for answer in qabwnas.search(
        LUT, minimize="nsr", top=50, scope=Scope(bits=["homogeneous"]), backend=backend
    ).answers:
        assert len({w for block, c in answer.choice.items() for _, w in layers(block, c)}) == 1
    [best] = qabwnas.search(LUT, minimize="nsr", backend=backend).answers
    assert best.choice == {"first": 0, "second": 0}


def test_what_leaves_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="bits 'w6a6': there is no table of w6a6 in any block"):
        Scope(bits=["w6a6"]).selection(LUT)
    mixed = layer_lut({"first": [1, 3], "second": [0]})
    for bits in ("w8a6", "homogeneous"):
        with pytest.raises(InputError, match=f"bits '{bits}' leave no candidate of block 'first'"):
            Scope(bits=[bits]).selection(mixed)
