"""Recalibrated statistics against the slow way: one batch norm after another, over all data at once."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from qabwnas.measure.batch_norm import recalibrate
from qabwnas.nets.mbconv import MBConv
from qabwnas.nets.subnet import extract
from qabwnas.nets.supernet import SupernetBlock
from qabwnas.quant import compiled
from qabwnas.quant.apply import observe
from qabwnas.quant.operators import Activation, Convolution
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


@pytest.mark.parametrize("channels", [8, 20])
@pytest.mark.parametrize("activation", ["relu6", "none"])
@pytest.mark.parametrize("broken", [False, True])
@torch.no_grad()
def test_one_pass_does_what_a_convolution_does_behind_its_response(
    channels: int, activation: Activation, broken: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(channels)
    convolution = Convolution(4, channels, activation=activation)
    nn.init.normal_(convolution.norm.weight)
    nn.init.normal_(convolution.norm.bias, 2.0, 3.0)
    data = (torch.randn(6, 4, 5, 7) * 3 + 1).contiguous(memory_format=torch.channels_last)
    if broken:
        data[2, 1, 3, 3] = torch.nan
    layer = MBConv(4, 4, 3, 1, 1, 1)
    layer.convolutions, layer.add = nn.Sequential(convolution), None
    found = []
    for kernels in (compiled.KERNELS, None):
        monkeypatch.setattr(compiled, "KERNELS", kernels)
        observed = observe(layer)
        outputs = recalibrate(nn.Sequential(observed), data.split([4, 2]))
        found.append([torch.cat(outputs), *observed.convolutions[0].output.buffers()])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5, equal_nan=True)
    assert found[0][1].isnan().item() is broken
