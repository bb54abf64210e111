"""What ``test_parallel`` runs, alone or under torchrun: train a network on random data and save how it ended."""

import sys
from pathlib import Path

import torch
from torch import Tensor, nn

from qabwnas.train.checkpoint import save_weights
from qabwnas.train.loop import train
from qabwnas.train.parallel import n_processes, parallel_training, process_group, rank
from qabwnas.train.sampling import ImageOrder
from qabwnas.train.settings import Training
from qabwnas.train.trainer import CPU, Progress

STEPS = 12


def main(folder: Path, norm: str, stop_at: int) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(rank())  # only the first process's weights may matter
    layer = {"none": nn.Identity(), "converted": Frozen(4), "own": nn.BatchNorm2d(4)}[norm]
    network = nn.Sequential(nn.Conv2d(1, 4, 3), layer, nn.ReLU(), nn.Flatten(), nn.Linear(16, 3))
    torch.manual_seed(7)
    images, labels = torch.rand(30, 1, 4, 4), torch.arange(30) % 3
    order = ImageOrder(30, 8, 3, rank=rank(), n_processes=n_processes())

    def loss(forward: nn.Module, chosen: Tensor, step: int) -> Tensor:
        if step == stop_at:
            raise KeyboardInterrupt
        return nn.functional.cross_entropy(forward(images[chosen]), labels[chosen])

    train(network, loss, lambda first, last: map(order, range(first, last)), Training(STEPS, 8, 0.1), seed=3,
          name="t", progress=Progress(folder / "progress.pt", "", every=4))  # fmt: skip
    save_weights(folder / f"rank{rank()}.pt", "t", network)


class Frozen(nn.BatchNorm2d):
    """Batch norm that is always in evaluation mode."""

    def train(self, mode: bool = True) -> "Frozen":  # noqa: ARG002
        return super().train(False)


if __name__ == "__main__":
    with process_group(CPU), parallel_training():
        main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
