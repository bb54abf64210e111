"""Recalibrated statistics compared with the slow way: one batch norm after another, over all data at once."""

from __future__ import annotations

import copy
from typing import cast

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from qabwnas.errors import InputError
from qabwnas.measure.calibration import recalibrate
from qabwnas.nets.supernet import SupernetBlock, extract
from qabwnas.quant.operators import Add, Concatenate, Convolution
from qabwnas.space import Block, mbconv
from tests.spaces import OTHERS

BLOCK = Block("block", 4, 6, 2, 2, 1, (mbconv(3, 2), OTHERS[1], OTHERS[-1]))


class Branches(nn.Module):
    """Two branches of one map, one of which is read again at the end, and a function between operators."""

    def __init__(self) -> None:
        super().__init__()
        self.entry = Convolution(4, 6, 3)
        self.left, self.right = Convolution(6, 6, 3, groups=6), Convolution(6, 6, norm=False)
        self.concatenate = Concatenate()
        self.exit = Convolution(12, 6, activation="none")
        self.add = Add()

    def forward(self, x: Tensor) -> Tensor:
        x = self.entry(x)
        y = self.exit(self.concatenate(self.left(x), F.relu(self.right(x))))
        return cast(Tensor, self.add(y, x.contiguous()))


@torch.no_grad()
def recalibrate_slowly(candidate: nn.Module, data: Tensor) -> None:
    """Catch the input of every batch norm in turn, everything before it being right already."""
    for norm in (part for part in candidate.modules() if isinstance(part, nn.BatchNorm2d)):
        caught: list[Tensor] = []
        handle = norm.register_forward_pre_hook(lambda _, inputs, caught=caught: caught.append(inputs[0].double()))
        candidate(data)
        handle.remove()
        norm.running_mean = caught[0].mean((0, 2, 3)).float()
        norm.running_var = caught[0].var((0, 2, 3), correction=0).float()


@torch.no_grad()
def test_statistics_are_those_of_all_batches_together() -> None:
    torch.manual_seed(0)
    block = SupernetBlock(BLOCK).eval()
    data = torch.randn(10, 4, 8, 6) * 3 + 1
    for code in range(BLOCK.n_candidates):
        candidate = extract(block, code)
        slow = copy.deepcopy(candidate)
        recalibrate_slowly(slow, data)
        outputs = recalibrate(candidate, data.split([3, 3, 4]))
        for name, tensor in candidate.state_dict().items():
            torch.testing.assert_close(tensor, slow.state_dict()[name], rtol=1e-4, atol=1e-6)
        torch.testing.assert_close(torch.cat(outputs), slow(data), rtol=1e-4, atol=1e-4)
        assert [len(y) for y in outputs] == [3, 3, 4]


@torch.no_grad()
def test_statistics_follow_the_data_flow_of_any_module() -> None:
    torch.manual_seed(0)
    candidate = nn.Sequential(Branches().eval())
    slow = copy.deepcopy(candidate)
    data = torch.randn(10, 4, 8, 6) * 3 + 1
    recalibrate_slowly(slow, data)
    outputs = recalibrate(candidate, data.split([3, 3, 4]))
    for name, tensor in candidate.state_dict().items():
        torch.testing.assert_close(tensor, slow.state_dict()[name], rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(torch.cat(outputs), slow(data), rtol=1e-4, atol=1e-4)


class Twice(Branches):
    def forward(self, x: Tensor) -> Tensor:
        x = self.entry(x)
        return cast(Tensor, self.exit(self.concatenate(self.left(x), self.left(x))))


class Alone(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(Convolution(4, 4, norm=False), nn.BatchNorm2d(4))


class Unused(Branches):
    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.left(self.entry(x)))


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (Twice(), "batch norm 'left.norm': its Convolution is called 2 times, not once"),
        (Alone(), "batch norm '1' is not the BatchNorm2d of a Convolution, and cannot be folded"),
        (Unused(), "batch norm 'exit.norm': its Convolution is called never, not once"),
    ],
)
def test_a_batch_norm_that_is_not_reached_is_refused(layer: nn.Module, message: str) -> None:
    with pytest.raises(InputError, match=message):
        recalibrate(nn.Sequential(layer), [torch.zeros(2, 4, 3, 3)])
