"""Train a network from labels: the teacher, with its auxiliary head if it has one, and without its frozen parts."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Self

import torch
from torch import Tensor, nn

from qabwnas.data.splits import Batch
from qabwnas.nets.network import Network
from qabwnas.train.feed import labelled_feed, micro_batches
from qabwnas.train.label_loss import LabelLoss, label_loss
from qabwnas.train.loop import train
from qabwnas.train.settings import Training
from qabwnas.train.tasks import Task
from qabwnas.train.trainer import CPU, Progress


def train_teacher(
    network: nn.Module,
    task: Task,
    settings: Training,
    *,
    seed: int,
    name: str,
    progress: Progress,
    auxiliary_weight: float = 0.0,
    frozen: Collection[nn.Module] = (),
    device: torch.device = CPU,
    workers: int = 0,
) -> None:
    """Train ``network`` in place on the training split; raises as :func:`~qabwnas.train.loop.train`.

    If it has an auxiliary head, the head is trained too, and its loss is weighted by ``auxiliary_weight``. The weights
    and the statistics of ``frozen`` submodules stay as they are. ``workers`` processes read the images. The score on
    the validation split is shown from time to time.

    Raises:
        InputError: as :func:`~qabwnas.train.label_loss.label_loss`.
    """
    of_labels = label_loss(task, settings.label_smoothing)
    trained = network
    if isinstance(network, Network) and network.auxiliary is not None:
        trained = BothHeads(network)
    if frozen:
        trained = PartlyFrozen(trained, frozen)

    def loss(forward: nn.Module, batch: Batch, _: int) -> Tensor:
        return weighted_loss(of_labels, forward(batch.images), batch.labels, auxiliary_weight)

    def score() -> tuple[str, float]:
        with unchanged_modes(network):
            return task.score_name, task.score(network, task.splits.validation, workers=workers).value

    feed = labelled_feed(task.splits.train, settings.batch, seed, device=device, workers=workers)
    train(
        trained,
        loss,
        feed,
        settings,
        seed=seed,
        name=name,
        progress=progress,
        device=device,
        divide=micro_batches,
        partly_used=not isinstance(network, Network),  # the code of users may have parts for other purposes
        score=score,
    )


@contextmanager
def unchanged_modes(network: nn.Module) -> Iterator[None]:
    """Restore which modules are in training mode after the ``with`` block."""
    before = {module: module.training for module in network.modules()}
    try:
        yield
    finally:
        for module, training in before.items():
            module.training = training


class BothHeads(nn.Module):
    """Gives the logits of the head and of the auxiliary head in one pass."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.network.auxiliary_forward(x)


class PartlyFrozen(nn.Module):
    """A network of which some submodules are not trained: without gradients, and always in evaluation mode."""

    def __init__(self, network: nn.Module, frozen: Collection[nn.Module]) -> None:
        super().__init__()
        self.network = network
        # Names, because data-parallel training replaces batch norms on GPUs.
        self._frozen = [name for name, part in network.named_modules() if any(part is module for module in frozen)]
        for module in frozen:
            module.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        logits: Tensor | tuple[Tensor, Tensor] = self.network(x)
        return logits

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        for name in self._frozen:
            self.network.get_submodule(name).eval()
        return self


def weighted_loss(loss: LabelLoss, logits: Tensor | tuple[Tensor, Tensor], labels: Tensor, weight: float) -> Tensor:
    """Return the loss of the logits, plus ``weight`` times the loss of the auxiliary logits if there are some."""
    if isinstance(logits, Tensor):
        return loss(logits, labels)
    return loss(logits[0], labels) + weight * loss(logits[1], labels)
