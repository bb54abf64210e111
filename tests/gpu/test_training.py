"""Distillation on CUDA: the weights of the CPU up to rounding, resuming, mixed precision, and no needless waiting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
import torch
from torch import Tensor, nn

from qabwnas.data.splits import Batch, TensorSplit
from qabwnas.measure.evaluator import exact_float32
from qabwnas.nets.network import build_network
from qabwnas.nets.supernet import Supernet, SupernetBlock
from qabwnas.quant.nsr import nsr
from qabwnas.train.distill import distill
from qabwnas.train.settings import Training
from qabwnas.train.trainer import Progress, Trainer, mixed_precision
from tests.spaces import TINY

pytestmark = pytest.mark.gpu

CPU = torch.device("cpu")
SETTINGS = Training(steps=6, batch=8, learning_rate=0.01)
MIXED = replace(SETTINGS, amp=True)


class Images(TensorSplit):
    """Ctrl-C comes when the images of step ``end`` are drawn."""

    def __init__(self, end: int = SETTINGS.steps) -> None:
        images = torch.randn(24, *TINY.input, generator=torch.Generator().manual_seed(3))
        super().__init__(images, torch.zeros(24, dtype=torch.int64), lambda batch, _: batch)
        self._end = end

    def draw(self, indices: Sequence[int], seed: int) -> Batch:
        if self._end == 0:
            raise KeyboardInterrupt
        self._end -= 1
        return super().draw(indices, seed)


def trained(
    device: torch.device, folder: Path, settings: Training = SETTINGS, split: Images | None = None
) -> dict[str, Tensor]:
    """Return the weights of the supernet, on the CPU, after training or continuing it."""
    torch.manual_seed(1)
    teacher = build_network(
        TINY, [[operation] for operation in (TINY.blocks[0].operations[1], TINY.blocks[1].operations[1])]
    )
    supernet = Supernet(TINY)
    folder.mkdir(exist_ok=True)
    with exact_float32():
        distill(
            teacher,
            supernet,
            [0, 1],
            split or Images(),
            [settings, settings],
            sampling="uniform",
            seed=5,
            progress=lambda b: Progress(folder / f"block{b}.pt", "identity"),
            device=device,
        )
    return {name: tensor.cpu() for name, tensor in supernet.state_dict().items()}


def test_steps_are_those_of_the_cpu(device: torch.device, tmp_path: Path) -> None:
    expected, found = trained(CPU, tmp_path / "cpu"), trained(device, tmp_path / "device")
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("settings", [SETTINGS, MIXED], ids=["float32", "amp"])
def test_a_resumed_training_ends_as_one_without_interruption(
    device: torch.device, tmp_path: Path, settings: Training
) -> None:
    with pytest.raises(KeyboardInterrupt):
        trained(device, tmp_path / "resumed", settings, Images(end=3))
    assert torch.load(tmp_path / "resumed" / "block0.pt", weights_only=True)["step"] == 3
    found, expected = trained(device, tmp_path / "resumed", settings), trained(device, tmp_path / "whole", settings)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_mixed_precision_scales_gradients_and_trains_as_float32(device: torch.device, tmp_path: Path) -> None:
    found, expected = trained(device, tmp_path / "amp", MIXED), trained(device, tmp_path / "float32")
    torch.testing.assert_close(found, expected, rtol=0.05, atol=0.01)
    scaler = torch.load(tmp_path / "amp" / "block0.pt", weights_only=True)["scaler"]
    assert bool(scaler) == (device.type == "cuda")
    assert all(torch.equal(found[name], expected[name]) for name in found) == (device.type == "cpu")


def test_convolutions_run_in_float16_under_autocast(device: torch.device) -> None:
    block = SupernetBlock(TINY.blocks[0]).to(device)
    with mixed_precision(MIXED, device):
        output = block(torch.randn(2, 4, 8, 6, device=device), [0, 0])
    assert output.dtype == (torch.float16 if device.type == "cuda" else torch.float32)
    with mixed_precision(SETTINGS, device):
        assert block(torch.randn(2, 4, 8, 6, device=device), [0, 0]).dtype == torch.float32


def test_the_host_runs_ahead_of_the_gpu_while_it_trains(
    device: torch.device, tmp_path: Path, without_waiting: Callable[[], AbstractContextManager[None]]
) -> None:
    block = SupernetBlock(TINY.blocks[0])

    def loss(forward: nn.Module, maps: tuple[Tensor, Tensor], _: int) -> Tensor:
        return nsr(cast(Tensor, forward(maps[0], [0, 0])), maps[1])

    settings, progress = replace(SETTINGS, steps=100, max_grad_norm=1.0), Progress(tmp_path / "block.pt", "identity")
    trainer = Trainer(block, loss, settings, seed=0, name="block", progress=progress, device=device)
    maps = torch.randn(8, 4, 8, 6, device=device), torch.randn(8, 4, 8, 6, device=device)
    trainer.update(maps)
    with without_waiting():
        trainer.update(maps)
    assert trainer.done == 2
    assert trainer.last_loss() > 0
