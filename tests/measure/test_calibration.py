"""Recalibrated statistics compared with the slow way: one batch norm after another, over all data at once."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from qabwnas.measure.calibration import recalibrate
from qabwnas.nets.supernet import SupernetBlock, extract
from tests.spaces import TINY


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
    block = SupernetBlock(TINY.blocks[1]).eval()
    data = torch.randn(10, 4, 8, 6) * 3 + 1
    for code in range(TINY.blocks[1].n_candidates):
        candidate = extract(block, code)
        slow = copy.deepcopy(candidate)
        recalibrate_slowly(slow, data)
        outputs = recalibrate(candidate, data.split([3, 3, 4]))
        for name, tensor in candidate.state_dict().items():
            torch.testing.assert_close(tensor, slow.state_dict()[name], rtol=1e-4, atol=1e-6)
        torch.testing.assert_close(torch.cat(outputs), slow(data), rtol=1e-4, atol=1e-4)
        assert [len(y) for y in outputs] == [3, 3, 4]
