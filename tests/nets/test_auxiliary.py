"""An auxiliary head reads one block's output, and is removed after training."""

from __future__ import annotations

import pytest
import torch

from qabwnas.nets.layers import build_auxiliary
from qabwnas.nets.network import Network, assemble, build_network
from qabwnas.nets.quantise import quantise_network
from qabwnas.nets.supernet import Supernet
from qabwnas.space import BitWidths, Policy, mbconv
from tests.spaces import TINY

OPERATIONS = [[mbconv(5, 2)], [mbconv(3, 3)]]


@pytest.fixture
def teacher() -> Network:
    network = build_network(TINY, OPERATIONS)
    network.auxiliary = build_auxiliary(TINY, 0, 5)
    return network.eval()


def test_it_gives_logits_of_its_block_beside_those_of_the_head(teacher: Network) -> None:
    x = torch.rand(2, 1, 8, 6)
    logits, auxiliary = teacher.auxiliary_forward(x)
    assert torch.equal(logits, teacher(x))
    assert teacher.auxiliary is not None
    assert torch.equal(auxiliary, teacher.auxiliary(teacher.features(x)[1]))
    assert auxiliary.shape == (2, 3, 8, 6)


def test_it_learns_with_the_blocks_before_it(teacher: Network) -> None:
    teacher.auxiliary_forward(torch.rand(2, 1, 8, 6))[1].sum().backward()
    touched = {name.split(".")[0] + name.split(".")[1] for name, p in teacher.named_parameters() if p.grad is not None}
    assert touched == {"stemconv", "blocks0", "auxiliaryconvolution", "auxiliaryclassifier"}


def test_no_network_made_from_a_teacher_has_it(teacher: Network) -> None:
    assert assemble(teacher, Supernet(TINY), [0, 0]).auxiliary is None
    policy = Policy.homogeneous(BitWidths(8, 8), 2)
    assert quantise_network(teacher, policy, [torch.rand(2, 1, 8, 6)]).auxiliary is None
    teacher.auxiliary = None
    assert teacher.state_dict().keys() == build_network(TINY, OPERATIONS).state_dict().keys()
