"""Cityscapes, and other data in its layout: driving scenes with one of 19 classes per pixel."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image

from qabwnas.data.cityscapes_labels import CLASSES, TRAIN_IDS
from qabwnas.data.cityscapes_layout import Scene, list_scenes
from qabwnas.data.splits import IGNORED, Batch, Split, Splits, stratified_order
from qabwnas.data.transforms import SceneAugmentation, normalised
from qabwnas.errors import FormatError, InputError

N_CLASSES = len(CLASSES)
CROP = (512, 1024)
DIVISION_SEED = 2016


class SceneSplit(Split):
    """Scenes on disk, read on demand; only their names are in memory."""

    def __init__(self, scenes: Sequence[Scene], augmentation: SceneAugmentation) -> None:
        self.scenes = tuple(scenes)
        self._augmentation = augmentation

    def __len__(self) -> int:
        return len(self.scenes)

    def read(self, indices: Sequence[int]) -> Batch:
        images, labels = [], []
        for index in indices:
            image, train_ids = _read(self.scenes[index])
            images.append(normalised(image))
            labels.append(_as_labels(train_ids))
            if images[-1].shape != images[0].shape:
                path = self.scenes[index].image_path
                raise FormatError(f"{path}: is {image.width}×{image.height} pixels large, unlike its batch")
        return Batch(torch.stack(images), torch.stack(labels))

    def draw(self, indices: Sequence[int], seed: int) -> Batch:
        height, width = self._augmentation.crop
        images = torch.zeros(len(indices), 3, height, width)  # the mean colour fills the rest of smaller scenes
        labels = torch.full((len(indices), height, width), IGNORED)
        for place, index in enumerate(indices):
            image, train_ids = self._augmentation.draw(*_read(self.scenes[index]), np.random.default_rng((seed, place)))
            images[place, :, : image.height, : image.width] = normalised(image)
            labels[place, : image.height, : image.width] = _as_labels(train_ids)
        return Batch(images, labels)

    def digest(self) -> str:
        """Return the SHA-256 of names and file sizes, in order."""
        digest = hashlib.sha256()
        for scene in self.scenes:
            sizes = (scene.image_path.stat().st_size, scene.label_path.stat().st_size)
            digest.update(os.fsencode(f"{scene.name} {sizes[0]} {sizes[1]}\n"))  # names can have any encoding
        return digest.hexdigest()


def load_cityscapes(
    root: str | os.PathLike[str], *, calibration: int, validation: int, crop: tuple[int, int] = CROP
) -> Splits:
    """Return the splits of a folder in Cityscapes' layout; lists files and opens none.

    ``calibration`` and ``validation`` images are taken from the ``train`` folder, in proportion to the cities. The same
    folder and numbers always give the same division. ``test`` is the ``val`` folder. Images are RGB on ImageNet's
    scale, float32 ``(n, 3, height, width)``; labels are train ids 0 … 18 and 255. Variants for training have the size
    ``crop``, (height, width).

    Raises:
        InputError: see :func:`~qabwnas.data.cityscapes_layout.list_scenes`; or no scene would be left for training.
    """
    scenes = list_scenes(root, "train")
    held_out = calibration + validation
    if held_out >= len(scenes):
        raise InputError(
            f"{os.fspath(root)}: {calibration} calibration and {validation} validation images leave none of "
            f"{len(scenes)} to train"
        )
    cities = np.unique([scene.city for scene in scenes], return_inverse=True)[1].astype(np.int64)
    order = stratified_order(cities, np.random.default_rng(DIVISION_SEED)).tolist()
    augmentation = SceneAugmentation(crop)

    def part(first: int, last: int) -> SceneSplit:
        return SceneSplit([scenes[index] for index in sorted(order[first:last])], augmentation)

    return Splits(
        train=part(held_out, len(scenes)),
        calibration=part(0, calibration),
        validation=part(calibration, held_out),
        test=SceneSplit(list_scenes(root, "val"), augmentation),
    )


def _read(scene: Scene) -> tuple[Image.Image, Image.Image]:
    image, label_ids = scene.read()
    return image, label_ids.point(TRAIN_IDS.tolist())


def _as_labels(train_ids: Image.Image) -> torch.Tensor:
    return torch.from_numpy(np.asarray(train_ids).astype(np.int64))
