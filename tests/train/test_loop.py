"""A training that was interrupted ends as one that was not, bit for bit."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from qabwnas.errors import FormatError, QabwnasError, StaleError
from qabwnas.train.checkpoint import load_checkpoint, save_checkpoint
from qabwnas.train.loop import train
from qabwnas.train.sampling import ImageOrder
from qabwnas.train.settings import Training
from qabwnas.train.trainer import KIND, Progress

STEPS = 40
STEP_NUMBERS = range  # a feed of nothing but the steps


def small_training(path: Path, optimizer: str = "sgd", stop_at: int | None = None, kill_at: int = -1) -> nn.Module:
    """Train a network with batch norm and dropout on random data, so that everything random takes part."""
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Dropout(0.3), nn.Linear(16, 3)
    )
    images, labels = torch.rand(30, 1, 4, 4), torch.arange(30) % 3
    order = ImageOrder(30, 8, seed=3)

    def loss(forward: nn.Module, chosen: Tensor, step: int) -> Tensor:
        if step == stop_at:
            raise KeyboardInterrupt
        if step == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return nn.functional.cross_entropy(forward(images[chosen]), labels[chosen])

    settings = Training(steps=STEPS, batch=8, learning_rate=0.05, optimizer=optimizer, weight_decay=1e-3, warm_up=5)
    train(module, loss, lambda first, last: map(order, range(first, last)), settings, seed=3, name="small",
          progress=Progress(path, "identity", every=7))  # fmt: skip
    return module


def assert_equal_states(module: nn.Module, other: nn.Module) -> None:
    for (name, tensor), expected in zip(module.state_dict().items(), other.state_dict().values(), strict=True):
        assert torch.equal(tensor, expected), name


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
@pytest.mark.parametrize("stop_at", [3, 7, 20, 39])
def test_an_interrupted_training_ends_as_an_uninterrupted_one(tmp_path: Path, optimizer: str, stop_at: int) -> None:
    with pytest.raises(KeyboardInterrupt):
        small_training(tmp_path / "interrupted.pt", optimizer, stop_at)
    torch.rand(5)  # random draws of other code in between must not matter
    resumed = small_training(tmp_path / "interrupted.pt", optimizer)
    assert_equal_states(resumed, small_training(tmp_path / "whole.pt", optimizer))


def test_a_killed_training_ends_as_an_uninterrupted_one(tmp_path: Path) -> None:
    path = tmp_path / "killed.pt"
    code = f"from pathlib import Path; from {__name__} import *; small_training(Path({str(path)!r}), kill_at=20)"
    killed = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert load_checkpoint(path, KIND)["step"] == 14
    assert_equal_states(small_training(path), small_training(tmp_path / "whole.pt"))


def test_a_finished_training_is_loaded_and_does_no_step(tmp_path: Path) -> None:
    finished = small_training(tmp_path / "c.pt")
    assert_equal_states(small_training(tmp_path / "c.pt", stop_at=0), finished)


def test_the_generators_of_the_caller_are_left_alone(tmp_path: Path) -> None:
    module = nn.Linear(1, 1)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    train(module, lambda forward, *_: forward(torch.rand(1)).sum(), STEP_NUMBERS, Training(3, 1, 0.1), seed=0, name="t",
          progress=Progress(tmp_path / "c.pt", ""))  # fmt: skip
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_is_an_error_with_name_and_step(tmp_path: Path, value: float) -> None:
    module = nn.Linear(1, 1)

    def loss(forward: nn.Module, _: int, step: int) -> Tensor:
        return forward(torch.ones(1)).sum() * (value if step == 4 else 1.0)

    with pytest.raises(QabwnasError, match="block2: the loss is -?(nan|inf) at step 4"):
        train(module, loss, STEP_NUMBERS, Training(9, 1, 0.1), seed=0, name="block2",
              progress=Progress(tmp_path / "c.pt", ""))  # fmt: skip


def test_a_checkpoint_of_something_else_is_refused(tmp_path: Path) -> None:
    module = nn.Linear(1, 1)

    def resume(content: dict[str, object]) -> None:
        save_checkpoint(tmp_path / "c.pt", KIND, content)
        train(module, lambda *_: torch.zeros(()), STEP_NUMBERS, Training(3, 1, 0.1), seed=0, name="t",
              progress=Progress(tmp_path / "c.pt", "mine"))  # fmt: skip

    with pytest.raises(StaleError, match="c.pt: progress of a training with other settings or inputs"):
        resume({"identity": "another"})
    with pytest.raises(FormatError, match="c.pt: does not belong to this module"):
        resume({"identity": "mine", "module": nn.Linear(2, 1).state_dict(), "optimizer": {}, "step": 1})
    with pytest.raises(FormatError, match="c.pt: does not belong to this module"):
        resume({"identity": "mine"})
