"""The configuration of a run: everything that a result depends on, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass

from qabwnas.space import Operation, SearchSpace
from qabwnas.train.settings import Training

TASKS = ("digits",)


@dataclass(frozen=True)
class TaskConfig:
    """What networks are trained for: a name in ``TASKS``, and where its data come from."""

    name: str


@dataclass(frozen=True)
class TeacherConfig:
    """The teacher: the operation of every layer of every block, and its training."""

    operations: tuple[tuple[Operation, ...], ...]
    training: Training


@dataclass(frozen=True)
class SupernetConfig:
    """The training of every block of the supernet, and how its paths are drawn (``uniform`` or ``fair``)."""

    training: Training
    sampling: str


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
