"""The task of a run: one that comes with the package, or a class of the user's own code."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    JsonValue,
    PlainSerializer,
    Tag,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)
from pydantic.dataclasses import dataclass

from qabwnas.data.fashion import DEBIAN_ROOT
from qabwnas.io.fields import user_path
from qabwnas.io.user_code import DOTTED_PATH
from qabwnas.pipeline.config.values import FieldError, UserPath, config_folder, read_path
from qabwnas.train.own_task import task_class
from qabwnas.train.settings import STRICT, Count, Whole

TASKS = ("digits", "fashion", "cityscapes", "image-folder")
WITHOUT_SETTINGS = ("digits", "fashion")
"""The tasks whose name alone is enough."""
CITYSCAPES_VARIABLE = "CITYSCAPES_DATASET"
"""The environment variable in which the data set's own tools look for its folder."""


@dataclass(frozen=True, config=STRICT)
class Scenes:
    """Synthetic street scenes, drawn in the size of the space's input."""

    train: Count = Field(description="Scenes to train, calibrate and validate with.")
    val: Count = Field(description="Scenes to test with, of other cities.")
    seed: Whole = Field(default=0, description="Seed of everything random in the scenes.")


@dataclass(frozen=True, config=STRICT)
class DigitsTask:
    """scikit-learn's handwritten digits. There is nothing to configure."""

    name: Literal["digits"] = "digits"


@dataclass(frozen=True, config=STRICT)
class HeldOut:
    """Images of the train folder that are not trained on."""

    calibration: Count = Field(description="Images for batch-norm statistics and quantisation ranges.")
    validation: Count = Field(description="Images that candidates are compared on.")


@dataclass(frozen=True, config=STRICT, kw_only=True)
class FashionTask(HeldOut):
    """Fashion-MNIST: classification of grey images of clothing."""

    name: Literal["fashion"] = Field(description="The kind of task.")
    calibration: Count = Field(default=200, description="Images for batch-norm statistics and quantisation ranges.")
    validation: Count = Field(default=1000, description="Images that candidates are compared on.")
    root: UserPath = Field(
        default=DEBIAN_ROOT,
        description="The folder of the four .gz files; by default that of Debian's package dataset-fashion-mnist.",
    )


@dataclass(frozen=True, config=STRICT)
class ImageFolderTask(HeldOut):
    """Classification of images in the folders root/train/CLASS and root/val/CLASS."""

    name: Literal["image-folder"] = Field(description="The kind of task.")
    root: UserPath = Field(description="The folder of the data.")


@dataclass(frozen=True, config=STRICT)
class CityscapesTask(HeldOut):
    """Semantic segmentation of Cityscapes, or of synthetic scenes in its layout."""

    name: Literal["cityscapes"] = Field(description="The kind of task.")
    crop: tuple[Count, Count] = Field(description="Height and width in pixels of the crops to train on.")
    scenes: Scenes | None = Field(default=None, description="Scenes to draw into the run folder, instead of a root.")
    root: UserPath | None = Field(
        default=None,
        validate_default=True,
        description=f"The folder of the data; by default that of the environment variable {CITYSCAPES_VARIABLE}.",
    )

    @field_validator("root", mode="before")
    @classmethod
    def _root_or_scenes(cls, root: Any, info: ValidationInfo) -> Any:
        if info.data.get("scenes") is not None and root is not None:
            raise ValueError("scenes are drawn where there is no root; give one of the two")
        if root is not None or "scenes" not in info.data or info.data["scenes"] is not None:
            return root
        if CITYSCAPES_VARIABLE not in os.environ:
            raise ValueError(f"missing, and {CITYSCAPES_VARIABLE} is not set")
        return user_path(os.environ[CITYSCAPES_VARIABLE], Path.cwd())


@dataclass(frozen=True, config=STRICT)
class OwnTask:
    """A task of your own: a class derived from qabwnas.train.Task. All fields but the name are its settings."""

    name: str = Field(pattern=DOTTED_PATH, description="The class, package.Class.")
    settings: dict[str, JsonValue] = Field(description="Arguments of its constructor, by name.")


def _setting(name: str, value: Any, info: ValidationInfo) -> Any:
    """Return a setting of own code; ``root``, and text that starts like a path, becomes an absolute path."""
    if name == "root":
        try:
            return str(read_path(value, info))
        except ValueError as error:
            raise FieldError(name, error) from error
    is_path = isinstance(value, str) and value.startswith(("./", "../", "~/"))
    return str(user_path(value, config_folder(info))) if is_path else value


def _read_task(value: Any, info: ValidationInfo) -> Any:
    if isinstance(value, str):
        if not _is_own(value) and value not in TASKS:
            raise ValueError(f"{value!r} is not {_TASKS_TEXT}")
        if value in TASKS and value not in WITHOUT_SETTINGS:
            raise ValueError(f"{value!r} needs settings: name, root, …")
        value = {"name": value}
    if not isinstance(value, Mapping):
        return value
    if _is_own(value.get("name")):
        return with_settings(value, info)
    if value.get("name") not in TASKS:
        raise FieldError("name", f"{value['name']!r} is not {_TASKS_TEXT}" if "name" in value else "missing")
    return value


def with_settings(value: Mapping[str, Any], info: ValidationInfo) -> dict[str, Any]:
    """Return a section of own code, in which every field but the name is a setting, with its settings together."""
    section = {name: each for name, each in value.items() if name == "name"}
    return section | {"settings": {name: _setting(name, each, info) for name, each in value.items() if name != "name"}}


def _is_own(name: Any) -> bool:
    """Return whether a name is the dotted path of a user's own code."""
    return isinstance(name, str) and re.match(DOTTED_PATH, name) is not None


def _kind_of_task(value: Any) -> str:
    if not isinstance(value, Mapping):
        return type(value).__name__ if isinstance(value, _Tasks) else "DigitsTask"
    return _TASK_CLASSES.get(str(value.get("name")), "OwnTask")


def _check_own_task(task: Any, info: ValidationInfo) -> Any:
    if isinstance(task, OwnTask):
        task_class(task.name, task.settings, info.data.get("code_folder"))
    return task


_TASKS_TEXT = f"one of {', '.join(TASKS)}, or a class package.Class"
_TASK_CLASSES = dict(zip(TASKS, ("DigitsTask", "FashionTask", "CityscapesTask", "ImageFolderTask"), strict=True))


def flat_schema(kind: type) -> dict[str, Any]:
    """Return the schema of a section of own code as users write it."""
    return {
        "title": kind.__name__,
        "description": kind.__doc__,
        "type": "object",
        "properties": {"name": {"type": "string", "pattern": DOTTED_PATH, "description": "Its dotted path."}},
        "required": ["name"],
        "additionalProperties": True,
    }


DOTTED_NAME = {"type": "string", "pattern": DOTTED_PATH}
FLAT = PlainSerializer(lambda own: {"name": own.name, **own.settings})
_Own = Annotated[OwnTask, FLAT, WithJsonSchema(flat_schema(OwnTask))]
_Tasks = DigitsTask | FashionTask | CityscapesTask | ImageFolderTask | OwnTask
_DottedName = Annotated[str, WithJsonSchema(DOTTED_NAME)]
_TaskInput = (
    Literal["digits", "fashion"] | DigitsTask | FashionTask | CityscapesTask | ImageFolderTask | _Own | _DottedName
)
Task = Annotated[
    Annotated[DigitsTask, Tag("DigitsTask")]
    | Annotated[FashionTask, Tag("FashionTask")]
    | Annotated[CityscapesTask, Tag("CityscapesTask")]
    | Annotated[ImageFolderTask, Tag("ImageFolderTask")]
    | Annotated[_Own, Tag("OwnTask")],
    Discriminator(_kind_of_task),
    BeforeValidator(_read_task, json_schema_input_type=_TaskInput),
    AfterValidator(_check_own_task),
]
