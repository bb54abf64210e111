"""Tasks of a user's own code: made from their settings, and checked at every call, so that errors are one line."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn

from qabwnas.data.splits import Batch, Split, Splits
from qabwnas.errors import InputError
from qabwnas.io.user_code import call, load_class
from qabwnas.train.tasks import Score, Task


def task_class(name: str, settings: Mapping[str, Any], folder: Path | None = None) -> type[Task]:
    """Return the class ``package.name``, whose constructor takes these settings by name.

    Raises:
        InputError: there is no such class, it is not derived from :class:`Task`, methods are missing, or its
            constructor does not take the settings.
    """
    found = load_class(name, Task, folder)
    try:
        inspect.signature(found).bind(**settings)
    except TypeError as error:
        raise InputError(f"{name}: its settings do not fit its constructor: {error}") from error
    return found


def task_fingerprint(name: str, settings: Mapping[str, Any], folder: Path | None = None) -> str:
    """Return the fingerprint of a class; raises as :func:`task_class`, or if the fingerprint is no text."""
    text = call(f"{name}.fingerprint", task_class(name, settings, folder).fingerprint)
    if not isinstance(text, str):
        raise InputError(f"{name}.fingerprint: gives {type(text).__name__}, not a text")
    return text


def make_task(name: str, settings: Mapping[str, Any], folder: Path | None = None) -> Task:
    """Return the task ``package.name`` with these settings.

    Raises:
        InputError: as :func:`task_class`; the constructor raises an error; or the task has no splits, an empty one, a
            batch of another layout than :class:`~qabwnas.data.splits.Batch`, or no name of its score.
    """
    task = call(name, task_class(name, settings, folder), **settings)
    splits, score_name = getattr(task, "splits", None), getattr(task, "score_name", None)
    if not isinstance(splits, Splits):
        raise InputError(f"{name}: its splits are {type(splits).__name__}; call super().__init__ with Splits")
    if not isinstance(score_name, str) or not score_name:
        raise InputError(f"{name}: score_name is {score_name!r}, not the name of its score")
    for field in fields(splits):
        _check_split(f"{name}: the {field.name} split", getattr(splits, field.name))
    return _OwnTask(name, task)


def _check_split(where: str, split: Any) -> None:
    if not isinstance(split, Split):
        raise InputError(f"{where} is {type(split).__name__}, not a Split (DatasetSplit makes one of a data set)")
    if not len(split):
        raise InputError(f"{where} has no images")
    for method, batch in (("read", call(where, split.read, [0])), ("draw", call(where, split.draw, [0], 0))):
        if not isinstance(batch, Batch):
            raise InputError(f"{where}: {method} gives {type(batch).__name__}, not a Batch")
        images, labels = batch.images, batch.labels
        if not isinstance(images, Tensor) or images.ndim != 4 or str(images.dtype) != "torch.float32":
            raise InputError(f"{where}: {method} gives no images of float32 (n, channels, height, width)")
        if not isinstance(labels, Tensor) or not labels.ndim or len(labels) != 1:
            raise InputError(f"{where}: {method} gives labels that are no tensor with one entry per image")


class _OwnTask(Task):
    """A user's task; an error in its code, or a result of another type or range, raises InputError of one line."""

    def __init__(self, name: str, task: Task) -> None:
        super().__init__(task.splits)
        self.score_name = task.score_name
        self._name = name
        self._task = task

    def can_smooth_labels(self) -> bool:
        return self._task.can_smooth_labels()

    def loss(self, logits: Tensor, labels: Tensor, **options: float) -> Tensor:
        loss = call(f"{self._name}.loss", self._task.loss, logits, labels, **options)
        if not isinstance(loss, Tensor) or loss.ndim:
            raise InputError(f"{self._name}.loss: gives {_described(loss)}, not a tensor with a single number")
        return loss

    def score(self, network: nn.Module, split: Split, *, workers: int = 0) -> Score:
        score = call(f"{self._name}.score", self._task.score, network, split, workers=workers)
        if not isinstance(score, Score):
            raise InputError(f"{self._name}.score: gives {_described(score)}, not a Score")
        value, error = float(score.value), float(score.standard_error)
        if not 0 <= value <= 1:
            raise InputError(
                f"{self._name}.score: {self.score_name} is {value:g}, not a number of 0 … 1, where 1 is best; "
                "turn an error e into 1 / (1 + e)"
            )
        if not 0 <= error < math.inf:
            raise InputError(f"{self._name}.score: the standard error is {error:g}, not a number of 0 or more")
        _check_leave_one_out(f"{self._name}.score", score.leave_one_out, len(split))
        return Score(value, error, score.leave_one_out)


def _check_leave_one_out(where: str, without: Any, n_images: int) -> None:
    if without is None:
        return
    if not isinstance(without, np.ndarray) or without.dtype != np.float64 or without.shape != (n_images,):
        given = f"{without.dtype} {without.shape}" if isinstance(without, np.ndarray) else type(without).__name__
        raise InputError(f"{where}: leave_one_out is {given}, not an array of float64 ({n_images},), or None")
    if not np.isfinite(without).all():
        raise InputError(f"{where}: leave_one_out has values that are no finite numbers")


def _described(value: Any) -> str:
    return f"a tensor of the shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
