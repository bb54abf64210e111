"""A teacher of other shapes than the space is refused, with the block and both shapes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qabwnas.errors import InputError
from qabwnas.nets.check import check_shapes
from qabwnas.nets.external import split_teacher
from qabwnas.nets.network import build_network
from qabwnas.space import Operation, SearchSpace, Shape
from qabwnas.space.yaml import load_space
from tests.nets import external_modules as external
from tests.spaces import TINY

FIRST, SECOND = TINY.blocks


def test_teachers_of_the_space_pass() -> None:
    check_shapes(build_network(TINY, [[Operation(3, 1)], [Operation(3, 2)]]), TINY)
    check_shapes(split_teacher(external.make(), external.BORDERS, TINY.input), TINY)
    full = load_space("cityscapes-mbv2")  # 1024 × 2048 pixels, and nothing is computed
    check_shapes(build_network(full, [[Operation(3, 6)]] * 6), full)


@pytest.mark.parametrize(
    ("space", "message"),
    [
        (replace(TINY, blocks=(FIRST,)), "the teacher has 2 blocks, the space 'tiny' 1"),
        (replace(TINY, stem=TINY.stem._replace(channels=5)),
         "first: its input is 4 × 8 × 6 in the teacher and 5 × 8 × 6 in the space 'tiny'"),
        (replace(TINY, blocks=(FIRST, replace(SECOND, out_channels=7))),
         "second: its output is 6 × 4 × 3 in the teacher and 7 × 4 × 3 in"),
        (replace(TINY, blocks=(replace(FIRST, stride=2), replace(SECOND, stride=1))),
         "first: its output is 4 × 8 × 6 in the teacher and 4 × 4 × 3 in"),
        (replace(TINY, head=TINY.head._replace(n_classes=9)), "tells 3 classes apart, the space 'tiny' has 9"),
        (replace(TINY, input=Shape(3, 8, 6)), "the teacher does not run on 3 × 8 × 6: "),
    ],
)  # fmt: skip
def test_other_shapes_are_named(space: SearchSpace, message: str) -> None:
    for teacher in (
        build_network(TINY, [[Operation(3, 1)], [Operation(3, 2)]]),
        split_teacher(external.make(), external.BORDERS, TINY.input),
    ):
        with pytest.raises(InputError, match=message) as caught:
            check_shapes(teacher, space)
        assert "\n" not in str(caught.value)
