"""A teacher learns with its auxiliary head, whose loss is weighted."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from qabwnas.data.splits import Split
from qabwnas.nets.layers import build_auxiliary
from qabwnas.nets.network import build_network
from qabwnas.space import mbconv
from qabwnas.train.tasks import Score, Task
from qabwnas.train.teacher import BothHeads, PartlyFrozen, weighted_loss
from tests.spaces import TINY


class Mean(Task):
    """The loss is the mean logit."""

    def __init__(self) -> None:
        pass

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:  # noqa: ARG002
        return logits.mean()

    def score(self, network: nn.Module, split: Split, *, workers: int = 0) -> Score:
        raise NotImplementedError


def test_the_auxiliary_loss_is_weighted() -> None:
    network = build_network(TINY, [[mbconv(5, 2)], [mbconv(3, 3)]]).eval()
    network.auxiliary = build_auxiliary(TINY, 0, 5).eval()
    x, labels = torch.rand(2, 1, 8, 6), torch.zeros(2)
    logits, auxiliary = BothHeads(network)(x)
    expected = logits.mean() + 0.4 * auxiliary.mean()
    torch.testing.assert_close(weighted_loss(Mean().loss, (logits, auxiliary), labels, 0.4), expected)
    torch.testing.assert_close(weighted_loss(Mean().loss, network(x), labels, 0.4), logits.mean())


def test_frozen_batch_norm_stays_frozen_where_data_parallel_training_replaces_it() -> None:
    norm = nn.BatchNorm2d(3)
    trained = PartlyFrozen(nn.Sequential(nn.Conv2d(1, 3, 1), norm), [norm])
    assert [name for name, parameter in trained.named_parameters() if parameter.requires_grad] == [
        "network.0.weight",
        "network.0.bias",
    ]
    trained.network.set_submodule("1", nn.BatchNorm2d(3))  # as convert_sync_batchnorm does
    assert [part.training for part in trained.train().network.modules()] == [True, True, False]
