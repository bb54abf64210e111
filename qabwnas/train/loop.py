"""The one training loop: teachers, supernet blocks and retrained networks all go through it."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import torch
from torch import nn

from qabwnas.train.feed import CPU, Feed
from qabwnas.train.log import Log
from qabwnas.train.parallel import own_seed, together
from qabwnas.train.seeds import own_generators
from qabwnas.train.settings import Training
from qabwnas.train.trainer import Loss, Progress, T, Trainer

__all__ = ["Progress", "train", "train_together"]

logger = logging.getLogger(__name__)


def train(
    module: nn.Module,
    loss: Loss[T],
    feed: Feed[T],
    settings: Training,
    *,
    seed: int,
    name: str,
    progress: Progress,
    device: torch.device = CPU,
) -> None:
    """Minimise ``loss`` over the parameters of ``module``, in place, on ``device``; continue where a checkpoint ended.

    Where torchrun started several processes, they train it together: see :mod:`qabwnas.train.parallel`.

    Raises:
        QabwnasError: a loss is not finite; the message names the training and the step.
        StaleError: the checkpoint is of another identity.
        FormatError: the checkpoint is damaged, or not of this module.
    """
    trainer = Trainer(module, loss, settings, seed=own_seed(seed), name=name, progress=progress, device=device)
    with together(module) as trainer.forward:
        train_together([trainer], feed, name=name)


def train_together(trainers: Sequence[Trainer[T]], feed: Feed[T], *, name: str) -> None:
    """Train modules side by side, a step of each with what the feed gives; none sees that there are others.

    Whoever is further (a kill came between two checkpoints) waits for the others. Raises as :meth:`Trainer.update`.
    """
    first = min(trainer.done for trainer in trainers)
    last = max(trainer.settings.steps for trainer in trainers)
    if first:
        logger.info("%s: continued at step %d of %d", name, first, last)
    log = Log(name, trainers, first, last)
    for trainer in trainers:
        trainer.module.train()
    with own_generators(0), log:
        for step, given in enumerate(feed(first, last), first):
            for trainer in trainers:
                if step == trainer.done < trainer.settings.steps:
                    trainer.update(given)
            log.after(step)
