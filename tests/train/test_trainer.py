"""A trainer saves in time, finds losses that are not finite, and scales gradients if it computes in float16."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from qabwnas.errors import QabwnasError
from qabwnas.train import trainer as trainer_module
from qabwnas.train.checkpoint import load_checkpoint
from qabwnas.train.loop import train
from qabwnas.train.settings import Training
from qabwnas.train.trainer import CPU, KIND, NotFiniteError, Progress, Trainer


@pytest.fixture
def on_cpu_as_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer_module, "AMP_DEVICES", ("cpu",))
    monkeypatch.setattr(trainer_module, "READ_AT_ONCE", ())


def squares(forward: nn.Module, _: int, step: int) -> Tensor:
    x = torch.linspace(-1, 1, 12).reshape(4, 3) + step
    return (forward(x).float() - x.sum(1, keepdim=True)).square().mean()


def trained(path: Path, settings: Training, stop_at: int = -1, every: int = 500) -> nn.Module:
    torch.manual_seed(1)
    module = nn.Linear(3, 1)

    def loss(forward: nn.Module, given: int, step: int) -> Tensor:
        if step == stop_at:
            raise KeyboardInterrupt
        return squares(forward, given, step)

    train(module, loss, range, settings, seed=0, name="t", progress=Progress(path, "", every))
    return module


def updates(settings: Training, loss: object, progress: Progress) -> Trainer[int]:
    trainer = Trainer(nn.Linear(3, 1), loss, settings, seed=0, name="t", progress=progress, device=CPU)  # type: ignore[arg-type]
    for step in range(settings.steps):
        trainer.update(step)
    return trainer


@pytest.mark.parametrize(("seconds", "expected"), [(0.0, [1, 2, 3, 4, 5]), (1e9, [3, 5])])
def test_a_checkpoint_is_written_when_steps_or_seconds_have_passed(
    tmp_path: Path, seconds: float, expected: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = []
    monkeypatch.setattr(trainer_module, "save_checkpoint", lambda _path, _kind, content: saved.append(content["step"]))
    updates(Training(5, 1, 0.1), squares, Progress(tmp_path / "c.pt", "", every=3, seconds=seconds))
    assert saved == expected


@pytest.mark.usefixtures("on_cpu_as_on_a_gpu")
def test_losses_that_are_read_late_still_name_their_step_and_reach_no_checkpoint(tmp_path: Path) -> None:
    def loss(forward: nn.Module, _: int, step: int) -> Tensor:
        return forward(torch.ones(3)).sum() * (float("nan") if step >= 5 else 1.0)

    with pytest.raises(NotFiniteError, match="t: the loss is nan at step 5") as caught:
        updates(Training(9, 1, 0.1), loss, Progress(tmp_path / "c.pt", "", every=4))
    assert caught.value.step == 5
    assert load_checkpoint(tmp_path / "c.pt", KIND)["step"] == 4


def test_a_step_whose_loss_touches_nothing_changes_nothing(tmp_path: Path) -> None:
    trainer = updates(Training(2, 1, 0.1), lambda *_: torch.ones(()), Progress(tmp_path / "c.pt", ""))
    assert trainer.done == 2


AMP = Training(steps=30, batch=4, learning_rate=1e-4, amp=True)


@pytest.mark.usefixtures("on_cpu_as_on_a_gpu")
@pytest.mark.parametrize("stop_at", [1, 10, 29])
def test_an_interrupted_training_in_float16_ends_as_an_uninterrupted_one(tmp_path: Path, stop_at: int) -> None:
    whole = trained(tmp_path / "whole.pt", AMP)
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "c.pt", AMP, stop_at, every=1)
    resumed = trained(tmp_path / "c.pt", AMP)
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), resumed.parameters(), strict=True))
    scale = load_checkpoint(tmp_path / "whole.pt", KIND)["scaler"]["scale"]
    assert scale < 2.0**16, "no step overflowed, so that the scale was not put to the test"


def test_cpus_train_in_float32_whatever_the_settings_say(tmp_path: Path) -> None:
    mixed = trained(tmp_path / "c.pt", AMP)
    plain = trained(tmp_path / "d.pt", Training(steps=30, batch=4, learning_rate=1e-4))
    assert all(torch.equal(a, b) for a, b in zip(mixed.parameters(), plain.parameters(), strict=True))


@pytest.mark.usefixtures("on_cpu_as_on_a_gpu")
def test_gradients_that_stay_infinite_are_an_error(tmp_path: Path) -> None:
    def loss(forward: nn.Module, *_: int) -> Tensor:
        output = forward(torch.ones(3)).float()
        return (output - output.detach()).abs().sqrt().sum()

    with pytest.raises(QabwnasError, match="t: the gradients are infinite or NaN in the steps before 40"):
        updates(Training(40, 1, 0.1, amp=True), loss, Progress(tmp_path / "c.pt", ""))
