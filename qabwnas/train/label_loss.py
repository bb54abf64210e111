"""The loss of a task with label smoothing (Szegedy et al., CVPR 2016, Section 7)."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial

from torch import Tensor

from qabwnas.errors import InputError
from qabwnas.train.tasks import Task

LabelLoss = Callable[[Tensor, Tensor], Tensor]
"""A scalar loss from logits and labels."""
NAME = "label_smoothing"


def label_loss(task: Task, smoothing: float) -> LabelLoss:
    """Return the loss of a task with a share ``smoothing`` of each label spread over all classes, 0 … 1.

    Raises:
        InputError: the task's loss does not take ``label_smoothing``.
    """
    if not smoothing:
        return task.loss
    if NAME not in inspect.signature(task.loss).parameters:
        raise InputError(
            f"{NAME}: the loss of {type(task).__name__} has no parameter of that name; add it, or leave smoothing out"
        )
    return partial(task.loss, label_smoothing=smoothing)
