"""Stage 1: check the data, or draw them. Writes ``data.json``: the number of images of every split, and its digest.

All later stages depend on that file, so that a run is never continued with other data. A task of the user's own code
may also give a fingerprint of what it computes.
"""

from __future__ import annotations

import json
import logging
from dataclasses import fields
from pathlib import Path
from typing import Any

from qabwnas.data import fashion
from qabwnas.data.cityscapes import N_CLASSES, load_cityscapes
from qabwnas.data.cityscapes_layout import survey_scenes
from qabwnas.data.digits import load_digits
from qabwnas.data.folders import describe_skipped
from qabwnas.data.image_folder import load_image_folder, survey_images
from qabwnas.data.splits import Split, Splits
from qabwnas.data.street.dataset import Drawing, draw_missing, prepare_folder
from qabwnas.errors import InputError, StaleError
from qabwnas.io.atomic import atomic_path
from qabwnas.pipeline.config.config import Config, config_to_json
from qabwnas.pipeline.config.task import CityscapesTask, DigitsTask, FashionTask, ImageFolderTask, OwnTask
from qabwnas.pipeline.stages.stage import Stage, StageContext
from qabwnas.progress import activity
from qabwnas.space import SearchSpace, Shape
from qabwnas.space.yaml import space_to_json
from qabwnas.train.own_task import make_task, task_fingerprint
from qabwnas.train.tasks import Classification, Segmentation, Task

logger = logging.getLogger(__name__)

FILE_NAME = "data.json"
SCENES_FOLDER = "scenes"
N_LINES = 4


def _settings(config: Config) -> dict[str, Any]:
    task = config_to_json(config)["task"]
    task.pop("root", None)  # the data may be moved; their digest identifies them
    settings = {"task": task, "space": {"input": space_to_json(config.space)["input"]}}
    return settings | _own_fingerprint(config)


def _own_fingerprint(config: Config) -> dict[str, str]:
    """Return the fingerprint that a task of the user's own code gives, if it gives one."""
    if not isinstance(config.task, OwnTask):
        return {}
    fingerprint = task_fingerprint(config.task.name, _arguments(config.task), config.code_folder)
    return {"fingerprint": fingerprint} if fingerprint else {}


def own_task_settings(config: Config) -> dict[str, Any]:
    """Return what a task of the user's own code computes with, which ``data.json`` does not say; empty for others.

    For work that is not a stage of the run, and that the run therefore does not forget when the task changes.
    """
    if not isinstance(config.task, OwnTask):
        return {}
    arguments = {name: value for name, value in config.task.settings.items() if name != "root"}
    return {"own_task": {"name": config.task.name, "settings": arguments, **_own_fingerprint(config)}}


def _make(context: StageContext) -> list[str]:
    _draw(context)
    splits = _task(context.config, context.folder).splits
    _check_size(context.config.space.input, splits)
    _tell_passed_over(context.config, context.folder)
    described = _describe(splits)
    with atomic_path(context.folder / FILE_NAME) as temporary:
        temporary.write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")
    return [FILE_NAME]


def load_task(config: Config, folder: Path) -> Task:
    """Return the task of a run with its data.

    Raises:
        InputError: the data are missing or damaged.
        StaleError: they are not the data that the run started with; the message names the split.
    """
    task = _task(config, folder)
    before = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))
    now = _describe(task.splits)
    for name in now:
        if before.get(name) != now[name]:
            raise StaleError(f"{folder}: the {name} split has changed; delete {FILE_NAME} to start again")
    return task


def _task(config: Config, folder: Path) -> Task:
    task, space = config.task, config.space
    if isinstance(task, DigitsTask):
        return Classification(load_digits())
    if isinstance(task, OwnTask):
        return make_task(task.name, _arguments(task), config.code_folder)
    held_out = {"calibration": task.calibration, "validation": task.validation}
    if isinstance(task, FashionTask):
        _check_classes(space, fashion.N_CLASSES)
        return Classification(fashion.load_fashion(task.root, **held_out))
    root = _root(config, folder)
    if not isinstance(task, CityscapesTask):
        images, classes = load_image_folder(root, size=space.input.height, **held_out)
        _check_classes(space, len(classes))
        return Classification(images)
    _check_classes(space, N_CLASSES)
    return Segmentation(load_cityscapes(root, crop=task.crop, **held_out), N_CLASSES)


def _arguments(task: OwnTask) -> dict[str, Any]:
    """Return the arguments of a task's constructor; its ``root`` is a path."""
    settings = task.settings
    return settings | {"root": Path(str(settings["root"]))} if "root" in settings else settings


def _root(config: Config, folder: Path) -> Path:
    assert isinstance(config.task, CityscapesTask | ImageFolderTask)
    return config.task.root or folder / SCENES_FOLDER


def _tell_passed_over(config: Config, folder: Path) -> None:
    if not isinstance(config.task, CityscapesTask | ImageFolderTask):
        return
    root = _root(config, folder)
    listings = survey_scenes(root) if isinstance(config.task, CityscapesTask) else survey_images(root)
    paths = [path for listing in listings.values() for path in listing.skipped]
    if paths:
        logger.warning("data: %s", describe_skipped(root, paths))


def _check_classes(space: SearchSpace, n_classes: int) -> None:
    if space.head.n_classes != n_classes:
        raise InputError(f"the space {space.name!r} has a head of {space.head.n_classes} classes, the data {n_classes}")


def _draw(context: StageContext) -> None:
    """Draw the scenes that do not exist yet, if the task has any."""
    folder, task, size = context.folder, context.config.task, context.config.space.input
    scenes = task.scenes if isinstance(task, CityscapesTask) else None
    if scenes is None:
        return
    drawing = Drawing(scenes.train, scenes.val, size.height, size.width, scenes.seed)
    prepare_folder(folder / SCENES_FOLDER, drawing, force=True)
    n_scenes = scenes.train + scenes.val
    counts = draw_missing(folder / SCENES_FOLDER, drawing, workers=context.resources.num_workers)
    with activity("data", n_scenes, "scenes", done=next(counts), n_lines=N_LINES) as shown:
        for _ in counts:
            shown.advance()


def _check_size(expected: Shape, splits: Splits) -> None:
    """Refuse images whose size differs from the input of the space, which costs are counted for."""
    found = tuple(splits.calibration.read([0]).images.shape[1:])
    if found != (expected.channels, expected.height, expected.width):
        raise InputError(
            f"images are {found[0]}×{found[1]}×{found[2]} (channels × height × width), but the space's input is "
            f"{expected.channels}×{expected.height}×{expected.width}"
        )


def _describe(splits: Splits) -> dict[str, dict[str, Any]]:
    parts: dict[str, Split] = {field.name: getattr(splits, field.name) for field in fields(splits)}
    return {name: {"images": len(split), "digest": split.digest()} for name, split in parts.items()}


STAGE = Stage("data", (), _settings, _make)
