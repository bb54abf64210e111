"""Distillation and retraining do what they say, on small networks."""

from pathlib import Path
from typing import cast

import pytest
import torch
from torch import Tensor, nn

from qabwnas.data.digits import load_digits
from qabwnas.data.splits import Splits, TensorSplit
from qabwnas.nets.network import Network, build_network
from qabwnas.nets.supernet import Supernet, SupernetBlock
from qabwnas.quant.nsr import nsr
from qabwnas.space import mbconv
from qabwnas.train import distill
from qabwnas.train.checkpoint import load_checkpoint
from qabwnas.train.distill import distill_block, feature_maps
from qabwnas.train.loop import Progress
from qabwnas.train.retrain import retrain
from qabwnas.train.settings import Training
from qabwnas.train.tasks import Classification
from qabwnas.train.teacher import train_teacher
from qabwnas.train.trainer import KIND
from tests.spaces import TINY

OPERATIONS = [[mbconv(3, 2)], [mbconv(3, 2)]]


@pytest.fixture
def images() -> Tensor:
    torch.manual_seed(0)
    return torch.rand(48, 1, 8, 6)


def test_feature_maps_are_the_teachers_in_evaluation_mode_batch_by_batch(
    images: Tensor,
) -> None:
    teacher = build_network(TINY, OPERATIONS)
    maps = feature_maps(teacher, images.split(10))
    for ours, whole in zip(maps, teacher.eval().features(images), strict=True):
        torch.testing.assert_close(ours, whole)
        assert not ours.requires_grad


@pytest.mark.parametrize("sampling", ["uniform", "fair"])
def test_distillation_brings_every_path_closer_to_the_teacher(images: Tensor, sampling: str, tmp_path: Path) -> None:
    maps = feature_maps(build_network(TINY, OPERATIONS), [images])
    torch.manual_seed(1)
    block = cast(SupernetBlock, Supernet(TINY).blocks[1])
    paths = [block.block.digits(code) for code in range(block.block.n_candidates)]

    def losses() -> list[float]:
        with torch.no_grad():
            return [nsr(block.train()(maps[1], path), maps[2]).item() for path in paths]

    before = losses()
    settings = Training(steps=60, batch=16, learning_rate=0.02, optimizer="adamw")
    distill_block(block, maps[1], maps[2], settings, sampling=sampling, seed=0, name="second",
                  progress=Progress(tmp_path / "c.pt", ""))  # fmt: skip
    assert all(after < 0.8 * start for after, start in zip(losses(), before, strict=True))


def test_a_step_leaves_the_other_paths_alone(images: Tensor, tmp_path: Path) -> None:
    maps = feature_maps(build_network(TINY, OPERATIONS), [images])
    block = cast(SupernetBlock, Supernet(TINY).blocks[1])
    before = {name: tensor.clone() for name, tensor in block.state_dict().items()}
    distill_block(block, maps[1], maps[2], Training(1, 16, 0.1, weight_decay=0.1), sampling="uniform", seed=0,
                  name="second", progress=Progress(tmp_path / "c.pt", ""))  # fmt: skip
    path = distill.PATHS["uniform"](block.block.radices, 0, 0)
    taken = {f"layers.{layer}.{operation}." for layer, operation in enumerate(path)}
    changed = {name for name, tensor in block.state_dict().items() if not torch.equal(tensor, before[name])}
    assert changed
    assert all(any(name.startswith(prefix) for prefix in taken) for name in changed)


def test_a_teacher_learns(tmp_path: Path) -> None:
    task = Classification(load_digits())
    network = Network(nn.Flatten(), [], nn.Linear(64, 10))
    settings = Training(steps=150, batch=32, learning_rate=0.5)
    train_teacher(network, task, settings, seed=0, name="t",
                  progress=Progress(tmp_path / "c.pt", ""))  # fmt: skip
    assert task.score(network, task.splits.validation).value > 0.8


def unmoved(images: Tensor, labels: Tensor) -> TensorSplit:
    return TensorSplit(images, labels, lambda batch, _: batch)


@pytest.mark.parametrize("distillation", [0.0, 0.3])
def test_retraining_minimises_labels_and_teacher_in_their_shares(distillation: float, tmp_path: Path) -> None:
    """One step of gradient descent, compared with the gradient of the loss in the docstring."""
    split = unmoved(torch.rand(8, 1, 8, 8), torch.arange(8))
    task = Classification(Splits(split, split, split, split))
    teacher, network = (nn.Sequential(nn.Flatten(), nn.Linear(64, 10)) for _ in range(2))
    linear = cast(nn.Linear, network[1])
    labels_loss = -network(split.images).log_softmax(1)[torch.arange(8), split.labels].mean()
    taught = teacher(split.images).softmax(1).detach()
    divergence = (taught * (taught.log() - network(split.images).log_softmax(1))).sum(1).mean()
    loss = (1 - distillation) * labels_loss + distillation * divergence
    (gradient,) = torch.autograd.grad(loss, linear.weight)
    before = linear.weight.detach().clone()
    settings = Training(steps=1, batch=8, learning_rate=0.1)
    retrain(network, teacher, task, settings, distillation=distillation, seed=0, name="r",
            progress=Progress(tmp_path / "c.pt", ""))  # fmt: skip
    # The first step of Nesterov momentum goes 1 + 0.9 times the gradient.
    torch.testing.assert_close(linear.weight, before - 0.1 * 1.9 * gradient)
    assert load_checkpoint(tmp_path / "c.pt", KIND)["step"] == 1
