"""A folder of synthetic scenes in Cityscapes' layout. Several processes can draw; a killed run can be completed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path

from PIL import Image

from qabwnas.data.cityscapes_layout import IMAGES, LABELS, Scene
from qabwnas.data.processes import map_in_processes
from qabwnas.data.street.scene import draw_scene, scene_city
from qabwnas.errors import InputError
from qabwnas.io.atomic import atomic_path

MANIFEST = "synthetic.json"
DRAWING_VERSION = 1  # goes up when the same seed draws other pixels
PNG_LEVEL = 1  # noise does not compress; higher levels only take longer
SMALLEST = 32


@dataclass(frozen=True)
class Drawing:
    """The settings that determine every pixel of a folder.

    Attributes:
        train, val: numbers of images.
        height, width: size of every image in pixels.
        seed: seed of the random generators.
        version: version of the drawing code.
    """

    train: int
    val: int
    height: int
    width: int
    seed: int
    version: int = DRAWING_VERSION

    def names(self) -> Iterator[tuple[str, int, str]]:
        """Yield split, index and name of every scene."""
        for split, index in chain(
            (("train", index) for index in range(self.train)), (("val", index) for index in range(self.val))
        ):
            city = scene_city(split, index)
            yield split, index, f"{split}/{city}/{city}_{index:06d}_{index % 30:06d}"


def prepare_folder(root: Path, drawing: Drawing, *, force: bool) -> None:
    """Create a folder for a drawing, and write its settings there.

    A folder with the same settings is continued. With ``force``, the scenes of another drawing are removed; other files
    stay.

    Raises:
        InputError: a number is too small; or the folder holds something else and ``force`` is not given.
    """
    if min(drawing.height, drawing.width) < SMALLEST:
        raise InputError(f"height {drawing.height} and width {drawing.width}: each must be at least {SMALLEST}")
    if min(drawing.train, drawing.val) < 1:
        raise InputError(f"{drawing.train} train and {drawing.val} val scenes: each must be at least 1")
    before = _read_manifest(root)
    if before == drawing:
        return
    if before is not None and not force:
        differing = [name for name, value in asdict(before).items() if value != asdict(drawing)[name]]
        raise InputError(f"{root}: has scenes drawn with another {', '.join(differing)}; --force replaces them")
    if before is None and root.is_dir() and any(root.iterdir()) and not force:
        raise InputError(f"{root}: is not empty and has no synthetic scenes; --force draws into it")
    if before is not None:
        _remove_scenes(root, before)
    root.mkdir(parents=True, exist_ok=True)
    with atomic_path(root / MANIFEST) as temporary:
        temporary.write_text(json.dumps(asdict(drawing), indent=2) + "\n", encoding="utf-8")


def draw_missing(root: Path, drawing: Drawing, *, workers: int, option: str = "--num-workers") -> Iterator[int]:
    """Draw the missing scenes of a prepared folder; yield the number of finished scenes after each one.

    ``workers`` processes draw; with 0, this process does. The pixels do not depend on it. Messages call this number
    ``option``. Raises the errors of :func:`~qabwnas.data.processes.map_in_processes`.
    """
    missing = []
    for split, index, name in drawing.names():
        scene = Scene(os.fspath(root), name)
        if not (scene.image_path.is_file() and scene.label_path.is_file()):
            scene.image_path.parent.mkdir(parents=True, exist_ok=True)
            scene.label_path.parent.mkdir(parents=True, exist_ok=True)
            missing.append((scene, drawing, split, index))
    done = drawing.train + drawing.val - len(missing)
    yield done
    for _ in map_in_processes(_draw, missing, workers=workers, option=option):
        done += 1
        yield done


def _draw(job: tuple[Scene, Drawing, str, int]) -> None:
    """Draw and write a scene. The image is written last, so a scene with an image is complete."""
    scene, drawing, split, index = job
    image, label_ids = draw_scene(drawing.seed, split, index, drawing.height, drawing.width)
    for path, pixels in ((scene.label_path, label_ids), (scene.image_path, image)):
        with atomic_path(path) as temporary:
            Image.fromarray(pixels).save(temporary, format="PNG", compress_level=PNG_LEVEL)


def _read_manifest(root: Path) -> Drawing | None:
    """Return the settings of a folder, or ``None`` if it has no readable ones."""
    try:
        content = json.loads((root / MANIFEST).read_text(encoding="utf-8"))
        return Drawing(**content)
    except (FileNotFoundError, NotADirectoryError, ValueError, TypeError):
        return None


def _remove_scenes(root: Path, drawing: Drawing) -> None:
    for _, _, name in drawing.names():
        scene = Scene(os.fspath(root), name)
        scene.image_path.unlink(missing_ok=True)
        scene.label_path.unlink(missing_ok=True)
    for kind in (IMAGES, LABELS):
        for folder in sorted((root / kind).glob("*/*"), reverse=True):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
