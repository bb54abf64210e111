"""Heads of users' own code: the same module counts as the built-in one, and what has no operator stays float."""

from dataclasses import replace
from itertools import product

import pytest
import torch

from qabwnas.costs import FixedParts, fixed_costs
from qabwnas.errors import InputError
from qabwnas.nets.external.costs import fixed_parts
from qabwnas.nets.layers import build_head
from qabwnas.nets.network import build_network
from qabwnas.nets.quantise import quantise_network
from qabwnas.quant.operators import Unquantised
from qabwnas.space import BitWidths, Head, Policy
from tests.spaces import TINY

HERE = "tests.pipeline.own_code"
OWN = replace(TINY, head=Head(f"{HERE}.PlainClassifier", TINY.head.n_classes))


def test_a_copy_of_the_classifier_has_its_costs() -> None:
    for widths in [BitWidths(*bits) for bits in product((4, 8), repeat=2)]:
        assert fixed_costs(OWN, widths, fixed_parts(OWN)) == fixed_costs(TINY, widths)
    assert fixed_parts(TINY) is None


def test_a_copy_of_the_classifier_is_quantised_to_the_same_values() -> None:
    operations = [block.decode(0) for block in TINY.blocks]
    torch.manual_seed(0)
    own = build_network(OWN, operations).eval()
    torch.manual_seed(0)
    built_in = build_network(TINY, operations).eval()
    policy = Policy.homogeneous(BitWidths(4, 4), len(TINY.blocks))
    shape = (2, TINY.input.channels, TINY.input.height, TINY.input.width)
    images = torch.rand(shape)
    mine, theirs = (quantise_network(network, policy, [images]) for network in (own, built_in))
    assert torch.equal(mine(images), theirs(images))
    assert not torch.equal(mine(images), own(images))


def test_a_head_with_another_step_stays_float_and_follows_the_mode_of_training() -> None:
    space = replace(TINY, head=Head(f"{HERE}.FloatHead", TINY.head.n_classes))
    head = build_head(space.head, 6)
    assert isinstance(head, Unquantised)
    assert head.reason == "gelu is not one of the operators"
    x = torch.rand(3, 6, 2, 2)
    assert not torch.equal(head(x), head(x))  # dropout
    assert torch.equal(head.eval()(x), head(x))
    parts = fixed_parts(space)
    assert parts is not None
    weights = space.block_inputs[-1].channels * space.head.n_classes + space.head.n_classes
    stem = fixed_costs(TINY, BitWidths(8, 8), FixedParts(parts.stem, ()))["size_bytes"]
    assert fixed_costs(space, BitWidths(8, 8), parts)["size_bytes"] - stem == 4 * weights  # no scales


def test_costs_without_the_module_are_refused() -> None:
    with pytest.raises(InputError, match="the head .*PlainClassifier is not described by the space"):
        FixedParts.of_space(OWN)
