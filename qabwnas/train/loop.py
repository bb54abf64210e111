"""The one training loop: teachers, supernet blocks and retrained networks all go through it.

Everything random in a step depends on the seed and the step alone: torch's generators are seeded anew in every step,
the order of the data and the learning rate are functions of the step. A checkpoint therefore needs only the weights,
the optimiser and the step, and a training that was killed and resumed ends bit for bit as an uninterrupted one, on
the same device with the same number of threads.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from qabwnas.errors import FormatError, QabwnasError, StaleError
from qabwnas.train.checkpoint import load_checkpoint, save_checkpoint
from qabwnas.train.seeds import derive_seed, own_generators
from qabwnas.train.settings import Training

logger = logging.getLogger(__name__)

KIND = "training"
N_REPORTS = 4


@dataclass(frozen=True)
class Progress:
    """Where a training keeps its progress.

    Attributes:
        path: the checkpoint, written every ``every`` steps and after the last.
        identity: a fingerprint of all that the training depends on beyond its settings: a checkpoint of another
            identity is refused, not continued.
    """

    path: Path
    identity: str
    every: int = 500


def train(
    module: nn.Module,
    loss_at: Callable[[int], Tensor],
    settings: Training,
    *,
    seed: int,
    name: str,
    progress: Progress,
) -> None:
    """Minimise ``loss_at(step)`` over the parameters of ``module``, in place; continue where a checkpoint left off.

    ``loss_at`` gives the loss of a step as a scalar that may draw on torch's random numbers, and on nothing else that
    changes from call to call. Parameters that a step's loss does not touch are not updated in that step.

    Raises:
        QabwnasError: the loss of a step is not finite; the message names the training and the step.
        StaleError: the checkpoint is of another identity.
        FormatError: the checkpoint is damaged, or not of this module.
    """
    module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # the faster layout, on CPUs and GPUs
    optimizer = settings.make_optimizer(module.parameters())
    first = _resume(module, optimizer, progress) if progress.path.exists() else 0
    if first:
        logger.info("%s: continued at step %d of %d", name, first, settings.steps)
    start = time.perf_counter()
    module.train()
    with own_generators(seed):
        for step in range(first, settings.steps):
            torch.manual_seed(derive_seed(seed, "step", step))
            for group in optimizer.param_groups:
                group["lr"] = settings.learning_rate_at(step)
            loss = loss_at(step)
            if not math.isfinite(loss.item()):
                raise QabwnasError(f"{name}: the loss is {loss.item()} at step {step}")
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            done = step + 1
            if done % progress.every == 0 or done == settings.steps:
                content = {"module": module.state_dict(), "optimizer": optimizer.state_dict()}
                save_checkpoint(progress.path, KIND, {"identity": progress.identity, "step": done, **content})
            if done * N_REPORTS // settings.steps > step * N_REPORTS // settings.steps:
                seconds = time.perf_counter() - start
                logger.info("%s: step %d of %d, loss %.4g, %.1f s", name, done, settings.steps, loss.item(), seconds)


def _resume(module: nn.Module, optimizer: torch.optim.Optimizer, progress: Progress) -> int:
    """Load the checkpoint into the module and its optimiser, and return the step to go on with."""
    content = load_checkpoint(progress.path, KIND)
    if content.get("identity") != progress.identity:
        raise StaleError(f"{progress.path}: progress of a training with other settings or inputs; delete it to restart")
    try:
        module.load_state_dict(content["module"])
        optimizer.load_state_dict(content["optimizer"])
        return int(content["step"])
    except (KeyError, RuntimeError, ValueError) as error:
        raise FormatError(f"{progress.path}: does not belong to this module: {' '.join(str(error).split())}") from error
