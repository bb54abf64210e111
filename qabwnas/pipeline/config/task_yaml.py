"""Read the task of a configuration, and write it as JSON values."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qabwnas.errors import InputError
from qabwnas.io.fields import Fields, user_path
from qabwnas.pipeline.config.config import TASKS, Scenes, TaskConfig

CITYSCAPES_VARIABLE = "CITYSCAPES_DATASET"
"""The data set's own tools look for its folder in this environment variable."""


def parse_task(top: Fields, folder: Path) -> TaskConfig:
    """Read the field ``task``: the name of a task that needs no settings, or a mapping of ``name`` and settings.

    A ``root`` that is not absolute is found from ``folder``, that of the configuration. Raises InputError as
    :class:`~qabwnas.io.fields.Fields` does, or where the data's folder is not given.
    """
    if top.value("task") == "digits":
        return TaskConfig("digits")
    if isinstance(top.value("task"), str):
        top.choice("task", TASKS)
        raise InputError(f"{top.path('task')}: {top.value('task')!r} needs settings: name, root, …")
    fields = top.fields("task")
    name = fields.choice("name", TASKS)
    task = TaskConfig(name) if name == "digits" else _parse_images(name, fields, folder)
    fields.end()
    return task


def with_root(content: Any, root: Path, where: str) -> Any:
    """Return a configuration's YAML values with another ``root`` of the data, and nothing to draw.

    Raises:
        InputError: the task has no data in a folder.
    """
    task = content.get("task") if isinstance(content, Mapping) else None
    if not isinstance(task, Mapping):
        raise InputError(f"{where}: task: has no data in a folder")
    kept = {name: value for name, value in task.items() if name != "scenes"}
    return {**content, "task": {**kept, "root": str(root.absolute())}}


def _parse_images(name: str, fields: Fields, folder: Path) -> TaskConfig:
    is_street = name == "cityscapes"
    root = fields.optional("root")
    scenes = None
    if is_street and fields.optional("scenes") is not None:
        scenes = _parse_scenes(fields.fields("scenes"))
    if scenes and root is not None:
        raise InputError(f"{fields.path('scenes')}: scenes are drawn where there is no root; give one of the two")
    return TaskConfig(
        name,
        root=None if scenes else _found_root(name, root, fields.path("root"), folder),
        scenes=scenes,
        crop=_parse_crop(fields) if is_street else None,
        n_calibration=fields.integer("calibration"),
        n_validation=fields.integer("validation"),
    )


def _parse_scenes(fields: Fields) -> Scenes:
    scenes = Scenes(fields.integer("train"), fields.integer("val"), fields.integer("seed", default=0, smallest=0))
    fields.end()
    return scenes


def _found_root(name: str, root: Any, where: str, folder: Path) -> Path:
    """Return the absolute folder of the data; that of the environment is found from where the command is started."""
    if root is None and name == "cityscapes":
        root, folder = os.environ.get(CITYSCAPES_VARIABLE), Path.cwd()
        if root is None:
            raise InputError(f"{where}: missing, and {CITYSCAPES_VARIABLE} is not set")
    if not isinstance(root, str) or not root:
        raise InputError(f"{where}: {root!r} is not a folder")
    return user_path(root, folder)


def _parse_crop(fields: Fields) -> tuple[int, int]:
    crop = fields.integers("crop")
    if len(crop) != 2:
        raise InputError(f"{fields.path('crop')}: {crop} is not a height and a width")
    return crop[0], crop[1]


def task_to_json(task: TaskConfig) -> dict[str, Any]:
    """Return the task as JSON values, without what its name leaves out."""
    content: dict[str, Any] = {"name": task.name}
    if task.root is not None:
        content["root"] = str(task.root)
    if task.scenes is not None:
        content["scenes"] = {"train": task.scenes.n_train, "val": task.scenes.n_val, "seed": task.scenes.seed}
    if task.crop is not None:
        content["crop"] = list(task.crop)
    if task.name != "digits":
        content |= {"calibration": task.n_calibration, "validation": task.n_validation}
    return content
