"""The folders of Cityscapes: which images there are, with which labels, and whether all of them can be used.

    ROOT/leftImg8bit/SPLIT/CITY/NAME_leftImg8bit.png    RGB, 8 bits
    ROOT/gtFine/SPLIT/CITY/NAME_gtFine_labelIds.png     label ids, 8 bits, of the same size

Needs no torch.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from qabwnas.data.cityscapes_labels import LARGEST_ID
from qabwnas.data.image_files import read_label_ids, read_rgb
from qabwnas.errors import FormatError, InputError

IMAGES, LABELS = "leftImg8bit", "gtFine"
IMAGE_ENDING, LABEL_ENDING = "_leftImg8bit.png", "_gtFine_labelIds.png"
SPLITS = ("train", "val")


@dataclass(frozen=True)
class Scene:
    """An image with its labels.

    Attributes:
        name: its place in the data set, such as ``train/aachen/aachen_000000_000019``.
    """

    root: str
    name: str

    @property
    def city(self) -> str:
        return self.name.split("/")[1]

    @property
    def image_path(self) -> Path:
        return Path(self.root, IMAGES, self.name + IMAGE_ENDING)

    @property
    def label_path(self) -> Path:
        return Path(self.root, LABELS, self.name + LABEL_ENDING)

    def read(self) -> tuple[Image.Image, Image.Image]:
        """Return the image in RGB and the label ids.

        Raises:
            InputError: a file is gone.
            FormatError: a file is damaged, holds unknown label ids, or the two differ in size.
        """
        image, label_ids = read_rgb(self.image_path), read_label_ids(self.label_path, LARGEST_ID)
        if image.size != label_ids.size:
            raise FormatError(f"{self.label_path}: is {_size(label_ids)} pixels large, its image {_size(image)}")
        return image, label_ids


def list_scenes(root: str | os.PathLike[str], split: str) -> list[Scene]:
    """Return the scenes of ``train`` or ``val`` by city and name; opens no image.

    Raises:
        InputError: there is no such folder, no city in it, a city without images, or an image without labels.
    """
    folder = Path(root, IMAGES, split)
    for needed in (Path(root), folder.parent, Path(root, LABELS), folder):
        if not needed.is_dir():
            raise InputError(f"{needed}: there is no such folder; Cityscapes has {IMAGES} and {LABELS} in one")
    cities = sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    if not cities:
        raise InputError(f"{folder}: has no folders of cities")
    return [scene for city in cities for scene in _list_city(root, split, city)]


def _list_city(root: str | os.PathLike[str], split: str, city: str) -> Iterator[Scene]:
    images = _names(Path(root, IMAGES, split, city), IMAGE_ENDING)
    if not images:
        raise InputError(f"{Path(root, IMAGES, split, city)}: has no images *{IMAGE_ENDING}")
    labelled = set(_names(Path(root, LABELS, split, city), LABEL_ENDING))
    for name in images:
        scene = Scene(os.fspath(root), f"{split}/{city}/{name}")
        if name not in labelled:
            raise InputError(f"{scene.image_path}: has no labels {scene.label_path}")
        yield scene


def _names(folder: Path, ending: str) -> list[str]:
    if not folder.is_dir():
        return []
    return sorted(entry.removesuffix(ending) for entry in os.listdir(folder) if entry.endswith(ending))


def check_scenes(scenes: list[Scene]) -> Iterator[tuple[int, int]]:
    """Read every scene whole and give its width and height.

    Raises:
        QabwnasError: as :meth:`Scene.read`; FormatError too where a scene is of another size than the first.
    """
    first: tuple[int, int] | None = None
    for scene in scenes:
        image, _ = scene.read()
        first = first or image.size
        if image.size != first:
            size = _size(image)
            raise FormatError(f"{scene.image_path}: is {size} pixels large, those before it {first[0]}×{first[1]}")
        yield first


def _size(image: Image.Image) -> str:
    return f"{image.width}×{image.height}"
