"""Splits of data sets of torch (``torch.utils.data.Dataset``) that give one pair of image and label per index."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from qabwnas.data.splits import Batch, Split, Splits
from qabwnas.errors import InputError
from qabwnas.io.user_code import call
from qabwnas.quant.tensor_digest import tensors_digest

DIVISION_SEED = 2026
N_DIGESTED = 16
"""Items that the digest of a split reads."""


class DatasetSplit(Split):
    """Items of a map-style data set.

    An item is a pair of an image, a float tensor ``(channels, height, width)``, and a label, a number or a tensor. All
    images that are read together have one shape, and so have their labels. Random numbers of torch, NumPy and
    ``random`` are seeded for each item, so that a data set with random transforms gives the same variant again.

    Args:
        dataset: what is read for evaluation.
        augmented: a data set of the same length that gives random variants of the same items, for training. By default
            it is ``dataset``.
        indices: the items of the split; all by default.

    Raises:
        InputError: a data set has no length, ``augmented`` has another one, or an index does not exist.
    """

    def __init__(
        self,
        dataset: Dataset[Any],
        augmented: Dataset[Any] | None = None,
        indices: Sequence[int] | None = None,
    ) -> None:
        n_items = _length(dataset)
        if augmented is not None and _length(augmented) != n_items:
            raise InputError(f"the augmented data set has {_length(augmented)} items, the other one {n_items}")
        self._dataset = dataset
        self._augmented = dataset if augmented is None else augmented
        self._indices = tuple(range(n_items) if indices is None else map(int, indices))
        outside = [index for index in self._indices if not 0 <= index < n_items]
        if outside:
            raise InputError(f"index {outside[0]} is not in 0 … {n_items - 1}, the items of the data set")

    def __len__(self) -> int:
        return len(self._indices)

    def read(self, indices: Sequence[int]) -> Batch:
        """Return items of ``dataset``; raises InputError if one cannot be read or is not such a pair."""
        chosen = [self._indices[i] for i in indices]
        return _batch([_item(self._dataset, index, index) for index in chosen])

    def draw(self, indices: Sequence[int], seed: int) -> Batch:
        """Return items of ``augmented``; raises as :meth:`read`."""
        chosen = [self._indices[i] for i in indices]
        seeds = np.random.SeedSequence(seed).generate_state(len(chosen)).tolist()
        return _batch([_item(self._augmented, index, own) for index, own in zip(chosen, seeds, strict=True)])

    def digest(self) -> str:
        """Return the SHA-256 of the number of items and of 16 of them, evenly spaced; all are too many to read."""
        places = np.linspace(0, len(self) - 1, min(len(self), N_DIGESTED)).round().astype(int).tolist()
        batch = self.read(places)
        content = tensors_digest({"images": batch.images, "labels": batch.labels})
        return hashlib.sha256(f"{len(self)} {content}".encode()).hexdigest()


def divide_datasets(
    train: Dataset[Any],
    test: Dataset[Any],
    *,
    calibration: int,
    validation: int,
    augmented: Dataset[Any] | None = None,
) -> Splits:
    """Return the splits of two data sets: items of ``train`` are held out for calibration and validation.

    They are chosen at random, always the same. ``augmented`` gives random variants of the items of ``train``.

    Raises:
        InputError: nothing is left to train with, or as :class:`DatasetSplit`.
    """
    n_items = _length(train)
    held_out = calibration + validation
    if not 0 < held_out < n_items or min(calibration, validation) < 1:
        raise InputError(
            f"{calibration} images for calibration and {validation} for validation cannot be held out of {n_items} "
            "training images: each needs one or more, and one must be left"
        )
    order = np.random.default_rng(DIVISION_SEED).permutation(n_items).tolist()
    return Splits(
        train=DatasetSplit(train, augmented, order[held_out:]),
        calibration=DatasetSplit(train, indices=order[:calibration]),
        validation=DatasetSplit(train, indices=order[calibration:held_out]),
        test=DatasetSplit(test),
    )


def _length(dataset: Dataset[Any]) -> int:
    if not hasattr(dataset, "__len__"):
        raise InputError(f"the data set {_name(dataset)} has no length; items are read by index, in any order")
    return len(dataset)


def _item(dataset: Dataset[Any], index: int, seed: int) -> tuple[Tensor, Tensor]:
    """Return an item as two tensors."""
    where = f"{_name(dataset)}[{index}]"
    with _seeded(seed):
        item = call(where, dataset.__getitem__, index)
    if not isinstance(item, tuple | list) or len(item) != 2:
        raise InputError(f"{where}: is {_described(item)}, not a pair of image and label")
    image, label = item
    if not isinstance(image, Tensor) or image.ndim != 3 or not image.is_floating_point():
        raise InputError(f"{where}: the image is {_described(image)}, not a float tensor (channels, height, width)")
    if not isinstance(label, Tensor | np.ndarray | np.generic | int | float):
        raise InputError(f"{where}: the label is {_described(label)}, neither a number nor a tensor")
    return image.float(), torch.as_tensor(label)


def _batch(items: Sequence[tuple[Tensor, Tensor]]) -> Batch:
    images, labels = zip(*items, strict=True)
    for what, values in (("images", images), ("labels", labels)):
        shapes = sorted({tuple(value.shape) for value in values})
        if len(shapes) > 1:
            raise InputError(f"{what} of one data set have the shapes {shapes[0]} and {shapes[1]}, not one shape")
    return Batch(torch.stack(images), torch.stack(labels))


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seed the random numbers that transforms draw on the CPU; restore the generators afterwards."""
    states = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        np.random.seed(seed)
        random.seed(seed)
        try:
            yield
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])


def _name(dataset: Dataset[Any]) -> str:
    return type(dataset).__qualname__


def _described(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"a tensor of {str(value.dtype).removeprefix('torch.')} with the shape {tuple(value.shape)}"
    return type(value).__name__ + (f" of {len(value)}" if isinstance(value, tuple | list) else "")
