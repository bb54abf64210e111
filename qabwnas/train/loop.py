"""The training loop, the only one: for teachers, supernet blocks and retrained networks."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import ExitStack

import torch
from torch import nn

from qabwnas.train.feed import Feed
from qabwnas.train.interrupts import EndNowError, Interrupts
from qabwnas.train.log import Validation, training_log
from qabwnas.train.parallel import data_parallel, n_processes, process_seed
from qabwnas.train.sampling import seeded_generators
from qabwnas.train.settings import Training
from qabwnas.train.trainer import CPU, Divide, Loss, Progress, T, Trainer

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
    divide: Divide[T] | None = None,
    partly_used: bool = False,
    score: Validation | None = None,
) -> None:
    """Minimise ``loss`` over the parameters of ``module``, in place, on ``device``; continue from a checkpoint.

    ``score`` is shown from time to time. If torchrun started several processes, they train it together: see
    :mod:`qabwnas.train.parallel`, also for ``partly_used``. ``divide`` makes the micro-batches of
    ``settings.accumulate``.

    Raises:
        QabwnasError: a loss is not finite; the message names the training and the step.
        StaleError: the checkpoint has another identity.
        FormatError: the checkpoint is damaged, or belongs to another module.
    """
    trainer = Trainer(
        module, loss, settings, seed=process_seed(seed), name=name, progress=progress, device=device, divide=divide
    )
    train_jointly([trainer], feed, name=name, partly_used=partly_used, score=score)


def train_jointly(
    trainers: Sequence[Trainer[T]],
    feed: Feed[T],
    *,
    name: str,
    partly_used: bool = False,
    score: Validation | None = None,
) -> None:
    """Train modules side by side: per step of the feed, one update of each. The modules do not influence each other.

    If torchrun started several processes, they train every module together. A trainer that is ahead, because a kill
    came between two checkpoints, waits for the others. Ctrl-C and SIGTERM write the checkpoints first, except in
    parallel training, whose processes get the signal at different steps. Raises as :meth:`Trainer.update`.
    """
    first = min(trainer.done for trainer in trainers)
    last = max(trainer.settings.steps for trainer in trainers)
    if first:
        logger.info("%s: continued at step %d of %d", name, first, last)
    interrupts = Interrupts()
    log = training_log(name, trainers, first, last, score)
    with seeded_generators(0), log as shown, ExitStack() as wrapped, interrupts.handled():
        for trainer in trainers:
            trainer.forward = wrapped.enter_context(data_parallel(trainer.module, partly_used=partly_used))
            trainer.module.train()
        try:
            for step, given in enumerate(feed(first, last), first):
                with interrupts.held():
                    for trainer in trainers:
                        if step == trainer.done < trainer.settings.steps:
                            trainer.update(given)
                shown.after(step)
        except EndNowError:
            raise
        except (KeyboardInterrupt, SystemExit):
            if n_processes() == 1:
                for trainer in trainers:
                    trainer.save()
                done = min(trainer.done for trainer in trainers)
                logger.info("%s: interrupted after step %d of %d; progress is saved", name, done, last)
            raise
