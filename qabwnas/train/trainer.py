"""One module in training: its optimiser, its step, and the checkpoint from which it continues after a kill.

Everything random in a step depends on the seed and the step alone: torch's generators are seeded again in every step,
the data and the learning rate are functions of the step. A checkpoint therefore needs only the weights, the optimiser,
the scale of mixed-precision gradients and the step. A training that was killed and resumed ends bit for bit as an
uninterrupted one, on the same device with the same number of threads.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from qabwnas.errors import FormatError, QabwnasError, StaleError
from qabwnas.train.checkpoint import load_checkpoint, save_checkpoint
from qabwnas.train.ema import WeightAverage
from qabwnas.train.parallel import rank, without_averaging
from qabwnas.train.sampling import derive_seed
from qabwnas.train.settings import Training

KIND = "training"
CPU = torch.device("cpu")
AMP_DEVICES = ("cuda",)
READ_AT_ONCE = ("cpu",)
MOST_UNREAD = 50
"""Reading a loss makes the host wait for a GPU; so at most this many are read together."""
SMALLEST_SCALE = 2.0**-14
"""Gradients that overflow even at this scale are infinite or NaN, not just large."""

T = TypeVar("T")
Loss = Callable[[nn.Module, T, int], Tensor]
"""A scalar loss from (the module, the feed's input for the step, the step): a mean over the images of the input. It may
use torch's random numbers, and must not depend on anything else that changes from call to call. It must call the module
that it gets, which may be a wrapper of the trained module."""
Divide = Callable[[T, int], Sequence[tuple[T, float]]]
"""Divides the input of a step into so many micro-batches; each comes with its share of the images. The loss of a step
is the sum of these shares of their losses; a step that trains several paths has the micro-batches of each of them."""


@dataclass(frozen=True)
class Progress:
    """Where a training stores its progress.

    Attributes:
        path: the checkpoint, written after the last step, and before that whenever ``every`` steps or ``seconds`` have
            passed since the previous one. A kill loses at most this.
        identity: a fingerprint of all inputs of the training other than its settings: a checkpoint of another identity
            is refused, not continued.
        logs: the folder for TensorBoard's events, if they are requested.
    """

    path: Path
    identity: str
    every: int = 500
    seconds: float = 60.0
    logs: Path | None = None


class NotFiniteError(QabwnasError):
    """The loss of a step is NaN or infinite."""

    def __init__(self, message: str, step: int) -> None:
        super().__init__(message)
        self.step = step


class Trainer(Generic[T]):
    """A module with everything that its training needs; continues from a checkpoint.

    Attributes:
        done: the number of finished steps; :meth:`update` makes the next one.
        forward: the module that the loss calls: ``module``, or a wrapper of it.

    When the training is done, ``module`` has the moving average of its weights, if the settings have one. ``divide`` is
    needed for ``settings.accumulate``.

    Raises:
        StaleError: the checkpoint has another identity.
        FormatError: the checkpoint is damaged, or belongs to another module.
    """

    def __init__(
        self,
        module: nn.Module,
        loss: Loss[T],
        settings: Training,
        *,
        seed: int,
        name: str,
        progress: Progress,
        device: torch.device,
        divide: Divide[T] | None = None,
    ) -> None:
        # Channels last is the faster layout, on CPUs and GPUs.
        module.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.module = self.forward = module
        self.settings = settings
        self.name = name
        self.done = 0
        self._loss = loss
        self._divide = divide
        self._seed = seed
        self.progress = progress
        self._device = device
        self._optimizer = settings.make_optimizer(module.parameters())
        self._scaler = torch.amp.GradScaler(device.type, enabled=_is_mixed(settings, device))
        self._average: WeightAverage | None = None
        self._saved_at = time.monotonic()
        self._unread: list[tuple[int, Tensor]] = []
        self._last_loss = math.nan
        if progress.path.exists():
            self._resume()

    def update(self, given: T) -> None:
        """Make the next step. Parameters that its loss does not touch are not updated.

        Raises:
            NotFiniteError: a loss is not finite; the message names the training and the step. On a GPU it may
                be raised some steps later, but always before a checkpoint is written.
        """
        step = self.done
        if self._average is None and self.settings.ema_decay is not None:  # several processes have equal weights now
            self._average = WeightAverage(self.module, self.settings.ema_decay)
        torch.manual_seed(derive_seed(self._seed, "step", step))
        for group in self._optimizer.param_groups:
            group["lr"] = self.settings.learning_rate_at(step)
        self._optimizer.zero_grad()
        losses = [self._add_gradients(part, share, step, is_last) for part, share, is_last in self._parts(given)]
        self._unread.append((step, torch.stack(losses).sum()))
        if self._device.type in READ_AT_ONCE or len(self._unread) >= MOST_UNREAD:
            self.last_loss()
        if any(parameter.grad is not None for parameter in self.module.parameters()):
            self._step()
        if self._average is not None:
            self._average.update(self.module)
        self.done = step + 1
        self._save_if_due()
        self._end_if_done()

    def _parts(self, given: T) -> list[tuple[T, float, bool]]:
        """Return the micro-batches of a step, the share of each, and which is the last."""
        if self._divide is None:
            assert self.settings.accumulate == 1, "only trainings on labels accumulate gradients"
            return [(given, 1.0, True)]
        *parts, (part, share) = self._divide(given, self.settings.accumulate)
        return [*((part, share, False) for part, share in parts), (part, share, True)]

    def _add_gradients(self, given: T, share: float, step: int, is_last: bool) -> Tensor:
        """Add the gradients of a micro-batch's share of the loss, and return that share."""
        with nullcontext() if is_last else without_averaging(self.forward):
            with mixed_precision(self.settings, self._device):
                loss = self._loss(self.forward, given, step) * share
            if loss.requires_grad:  # a path that skips every layer has nothing to train
                self._scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        return loss.detach()

    def _step(self) -> None:
        """Update the weights with the gradients, clipped if the settings say so."""
        if self.settings.max_grad_norm is not None:
            self._scaler.unscale_(self._optimizer)
            nn.utils.clip_grad_norm_(self.module.parameters(), self.settings.max_grad_norm)
        self._scaler.step(self._optimizer)
        self._scaler.update()

    def _end_if_done(self) -> None:
        if self._average is not None and self.done == self.settings.steps:
            self._average.copy_to(self.module)

    def last_loss(self) -> float:
        """Return the loss of the last step, and check all losses since the last call; raises as :meth:`update`."""
        if self._unread:
            values = torch.stack([loss for _, loss in self._unread]).tolist()
            for (step, _), value in zip(self._unread, values, strict=True):
                if not math.isfinite(value):
                    raise NotFiniteError(f"{self.name}: the loss is {value} at step {step}", step)
            self._unread.clear()
            self._last_loss = values[-1]
        return self._last_loss

    def _save_if_due(self) -> None:
        at_end, now = self.done == self.settings.steps, time.monotonic()
        if at_end or self.done % self.progress.every == 0 or now - self._saved_at >= self.progress.seconds:
            self.save()

    def save(self) -> None:
        """Write the checkpoint, between two steps; raises as :meth:`update`."""
        self.last_loss()
        if self._scaler.is_enabled() and self._scaler.get_scale() < SMALLEST_SCALE:
            raise QabwnasError(f"{self.name}: the gradients are infinite or NaN in the steps before {self.done}")
        content: dict[str, Any] = {"module": self.module.state_dict(), "optimizer": self._optimizer.state_dict()}
        content |= {"scaler": self._scaler.state_dict(), "identity": self.progress.identity, "step": self.done}
        if self._average is not None:
            content["average"] = self._average.state_dict()
        if rank() == 0:
            save_checkpoint(self.progress.path, KIND, content)
        self._saved_at = time.monotonic()

    def _resume(self) -> None:
        path = self.progress.path
        content = load_checkpoint(path, KIND)
        if content.get("identity") != self.progress.identity:
            raise StaleError(f"{path}: progress of a training with other settings or inputs; delete it to restart")
        try:
            self.module.load_state_dict(content["module"])
            self._optimizer.load_state_dict(content["optimizer"])
            if self._scaler.is_enabled():
                self._scaler.load_state_dict(content["scaler"])
            self.done = int(content["step"])
            if self.settings.ema_decay is not None:
                self._average = WeightAverage(self.module, self.settings.ema_decay)
                self._average.load_state_dict(content["average"], self.done)
                self._end_if_done()
        except (KeyError, RuntimeError, ValueError) as error:
            raise FormatError(f"{path}: does not belong to this module: {' '.join(str(error).split())}") from error


def mixed_precision(settings: Training, device: torch.device) -> torch.autocast:
    """Return the context for forward passes: float16 where it is safe, if settings and device allow it."""
    return torch.autocast(device.type, dtype=torch.float16, enabled=_is_mixed(settings, device))


def _is_mixed(settings: Training, device: torch.device) -> bool:
    return settings.amp and device.type in AMP_DEVICES
