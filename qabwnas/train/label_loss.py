"""The loss of a task with label smoothing (Szegedy et al., CVPR 2016, Section 7)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import cast

from torch import Tensor

from qabwnas.errors import InputError
from qabwnas.train.tasks import Task

LabelLoss = Callable[[Tensor, Tensor], Tensor]
"""A scalar loss from logits and labels."""


def label_loss(task: Task, smoothing: float) -> LabelLoss:
    """Return the loss of a task with a share ``smoothing`` of each label spread over all classes, 0 … 1.

    Raises:
        InputError: the task's loss does not take ``label_smoothing``.
    """
    if not smoothing:
        return task.loss
    if not task.can_smooth_labels():
        raise InputError(
            "label_smoothing: the loss of the task has no parameter of that name; add it, or leave smoothing out"
        )
    return partial(cast("Callable[..., Tensor]", task.loss), label_smoothing=smoothing)
