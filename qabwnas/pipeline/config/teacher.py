"""The teacher of a run: trained by the run, an mmsegmentation checkpoint, or a module of other code."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    Discriminator,
    Field,
    Tag,
    ValidationInfo,
    field_validator,
)
from pydantic.dataclasses import dataclass

from qabwnas.io.user_code import DOTTED_PATH
from qabwnas.pipeline.config.values import (
    Border,
    FieldError,
    Operations,
    UserFile,
    UserPath,
    WeightsKey,
    check_distinct,
)
from qabwnas.space import SearchSpace
from qabwnas.train.settings import STRICT, Count, Flag, Number, Training

Frozen = Annotated[
    tuple[Border, ...],
    AfterValidator(check_distinct),
    Field(
        exclude_if=operator.not_,
        description="Parts that are not trained: stem, names of blocks, head. Their weights and batch-norm statistics "
        "stay as they are.",
    ),
]


@dataclass(frozen=True, config=STRICT)
class Auxiliary:
    """An auxiliary head of the teacher, used in its training only."""

    block: str = Field(description="The block whose output the head reads.")
    channels: Count = Field(default=256, description="Channels of the head.")
    weight: Number = Field(default=0.4, description="Weight of the head's loss.")


@dataclass(frozen=True, config=STRICT)
class TrainedTeacher:
    """A teacher that the run trains."""

    operations: Operations
    training: Training = Field(description="How the teacher is trained.")
    auxiliary: Auxiliary | None = Field(default=None, description="An auxiliary head for its training.")
    checkpoint: UserFile | None = Field(
        default=None,
        description="The weights that its training starts from: the teacher.pt of another run, any state dict with its "
        "names, or a checkpoint deeplabv3_m-v2-d8_* of mmsegmentation. New weights by default.",
    )
    weights_key: WeightsKey = None
    new_head: Flag = Field(
        default=False,
        exclude_if=operator.not_,
        description="Whether the checkpoint's head is left out and training starts with a new one, as for other "
        "classes.",
    )
    frozen: Frozen = ()

    @field_validator("weights_key", "new_head", "frozen")
    @classmethod
    def _of_checkpoint(cls, value: Any, info: ValidationInfo) -> Any:
        if value and info.data.get("checkpoint", value) is None:
            raise ValueError("needs a checkpoint, and there is none")
        return value


@dataclass(frozen=True, config=STRICT)
class CheckpointTeacher:
    """A teacher with the weights of an mmsegmentation checkpoint deeplabv3_m-v2-d8_*."""

    operations: Operations
    checkpoint: UserFile = Field(description="The file of the checkpoint.")
    weights_key: WeightsKey = None


@dataclass(frozen=True, config=STRICT)
class ModuleTeacher:
    """A teacher of other code: any module that torch.fx can trace."""

    module: str = Field(
        pattern=DOTTED_PATH,
        description="The function package.function that returns the module; it is called without arguments.",
    )
    borders: tuple[Border, ...] = Field(
        min_length=1, description="Modules whose outputs are the input of the first block and the output of each block."
    )
    weights: UserFile | None = Field(
        default=None, description="A file with its state dict; by default its own weights."
    )
    weights_key: WeightsKey = None
    folder: UserPath | None = Field(
        default=None,
        validate_default=True,
        description="Where its package is looked for first; by default the folder of the configuration.",
    )
    training: Training | None = Field(
        default=None, description="How its training on the task continues; by default it stays as it is."
    )
    frozen: Frozen = ()

    @field_validator("weights_key")
    @classmethod
    def _of_weights(cls, key: str | None, info: ValidationInfo) -> str | None:
        if key is not None and info.data.get("weights", key) is None:
            raise ValueError("chooses from a file of weights, and there is none")
        return key

    @field_validator("frozen")
    @classmethod
    def _of_training(cls, frozen: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if frozen and info.data.get("training", frozen) is None:
            raise ValueError("needs a training, and there is none")
        return frozen

    @field_validator("folder", mode="before")
    @classmethod
    def _default_folder(cls, folder: Any, info: ValidationInfo) -> Any:
        return "." if folder is None and info.context else folder


def _kind_of_teacher(value: Any) -> str:
    if not isinstance(value, Mapping):
        return type(value).__name__ if isinstance(value, CheckpointTeacher | ModuleTeacher) else "TrainedTeacher"
    kinds = {"module": "ModuleTeacher", "training": "TrainedTeacher", "checkpoint": "CheckpointTeacher"}
    return next((kind for name, kind in kinds.items() if value.get(name) is not None), "TrainedTeacher")


def check_frozen(teacher: TrainedTeacher | ModuleTeacher, space: SearchSpace) -> None:
    names = freezable_parts(space)
    for index, name in enumerate(teacher.frozen):
        if name not in names:
            close = get_close_matches(name, names, n=1)
            meant = f"; is {close[0]!r} meant?" if close else ""
            raise FieldError(f"frozen[{index}]", f"{name!r} is not one of {', '.join(names)}{meant}")
    if len(teacher.frozen) == len(names):
        raise FieldError("frozen", "nothing is left to train")
    if isinstance(teacher, TrainedTeacher) and teacher.new_head and "head" in teacher.frozen:
        raise FieldError("frozen", "the head is new (new_head), so it has to be trained")


def freezable_parts(space: SearchSpace) -> list[str]:
    """Return the names of a teacher's parts: stem, the blocks' names, head."""
    return ["stem", *(block.name for block in space.blocks), "head"]


Teacher = Annotated[
    Annotated[TrainedTeacher, Tag("TrainedTeacher")]
    | Annotated[CheckpointTeacher, Tag("CheckpointTeacher")]
    | Annotated[ModuleTeacher, Tag("ModuleTeacher")],
    Discriminator(_kind_of_teacher),
]
