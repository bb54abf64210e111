"""Options of trainings, each compared with its formula: accumulation, clipping, averaged weights, label smoothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from qabwnas.data.splits import IGNORED, Splits, TensorSplit
from qabwnas.errors import InputError
from qabwnas.train.checkpoint import load_checkpoint
from qabwnas.train.label_loss import label_loss
from qabwnas.train.loop import train
from qabwnas.train.settings import Training
from qabwnas.train.tasks import Classification, Segmentation
from qabwnas.train.teacher import train_teacher
from qabwnas.train.trainer import KIND, Progress
from tests.train.test_tasks import unmoved
from tests.train.test_teacher import Mean

PLAIN = Training(steps=6, batch=12, learning_rate=0.2, nesterov=False)


def data(n_images: int = 20) -> Splits:
    generator = torch.Generator().manual_seed(0)
    split = TensorSplit(torch.rand(n_images, 1, 4, 4, generator=generator), torch.arange(n_images) % 3, unmoved)
    return Splits(split, split, split, split)


def network() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3))


def trained(folder: Path, settings: Training, n_images: int = 20) -> dict[str, Tensor]:
    module, task = network(), Classification(data(n_images))
    train_teacher(module, task, settings, seed=2, name="t", progress=Progress(folder / "progress.pt", ""))
    (folder / "progress.pt").unlink()
    return module.state_dict()


@pytest.mark.parametrize(("n_images", "accumulate"), [(20, 3), (20, 12), (10, 4)])  # batches of 12, 12 and 10
def test_micro_batches_end_as_whole_batches(tmp_path: Path, n_images: int, accumulate: int) -> None:
    whole = trained(tmp_path, PLAIN, n_images)
    for name, tensor in trained(tmp_path, replace(PLAIN, accumulate=accumulate), n_images).items():
        torch.testing.assert_close(tensor, whole[name], rtol=1e-5, atol=1e-6)


def moved(tmp_path: Path, **changes: Any) -> Tensor:
    """Return how far one step moves all weights, as one vector."""
    before, after = network().state_dict(), trained(tmp_path, replace(PLAIN, steps=1, **changes))
    return torch.cat([(after[name] - before[name]).flatten() for name in before])


def test_gradients_are_clipped_to_the_norm_over_all_weights(tmp_path: Path) -> None:
    free = moved(tmp_path)
    norm = float(free.norm()) / PLAIN.learning_rate
    torch.testing.assert_close(moved(tmp_path, max_grad_norm=norm / 8), free / 8)
    assert torch.equal(moved(tmp_path, max_grad_norm=2 * norm), free)


@pytest.mark.parametrize("stop_at", [-1, 2, 5])
def test_averaged_weights_are_those_of_the_formula_and_survive_an_interrupt(tmp_path: Path, stop_at: int) -> None:
    settings = replace(PLAIN, ema_decay=0.3)
    seen: list[Tensor] = []
    images = torch.rand(8, 3, generator=torch.Generator().manual_seed(0))

    def run(module: nn.Linear, settings: Training, path: Path, stop: int = -1) -> Tensor:
        def loss(forward: nn.Module, _: int, step: int) -> Tensor:
            if step == stop:
                raise KeyboardInterrupt
            if settings.ema_decay is None:
                seen.append(module.weight.detach().clone())
            return (forward(images) - images.sum(1, keepdim=True)).square().mean()

        train(module, loss, range, settings, seed=0, name="t", progress=Progress(path, "", every=2))
        return module.weight.detach().clone()

    def start() -> nn.Linear:
        torch.manual_seed(1)
        return nn.Linear(3, 1)

    seen.append(run(start(), PLAIN, tmp_path / "plain.pt"))
    expected = seen[0]
    for step, weight in enumerate(seen[1:], 1):
        decay = min(0.3, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * weight
    if stop_at >= 0:
        with pytest.raises(KeyboardInterrupt):
            run(start(), settings, tmp_path / "averaged.pt", stop_at)
    averaged = run(start(), settings, tmp_path / "averaged.pt")
    torch.testing.assert_close(averaged, expected)
    assert not torch.allclose(averaged, seen[-1])
    assert torch.equal(run(start(), settings, tmp_path / "averaged.pt"), averaged)  # from the finished checkpoint


def test_defaults_leave_checkpoints_as_they_were(tmp_path: Path) -> None:
    module = network()
    train_teacher(module, Classification(data()), PLAIN, seed=2, name="t", progress=Progress(tmp_path / "c.pt", ""))
    assert load_checkpoint(tmp_path / "c.pt", KIND).keys() == {"module", "optimizer", "scaler", "identity", "step"}


def test_smoothed_labels_spread_a_share_over_all_classes() -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(9, 5, 2, 3), torch.randint(0, 5, (9, 2, 3))
    labels[torch.rand(labels.shape) < 0.3] = IGNORED
    counted = labels != IGNORED
    log_shares = F.log_softmax(logits, 1).movedim(1, -1)[counted]
    of_labels = log_shares.gather(1, labels[counted][:, None]).squeeze(1)
    expected = -(0.8 * of_labels + 0.2 * log_shares.mean(1)).mean()
    splits = data()
    torch.testing.assert_close(label_loss(Segmentation(splits, 5), 0.2)(logits, labels), expected)
    pixels = logits.movedim(1, -1)[counted]
    torch.testing.assert_close(label_loss(Classification(splits), 0.2)(pixels, labels[counted]), expected)


def test_a_loss_that_does_not_smooth_says_so() -> None:
    with pytest.raises(InputError, match="label_smoothing: the loss of the task has no parameter of that name"):
        label_loss(Mean(), 0.1)
    assert label_loss(Mean(), 0.0)(torch.ones(2), torch.zeros(2)) == 1
