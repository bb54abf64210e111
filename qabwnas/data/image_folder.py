"""Image classification with one folder per class: ``ROOT/{train,val}/CLASS/*``, in every format that Pillow reads."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from qabwnas.data.folders import Entry, Listing, divide, is_file, is_folder
from qabwnas.data.image_files import image_endings, read_image
from qabwnas.data.splits import Batch, Split, Splits, stratified_order
from qabwnas.data.transforms import FLIPS, centre_box, draw_box, normalised
from qabwnas.errors import InputError, QabwnasError

SPLITS = ("train", "val")
DIVISION_SEED = 2009


class ImageSplit(Split):
    """Image files, each with a class. They are read on demand.

    Evaluation uses the centre of the resized image. Training uses random parts of random shapes, half of them flipped
    (Szegedy et al., CVPR 2015). Both are resized to squares of ``size`` pixels.
    """

    def __init__(self, root: Path, names: Sequence[str], classes: Sequence[int], size: int) -> None:
        self.root = root
        self.names = tuple(names)
        self.classes = tuple(classes)
        self.size = size

    def __len__(self) -> int:
        return len(self.names)

    def read(self, indices: Sequence[int]) -> Batch:
        images = []
        for index in indices:
            image = read_image(self.root / self.names[index])
            images.append(self._resized(image, centre_box(image.size), flip=False))
        return Batch(torch.stack(images), self._labels(indices))

    def draw(self, indices: Sequence[int], seed: int) -> Batch:
        images = []
        for place, index in enumerate(indices):
            rng = np.random.default_rng((seed, place))
            image = read_image(self.root / self.names[index])
            images.append(self._resized(image, draw_box(image.size, rng), flip=bool(rng.random() < FLIPS)))
        return Batch(torch.stack(images), self._labels(indices))

    def digest(self) -> str:
        """Return the SHA-256 of names, file sizes, classes and the size of images, in order."""
        digest = hashlib.sha256(f"{self.size}\n".encode())
        for name, label in zip(self.names, self.classes, strict=True):
            line = f"{name} {(self.root / name).stat().st_size} {label}\n"
            digest.update(os.fsencode(line))  # names can have any encoding
        return digest.hexdigest()

    def _resized(self, image: Image.Image, box: tuple[float, float, float, float], *, flip: bool) -> torch.Tensor:
        image = image.resize((self.size, self.size), Image.Resampling.BILINEAR, box)
        return normalised(image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if flip else image)

    def _labels(self, indices: Sequence[int]) -> torch.Tensor:
        return torch.tensor([self.classes[index] for index in indices])


def load_image_folder(
    root: str | os.PathLike[str], *, calibration: int, validation: int, size: int
) -> tuple[Splits, tuple[str, ...]]:
    """Return the splits of a folder and the names of its classes; labels number them in alphabetical order.

    ``calibration`` and ``validation`` images are taken from the ``train`` folder, in proportion to the classes;
    ``test`` is the ``val`` folder. Images are RGB on ImageNet's scale, float32 ``(n, 3, size, size)``.

    Raises:
        InputError: a folder is missing or has no classes, a class has no images, ``train`` and ``val`` differ in their
            classes, or no image would be left for training.
    """
    root = Path(root)
    train, test = survey_images(root).values()
    for problem in (*train.problems, *test.problems):
        raise problem
    names, labels = train.names, train.labels
    held_out = calibration + validation
    if held_out >= len(names):
        raise InputError(
            f"{root}: {calibration} calibration and {validation} validation images leave none of {len(names)} to train"
        )
    order = stratified_order(np.array(labels, dtype=np.int64), np.random.default_rng(DIVISION_SEED)).tolist()

    def part(first: int, last: int) -> ImageSplit:
        chosen = sorted(order[first:last])
        return ImageSplit(root, [names[index] for index in chosen], [labels[index] for index in chosen], size)

    splits = Splits(
        train=part(held_out, len(names)),
        calibration=part(0, calibration),
        validation=part(calibration, held_out),
        test=ImageSplit(root, test.names, test.labels, size),
    )
    return splits, tuple(train.classes)


@dataclass(kw_only=True)
class ImageListing(Listing):
    """The images of a split, sorted by class and name. Problems are classes without images or in one split only.

    Attributes:
        names: paths relative to ``root``.
        labels: the class number of each image.
    """

    root: Path
    classes: list[str]
    names: list[str] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.names)

    def check(self, progress: Callable[[int], None]) -> tuple[list[QabwnasError], str]:
        problems: list[QabwnasError] = []
        for number, name in enumerate(self.names, start=1):
            try:
                read_image(self.root / name)
            except QabwnasError as error:
                problems.append(error)
            progress(number)
        return problems, f"{len(self)} images in {len(self.classes)} classes"


def survey_images(root: str | os.PathLike[str]) -> dict[str, ImageListing]:
    """Return the contents of the folders ``train`` and ``val``; opens no image.

    Raises:
        InputError: a folder is missing or has no classes.
    """
    root = Path(root)
    listings = {split: _survey(root, split) for split in SPLITS}
    train, val = listings.values()
    for name in sorted(set(train.classes) ^ set(val.classes)):
        val.problems.append(InputError(f"{root}: class {name} is only in one of train and val"))
    return listings


def _survey(root: Path, split: str) -> ImageListing:
    folder = root / split
    if not folder.is_dir():
        raise InputError(f"{folder}: there is no such folder; a folder of images has train and val in it")
    classes, others = divide(folder, is_folder)
    if not classes:
        raise InputError(f"{folder}: has no folders of classes")
    listing = ImageListing(root=root, classes=classes, skipped=[f"{split}/{other}" for other in others])
    for label, name in enumerate(classes):
        images, others = divide(folder / name, _is_image)
        if not images:
            found = f"{len(others)} other files, such as {others[0]}" if others else "it is empty"
            listing.problems.append(InputError(f"{folder / name}: has no images: {found}"))
        listing.names += [f"{split}/{name}/{image}" for image in images]
        listing.labels += [label] * len(images)
        listing.skipped += [f"{split}/{name}/{other}" for other in others]
    return listing


def _is_image(entry: Entry) -> bool:
    return is_file(entry) and os.path.splitext(entry.name)[1].lower() in image_endings()
