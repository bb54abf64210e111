"""The configuration of a run: everything that a result depends on, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from qabwnas.space import Operation, SearchSpace
from qabwnas.train.settings import Training

TASKS = ("digits", "cityscapes", "image-folder")
DISTILLATIONS = ("kept", "together", "apart")


@dataclass(frozen=True)
class Scenes:
    """Street scenes to draw: how many for each folder, and the seed."""

    n_train: int
    n_val: int
    seed: int


@dataclass(frozen=True)
class TaskConfig:
    """What networks are trained for, and where its data come from.

    Attributes:
        name: one of ``TASKS``.
        root: the folder of the data; ``None`` where they come with a package or are drawn.
        scenes: what to draw, in the space's input size, instead of looking for a folder.
        crop: height and width of what is trained on, for ``cityscapes``.
        n_calibration, n_validation: images of the train folder that are kept out of training for these.
    """

    name: str
    root: Path | None = None
    scenes: Scenes | None = None
    crop: tuple[int, int] | None = None
    n_calibration: int = 0
    n_validation: int = 0


@dataclass(frozen=True)
class TeacherConfig:
    """The teacher: the operation of every layer of every block, and its training."""

    operations: tuple[tuple[Operation, ...], ...]
    training: Training


@dataclass(frozen=True)
class SupernetConfig:
    """The supernet's training.

    Attributes:
        training: of every block; they differ in their learning rates alone.
        sampling: how paths are drawn: ``uniform`` or ``fair``.
        distill: ``kept`` computes the teacher's feature maps of all images once and keeps them in memory; images are
            then not augmented. ``together`` trains all blocks side by side, so that the teacher runs once a step for
            all of them. ``apart`` trains one block after the other, or at once on several devices, in less memory. The
            last two give the same weights.
    """

    training: tuple[Training, ...]
    sampling: str
    distill: str


@dataclass(frozen=True)
class NetworksConfig:
    """The retraining of found networks: how often, and the share of the teacher's answers in the loss, 0 … 1."""

    training: Training
    n_seeds: int
    distillation: float


@dataclass(frozen=True)
class Config:
    """One run.

    Attributes:
        task: the data, with their loss and score.
        space: the search space, with the bit widths to search over.
        seed: of everything random: weights, order of images, paths.
        minimize: the objective of the search, and first metric of the front.
        front: the metrics of the front, ``minimize`` first.
        budgets: a mapping of metric to budget for every answer; a budget is a number as text, with a unit where the
            metric has one, or a share of the 8-bit teacher's cost such as ``50%``.
    """

    task: TaskConfig
    space: SearchSpace
    seed: int
    teacher: TeacherConfig
    supernet: SupernetConfig
    minimize: str
    front: tuple[str, ...]
    budgets: tuple[dict[str, str], ...]
    networks: NetworksConfig
