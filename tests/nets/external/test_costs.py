"""Measured parts cost the same as described ones, if both are known; float parts are counted by hand."""

from __future__ import annotations

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from qabwnas.costs import FixedParts, encoder_costs, fixed_costs, network_costs, total_costs
from qabwnas.errors import InputError
from qabwnas.nets.external.costs import teacher_parts
from qabwnas.nets.external.split import split_teacher
from qabwnas.nets.network import build_network
from qabwnas.quant.operators import Unquantised
from qabwnas.space import FLOAT, BitWidths, Policy, SearchSpace
from tests.nets.external import external_modules as external
from tests.spaces import TINY, codes, spaces

WIDTHS = (BitWidths(8, 8), BitWidths(4, 6), FLOAT)


@settings(max_examples=20, deadline=None)
@given(spaces(), st.data())
def test_a_network_of_the_space_costs_the_same_when_it_is_split_as_an_external_one(
    space: SearchSpace, data: st.DataObject
) -> None:
    operations = [block.decode(c) for block, c in zip(space.blocks, codes(data.draw, space), strict=True)]
    assume(not any(all(operation.is_skip for operation in block) for block in operations))
    network = build_network(space, operations).eval()
    teacher = split_teacher(network, ["stem", *(f"blocks.{b}" for b in range(len(space.blocks)))], space.input)
    assert not any(isinstance(part, Unquantised) for part in teacher.modules())
    image = torch.rand(2, space.input.channels, space.input.height, space.input.width)
    torch.testing.assert_close(teacher(image), network(image))
    stem, *blocks, head = teacher_parts(teacher, space.input)
    for widths in WIDTHS:
        policy = Policy.homogeneous(widths, len(space.blocks))
        encoder = [(part, widths) for part in (stem, *blocks)]
        assert total_costs(encoder) == encoder_costs(space, operations, policy)
        assert total_costs([*encoder, (head, widths)]) == network_costs(space, operations, policy)
        assert fixed_costs(space, widths, FixedParts(stem, head)) == fixed_costs(space, widths)


def test_other_stems_and_heads_take_the_place_of_those_of_the_space() -> None:
    teacher = split_teacher(external.make(), external.BORDERS, TINY.input)
    stem, *_, head = teacher_parts(teacher, TINY.input)
    fixed = FixedParts(stem, head)
    policy = Policy.homogeneous(BitWidths(8, 8), 2)
    operations = [block.decode(0) for block in TINY.blocks]
    costs = network_costs(TINY, operations, policy, fixed)
    assert costs["parameters"] == network_costs(TINY, operations, policy)["parameters"]  # the same layers
    assert network_costs(TINY, operations, policy, FixedParts.of_space(TINY)) == network_costs(TINY, operations, policy)


def test_a_float_part_by_hand() -> None:
    """``layer2`` of the module: three convolutions with biases, after a subtraction and a ReLU6."""
    teacher = split_teacher(external.make(), external.BORDERS, TINY.input)
    costs = total_costs([(teacher_parts(teacher, TINY.input)[2], BitWidths(8, 8))])
    weights = [4 * 2, 4 * 3 * 25, 5 * 6 * 9]
    macs = 48 * weights[0] + 48 * weights[1] + 12 * weights[2]
    assert costs["parameters"] == sum(weights) + 2 + 3 + 6
    assert costs["size_bytes"] == 4 * costs["parameters"]
    assert costs["macs"] == macs
    assert costs["bitops"] == 32 * 32 * macs
    # At the concatenation: both branches and the result; while the right branch runs there is one map less.
    assert costs["peak_activation_bytes"] == 4 * 48 * max((2 + 3) + 5, 4 + 2 + 3)


def test_networks_of_a_space_are_not_measured() -> None:
    with pytest.raises(InputError, match="only the parts of a split teacher are measured"):
        teacher_parts(build_network(TINY, [block.decode(0) for block in TINY.blocks]), TINY.input)
