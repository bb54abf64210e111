"""Ctrl-C and SIGTERM in a training: the step is finished and saved, and the training continues to the same weights."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from qabwnas.train.checkpoint import load_checkpoint
from qabwnas.train.interrupts import EndNowError, Interrupts
from qabwnas.train.loop import train
from qabwnas.train.settings import Training
from qabwnas.train.trainer import KIND, Progress

STEPS = 6


def trained(path: Path, signals: dict[int, list[signal.Signals]]) -> Tensor:
    """Train a module that gets these signals inside of steps, and return its weights."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        module = nn.Linear(3, 2)

    def loss(forward: nn.Module, _: int, step: int) -> Tensor:
        for number in signals.get(step, []):
            os.kill(os.getpid(), number)
        output: Tensor = forward(torch.rand(4, 3)).square().sum()
        return output

    train(module, loss, range, Training(STEPS, 1, 0.01), seed=0, name="net", progress=Progress(path, ""))
    return module.weight.detach()


@pytest.fixture
def ended_by_sigterm() -> Iterator[None]:
    """SIGTERM raises SystemExit, as commands set it."""

    def end(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.usefixtures("ended_by_sigterm")
@pytest.mark.parametrize(
    ("number", "error"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)], ids=["SIGINT", "SIGTERM"]
)
def test_the_step_is_finished_and_saved(
    tmp_path: Path, number: signal.Signals, error: type[BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    before = signal.getsignal(number)
    with caplog.at_level("INFO", "qabwnas"), pytest.raises(error):
        trained(tmp_path / "a.pt", {2: [number]})
    assert signal.getsignal(number) is before
    assert load_checkpoint(tmp_path / "a.pt", KIND)["step"] == 3
    assert caplog.messages[-1] == "net: interrupted after step 3 of 6; progress is saved"
    assert torch.equal(trained(tmp_path / "a.pt", {}), trained(tmp_path / "b.pt", {}))


def test_a_second_ctrl_c_ends_at_once(tmp_path: Path) -> None:
    with pytest.raises(EndNowError):
        trained(tmp_path / "a.pt", {2: [signal.SIGINT, signal.SIGINT]})
    assert not (tmp_path / "a.pt").exists()


@pytest.mark.usefixtures("ended_by_sigterm")
def test_a_second_sigterm_does_not_prevent_the_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        trained(tmp_path / "a.pt", {2: [signal.SIGTERM, signal.SIGTERM]})
    assert load_checkpoint(tmp_path / "a.pt", KIND)["step"] == 3


def test_ignored_signals_stay_ignored(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert torch.equal(trained(tmp_path / "a.pt", {2: [signal.SIGINT]}), trained(tmp_path / "b.pt", {}))
    finally:
        signal.signal(signal.SIGINT, before)


def test_outside_of_a_step_a_signal_takes_effect_at_once() -> None:
    interrupts = Interrupts()
    with interrupts.handled():
        with interrupts.held():
            pass
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
