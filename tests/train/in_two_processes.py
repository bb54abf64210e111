"""What ``test_parallel`` runs, alone or under torchrun: train on random data and save how it ended."""

import sys
from pathlib import Path

import torch
from torch import Tensor, nn

from qabwnas.data.splits import TensorSplit
from qabwnas.nets.network import build_network
from qabwnas.nets.supernet import Supernet
from qabwnas.space import mbconv
from qabwnas.train.checkpoint import save_weights
from qabwnas.train.distill import distill
from qabwnas.train.loop import train
from qabwnas.train.parallel import n_processes, parallel_training, process_group, rank
from qabwnas.train.sampling import ImageOrder
from qabwnas.train.settings import Training
from qabwnas.train.trainer import CPU, Progress
from tests.spaces import TINY
from tests.train.test_tasks import unmoved

STEPS = 12
ALL_OPTIONS = Training(STEPS, 8, 0.1, accumulate=2, max_grad_norm=0.5, ema_decay=0.9)


def main(folder: Path, kind: str, stop_at: int) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(rank())  # only the first process's weights may matter
    module = train_supernet(folder, stop_at) if kind == "supernet" else train_network(folder, kind, stop_at)
    save_weights(folder / f"rank{rank()}.pt", "t", module)


def train_network(folder: Path, kind: str, stop_at: int) -> nn.Module:
    layers = {"none": nn.Identity(), "options": nn.Identity(), "converted": Frozen(4), "own": nn.BatchNorm2d(4)}
    network = nn.Sequential(nn.Conv2d(1, 4, 3), layers[kind], nn.ReLU(), nn.Flatten(), nn.Linear(16, 3))
    torch.manual_seed(7)
    images, labels = torch.rand(30, 1, 4, 4), torch.arange(30) % 3
    order = ImageOrder(30, 8, 3, rank=rank(), n_processes=n_processes())

    def loss(forward: nn.Module, chosen: Tensor, step: int) -> Tensor:
        if step == stop_at:
            raise KeyboardInterrupt
        return nn.functional.cross_entropy(forward(images[chosen]), labels[chosen])

    settings = ALL_OPTIONS if kind == "options" else Training(STEPS, 8, 0.1)
    train(network, loss, lambda first, last: map(order, range(first, last)), settings, seed=3,
          name="t", progress=Progress(folder / "progress.pt", "", every=4),
          divide=lambda chosen, n: [(part, 1 / n) for part in chosen.chunk(n)])  # fmt: skip
    return network


def train_supernet(folder: Path, stop_at: int) -> nn.Module:
    """Distil blocks that may skip all of their layers; batch norm stays in evaluation mode."""
    supernet = Supernet(TINY)
    for name, part in list(supernet.named_modules()):
        if isinstance(part, nn.BatchNorm2d):
            supernet.set_submodule(name, Frozen(part.num_features))
    torch.manual_seed(7)
    teacher, images = build_network(TINY, [[mbconv(3, 2)] * 2] * 2), torch.rand(30, 1, 8, 6)
    for _ in range(50):  # so that batch norm has statistics, and feature maps a variance
        teacher.train()(images)
    split = Stopping(images, torch.zeros(30, dtype=torch.int64), unmoved)
    split.left = stop_at
    settings = [Training(STEPS, 8, 0.01)] * 2
    distill(teacher, supernet, [0, 1], split, settings, sampling="uniform", seed=3,
            progress=lambda b: Progress(folder / f"progress{b}.pt", "", every=4))  # fmt: skip
    return supernet


class Stopping(TensorSplit):
    """Stops the training when a number of batches has been drawn."""

    left = -1

    def draw(self, indices, seed):  # type: ignore[no-untyped-def]
        if self.left == 0:
            raise KeyboardInterrupt
        self.left -= 1
        return super().draw(indices, seed)


class Frozen(nn.BatchNorm2d):
    """Batch norm that is always in evaluation mode."""

    def train(self, mode: bool = True) -> "Frozen":  # noqa: ARG002
        return super().train(False)


if __name__ == "__main__":
    with process_group(CPU), parallel_training():
        main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
