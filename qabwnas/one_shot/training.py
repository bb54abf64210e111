"""Train a one-shot supernet end to end on the labels of a task.

SPOS (Guo et al., ECCV 2020) trains one path per step, whose operations are drawn independently and uniformly. FairNAS
(Chu et al., ICCV 2021) trains as many paths per step as a layer has operations, so that a step takes every operation of
a layer exactly once. The gradients of these paths are summed, and the weights are updated once (strict fairness).

Layers may offer different numbers of operations, for instance because only some can be skipped. FairNAS then takes as
many paths as the largest layer has operations. A smaller layer goes through its operations in rounds, each in a new
random order and exactly once, whose ends are not those of the steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from qabwnas.data.splits import Batch
from qabwnas.one_shot.supernet import OneShotSupernet
from qabwnas.train.feed import Feed, labelled_feed, micro_batches
from qabwnas.train.label_loss import label_loss
from qabwnas.train.loop import train
from qabwnas.train.sampling import derive_seed, fair_path, uniform_path
from qabwnas.train.settings import Training
from qabwnas.train.tasks import Task
from qabwnas.train.trainer import CPU, Progress

Method = Literal["spos", "fairnas"]


class PathBatch(NamedTuple):
    """Images with their labels, and which path of the step they train, from 0."""

    batch: Batch
    number: int


def paths_per_step(method: Method, radices: Sequence[int]) -> int:
    """Return how many paths one update of the weights trains; ``radices`` are the operations of every layer."""
    return max(radices) if method == "fairnas" else 1


def sample_path(method: Method, radices: Sequence[int], step: int, number: int, seed: int) -> tuple[int, ...]:
    """Return path ``number`` of a step, one operation per layer; a function of its arguments."""
    if method == "spos":
        return uniform_path(radices, step, seed)
    return fair_path(radices, step * paths_per_step(method, radices) + number, seed)


def train_one_shot(
    supernet: OneShotSupernet,
    task: Task,
    settings: Training,
    *,
    method: Method,
    seed: int,
    name: str,
    progress: Progress,
    device: torch.device = CPU,
    workers: int = 0,
) -> None:
    """Train ``supernet`` in place on the training split, by the loss of the task.

    The loss of a step that is shown is the sum over its paths. ``workers`` processes read the images. Raises as
    :func:`~qabwnas.train.loop.train` and :func:`~qabwnas.train.label_loss.label_loss`.
    """
    radices, seed_of_paths = supernet.radices, derive_seed(seed, "paths")
    n_paths = paths_per_step(method, radices)
    of_labels = label_loss(task, settings.label_smoothing)

    def loss(forward: nn.Module, given: PathBatch, step: int) -> Tensor:
        logits = forward(given.batch.images, sample_path(method, radices, step, given.number, seed_of_paths))
        return of_labels(logits, given.batch.labels)

    def divide(given: PathBatch, n: int) -> list[tuple[PathBatch, float]]:
        parts = micro_batches(given.batch, n)
        return [(PathBatch(part, number), share) for number in range(n_paths) for part, share in parts]

    train(
        supernet,
        loss,
        _with_paths(labelled_feed(task.splits.train, settings.batch, seed, device=device, workers=workers)),
        settings,
        seed=seed,
        name=name,
        progress=progress,
        device=device,
        divide=divide,
        partly_used=True,
    )


def _with_paths(feed: Feed[Batch]) -> Feed[PathBatch]:
    def batches(first: int, last: int) -> Iterator[PathBatch]:
        return (PathBatch(batch, 0) for batch in feed(first, last))

    return batches
