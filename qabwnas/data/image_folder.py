"""Images to classify, a folder a class: ``ROOT/train/CLASS/*`` and ``ROOT/val/CLASS/*``, in all formats of Pillow."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from qabwnas.data.folders import Entry, divide, is_file, is_folder
from qabwnas.data.image_files import image_endings, read_image
from qabwnas.data.normalise import normalised
from qabwnas.data.splits import Batch, Split, Splits
from qabwnas.data.stratify import stratified_order
from qabwnas.errors import InputError, QabwnasError

SPLITS = ("train", "val")
DIVISION_SEED = 2009
CROPPED_SHARE = 0.875  # of the shorter side that the centre crop keeps: 224 of 256
AREAS = (0.08, 1.0)
ASPECTS = (3 / 4, 4 / 3)
TRIES = 10
FLIPS = 0.5


class ImageSplit(Split):
    """Image files with a class each, which are read when they are asked for.

    Networks are evaluated on the centre of an image, after its shorter side was resized; and trained on random parts
    of random shapes, flipped half of the time (Szegedy et al., CVPR 2015). All are squares of ``size`` pixels.
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
            digest.update(os.fsencode(line))  # names need not be of any encoding
        return digest.hexdigest()

    def _resized(self, image: Image.Image, box: tuple[float, float, float, float], *, flip: bool) -> torch.Tensor:
        image = image.resize((self.size, self.size), Image.Resampling.BILINEAR, box)
        return normalised(image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if flip else image)

    def _labels(self, indices: Sequence[int]) -> torch.Tensor:
        return torch.tensor([self.classes[index] for index in indices])


def centre_box(size: tuple[int, int]) -> tuple[float, float, float, float]:
    """Return left, top, right, bottom of the square in the middle of an image of ``size`` (width, height)."""
    width, height = size
    side = CROPPED_SHARE * min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    return left, top, left + side, top + side


def draw_box(size: tuple[int, int], rng: np.random.Generator) -> tuple[float, float, float, float]:
    """Return left, top, right, bottom of a random part of an image of ``size`` (width, height).

    Its area is a share in ``AREAS`` of the image's, its width over its height in ``ASPECTS``, evenly in logarithms.
    What does not fit is drawn again; in the end the largest square in the middle is taken.
    """
    width, height = size
    for _ in range(TRIES):
        area = rng.uniform(*AREAS) * width * height
        aspect = np.exp(rng.uniform(*np.log(ASPECTS)))
        across, down = float(np.sqrt(area * aspect)), float(np.sqrt(area / aspect))
        if across <= width and down <= height:
            left, top = rng.uniform(0, width - across), rng.uniform(0, height - down)
            return left, top, min(left + across, width), min(top + down, height)
    side = min(size)
    left, top = (width - side) / 2, (height - side) / 2
    return left, top, left + side, top + side


def load_image_folder(
    root: str | os.PathLike[str], *, calibration: int, validation: int, size: int
) -> tuple[Splits, tuple[str, ...]]:
    """Return the splits of a folder and the names of its classes, which labels number in alphabetical order.

    ``calibration`` and ``validation`` images come out of the ``train`` folder, every class giving its share; ``test``
    is the ``val`` folder. Images are RGB on ImageNet's scale, float32 ``(n, 3, size, size)``.

    Raises:
        InputError: a folder is missing or has no classes, a class has no images, ``val`` has another class than
            ``train``, or nothing would be left to train.
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


@dataclass
class ImageListing:
    """The images of a split by class and name.

    Attributes:
        names, labels: paths in the root, and numbers of classes.
        problems: classes without images, or in one split only.
        passed_over: paths in the root of what is no image of a class: hidden files, files with other endings than
            images have, folders in those of classes.
    """

    classes: list[str]
    names: list[str] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    problems: list[InputError] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)


def survey_images(root: str | os.PathLike[str]) -> dict[str, ImageListing]:
    """Return what the folders of ``train`` and ``val`` hold; opens no image.

    Raises:
        InputError: there is no such folder, or no class in it.
    """
    root = Path(root)
    listings = {split: _survey(root, split) for split in SPLITS}
    train, val = listings.values()
    for name in sorted(set(train.classes) ^ set(val.classes)):
        val.problems.append(InputError(f"{root}: class {name} is in one of train and val only"))
    return listings


def check_images(
    root: str | os.PathLike[str], names: Sequence[str], progress: Callable[[int], None]
) -> list[QabwnasError]:
    """Read every image of a listing, and return what is wrong with them; ``progress`` is told how many were read."""
    problems: list[QabwnasError] = []
    for number, name in enumerate(names, start=1):
        try:
            read_image(Path(root, name))
        except QabwnasError as error:
            problems.append(error)
        progress(number)
    return problems


def _survey(root: Path, split: str) -> ImageListing:
    folder = root / split
    if not folder.is_dir():
        raise InputError(f"{folder}: there is no such folder; a folder of images has train and val in it")
    classes, others = divide(folder, is_folder)
    if not classes:
        raise InputError(f"{folder}: has no folders of classes")
    listing = ImageListing(classes, passed_over=[f"{split}/{other}" for other in others])
    for label, name in enumerate(classes):
        images, others = divide(folder / name, _is_image)
        if not images:
            found = f"{len(others)} other files, such as {others[0]}" if others else "it is empty"
            listing.problems.append(InputError(f"{folder / name}: has no images: {found}"))
        listing.names += [f"{split}/{name}/{image}" for image in images]
        listing.labels += [label] * len(images)
        listing.passed_over += [f"{split}/{name}/{other}" for other in others]
    return listing


def _is_image(entry: Entry) -> bool:
    return is_file(entry) and os.path.splitext(entry.name)[1].lower() in image_endings()
