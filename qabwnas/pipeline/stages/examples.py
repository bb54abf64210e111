"""A few test images with their labels and what networks predict for them, for the page of a run.

Only tasks with one class per image or per pixel have them. Large images are stored with fewer pixels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save
from torch import Tensor, nn
from torch.nn import functional as F

from qabwnas.data.batches import read_batches
from qabwnas.errors import FormatError
from qabwnas.io.atomic import atomic_path
from qabwnas.train.tasks import Classification, Segmentation, Task, device_of

FILE_NAME = "examples.safetensors"
N_IMAGES = 6
MOST_PIXELS = 320
"""The longer side of a stored image."""
IMAGES, LABELS, PREDICTION = "images", "labels", "prediction/"


@dataclass(frozen=True)
class Examples:
    """Test images with labels and predictions.

    Attributes:
        images: uint8 ``(n, height, width, channels)``, with contrast stretched to 0 … 255.
        labels: int64, one class per image ``(n,)`` or per pixel ``(n, height, width)``.
        predictions: name of a network → classes of the shape of ``labels``.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    predictions: Mapping[str, NDArray[np.int64]]


@dataclass
class ExampleImages:
    """The images for which networks are asked, and their answers so far; none if the task has no classes."""

    _images: Tensor | None
    _labels: Tensor | None
    _predictions: dict[str, NDArray[np.int64]] = field(default_factory=dict)

    @classmethod
    def of(cls, task: Task) -> ExampleImages:
        """Return the first images of the test split."""
        if not isinstance(task, Classification | Segmentation):
            return cls(None, None)
        batch = next(iter(read_batches(task.splits.test, N_IMAGES)))
        return cls(batch.images, batch.labels)

    @torch.inference_mode()
    def ask(self, name: str, network: nn.Module) -> None:
        """Keep the classes with the highest logits, at the resolution of the labels."""
        if self._images is None or self._labels is None:
            return
        network.eval()
        logits = network(self._images.to(device_of(network)))
        if self._labels.ndim == 3 and logits.shape[2:] != self._labels.shape[1:]:
            logits = F.interpolate(logits, size=self._labels.shape[1:], mode="bilinear", align_corners=False)
        self._predictions[name] = logits.argmax(dim=1).cpu().numpy()

    def write(self, folder: Path) -> list[str]:
        """Write what is known, and return the names of the files: none if the task has no classes."""
        if self._images is None or self._labels is None:
            return []
        step = max(1, -(-max(self._images.shape[2:]) // MOST_PIXELS))
        images = self._images[:, :, ::step, ::step].permute(0, 2, 3, 1).numpy()
        low, high = images.min(axis=(1, 2, 3), keepdims=True), images.max(axis=(1, 2, 3), keepdims=True)
        pixels = ((images - low) / np.maximum(high - low, 1e-12) * 255).round().astype(np.uint8)
        classes = {LABELS: self._labels.numpy()}
        classes |= {f"{PREDICTION}{name}": predicted for name, predicted in self._predictions.items()}
        thin = {name: each[:, ::step, ::step] if each.ndim == 3 else each for name, each in classes.items()}
        arrays = {name: np.ascontiguousarray(each.astype(np.int64)) for name, each in thin.items()}
        with atomic_path(folder / FILE_NAME) as temporary:
            temporary.write_bytes(save({IMAGES: np.ascontiguousarray(pixels), **arrays}))
        return [FILE_NAME]


def read_examples(folder: Path) -> Examples | None:
    """Return what a report wrote; ``None`` if the task has no classes, or the report is of an earlier version.

    Raises:
        FormatError: the file is damaged.
        OSError: it cannot be read.
    """
    path = folder / FILE_NAME
    if not path.exists():
        return None
    try:
        arrays = load(path.read_bytes())
        images, labels = arrays.pop(IMAGES), arrays.pop(LABELS)
    except (SafetensorError, KeyError) as error:
        raise FormatError(f"{path}: not the examples of a report: {error}") from error
    return Examples(images, labels, {name.removeprefix(PREDICTION): each for name, each in arrays.items()})
