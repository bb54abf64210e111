"""The folders of Cityscapes: list the images with their labels, and check all files.

    ROOT/leftImg8bit/SPLIT/CITY/NAME_leftImg8bit.png    RGB, 8 bits
    ROOT/gtFine/SPLIT/CITY/NAME_gtFine_labelIds.png     label ids, 8 bits, of the same size

Needs no torch.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from qabwnas.data.cityscapes_labels import LARGEST_ID
from qabwnas.data.folders import Entry, Listing, divide, is_file, is_folder
from qabwnas.data.image_files import read_label_ids, read_rgb
from qabwnas.errors import FormatError, InputError, QabwnasError

IMAGES, LABELS = "leftImg8bit", "gtFine"
IMAGE_ENDING, LABEL_ENDING = "_leftImg8bit.png", "_gtFine_labelIds.png"
SPLITS = ("train", "val")

Size = tuple[int, int]  # width, height


@dataclass(frozen=True)
class Scene:
    """An image with its labels.

    Attributes:
        name: its path in the data set without endings, such as ``train/aachen/aachen_000000_000019``.
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
            InputError: a file is missing.
            FormatError: a file is damaged or has unknown label ids, or the two files differ in size.
        """
        image, label_ids = read_rgb(self.image_path), read_label_ids(self.label_path, LARGEST_ID)
        if image.size != label_ids.size:
            raise self._size_mismatch(image.size, label_ids.size)
        return image, label_ids

    def check(self) -> tuple[Size | None, list[QabwnasError]]:
        """Read both files; return the size of the image (``None`` if unreadable) and everything that is wrong."""
        problems: list[QabwnasError] = []
        image = _size_of(lambda: read_rgb(self.image_path), problems)
        label_ids = _size_of(lambda: read_label_ids(self.label_path, LARGEST_ID), problems)
        if image and label_ids and image != label_ids:
            problems.append(self._size_mismatch(image, label_ids))
        return image, problems

    def _size_mismatch(self, image: Size, label_ids: Size) -> FormatError:
        return FormatError(f"{self.label_path}: is {_words(label_ids)} pixels large, its image {_words(image)}")


@dataclass(kw_only=True)
class SceneListing(Listing):
    """The scenes of a split, sorted by city and name. Problems are images without labels, and cities without images."""

    scenes: list[Scene] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.scenes)

    def check(self, progress: Callable[[int], None]) -> tuple[list[QabwnasError], str]:
        size, problems = check_scenes(self.scenes, progress)
        cities = len({scene.city for scene in self.scenes})
        return problems, f"{len(self)} scenes of {_words(size) if size else 'unknown size'} pixels in {cities} cities"


def survey_scenes(root: str | os.PathLike[str]) -> dict[str, SceneListing]:
    """Return the contents of the folders ``train`` and ``val``; opens no image.

    Raises:
        InputError: a folder is missing or has no cities.
    """
    return {split: _survey(root, split) for split in SPLITS}


def list_scenes(root: str | os.PathLike[str], split: str) -> list[Scene]:
    """Return the scenes of ``train`` or ``val``, sorted by city and name; opens no image.

    Raises:
        InputError: a folder is missing or has no cities, a city has no images, or an image has no labels.
    """
    listing = _survey(root, split)
    for problem in listing.problems:
        raise problem
    return listing.scenes


def _survey(root: str | os.PathLike[str], split: str) -> SceneListing:
    folder = Path(root, IMAGES, split)
    for needed in (Path(root), folder.parent, Path(root, LABELS), folder):
        if not needed.is_dir():
            raise InputError(f"{needed}: there is no such folder; Cityscapes has {IMAGES} and {LABELS} in one")
    cities, others = divide(folder, is_folder)
    if not cities:
        raise InputError(f"{folder}: has no folders of cities")
    listing = SceneListing(skipped=[f"{IMAGES}/{split}/{other}" for other in others])
    for city in cities:
        _survey_city(root, split, city, listing)
    if Path(root, LABELS, split).is_dir():
        labelled, _ = divide(Path(root, LABELS, split), is_folder)
        listing.skipped += [f"{LABELS}/{split}/{city}" for city in labelled if city not in cities]
    return listing


def _survey_city(root: str | os.PathLike[str], split: str, city: str, listing: SceneListing) -> None:
    folder, label_folder = Path(root, IMAGES, split, city), Path(root, LABELS, split, city)
    images, others = divide(folder, lambda entry: is_file(entry) and entry.name.endswith(IMAGE_ENDING))
    labels = divide(label_folder, _is_label)[0] if label_folder.is_dir() else []
    listing.skipped += [f"{IMAGES}/{split}/{city}/{other}" for other in others]
    names = [image.removesuffix(IMAGE_ENDING) for image in images]
    unmatched = {label.removesuffix(LABEL_ENDING) for label in labels}
    if not names:
        listing.problems.append(InputError(f"{folder}: has no images *{IMAGE_ENDING}"))
    for name in names:
        scene = Scene(os.fspath(root), f"{split}/{city}/{name}")
        if name in unmatched:
            listing.scenes.append(scene)
        else:
            listing.problems.append(InputError(f"{scene.image_path}: has no labels {scene.label_path}"))
        unmatched.discard(name)
    listing.skipped += [f"{LABELS}/{split}/{city}/{name}{LABEL_ENDING}" for name in sorted(unmatched)]


def _is_label(entry: Entry) -> bool:
    """Return whether an entry has label ids; Cityscapes also has files with colours, instances and polygons."""
    return entry.name.endswith(LABEL_ENDING) and (is_file(entry) or entry.name.startswith("."))


def check_scenes(scenes: list[Scene], progress: Callable[[int], None]) -> tuple[Size | None, list[QabwnasError]]:
    """Read every scene completely; return the most frequent size, and what is wrong, in the order of the scenes.

    A scene of another size is a problem. ``progress`` is called with the number of scenes that have been read.
    """
    sizes: list[Size | None] = []
    problems: list[list[QabwnasError]] = []
    for number, scene in enumerate(scenes, start=1):
        size, found = scene.check()
        sizes.append(size)
        problems.append(found)
        progress(number)
    known = Counter(size for size in sizes if size)
    usual = max(known, key=known.__getitem__, default=None)
    for scene, size, found in zip(scenes, sizes, problems, strict=True):
        if size and usual and size != usual:
            example = scenes[sizes.index(usual)].image_path
            found.append(
                FormatError(
                    f"{scene.image_path}: is {_words(size)} pixels large, others are {_words(usual)}, such as {example}"
                )
            )
    return usual, [problem for found in problems for problem in found]


def _size_of(read: Callable[[], Image.Image], problems: list[QabwnasError]) -> Size | None:
    try:
        return read().size
    except QabwnasError as error:
        problems.append(error)
        return None


def _words(size: Size) -> str:
    return f"{size[0]}×{size[1]}"
