"""The configuration of a run: everything that a result depends on, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from qabwnas.space import Operation, SearchSpace
from qabwnas.train.settings import Training

TASKS = ("digits", "cityscapes", "image-folder")
DISTILLATIONS = ("cached", "joint", "independent")
INITIAL_WEIGHTS = ("supernet", "scratch")
QAT_STEPS, QAT_RATE = 10, 100


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
class AuxiliaryConfig:
    """An auxiliary head of a teacher in training: on which block's output, its channels, its weight in the loss."""

    block: str
    channels: int = 256
    weight: float = 0.4


@dataclass(frozen=True)
class ModuleConfig:
    """A teacher made elsewhere.

    Attributes:
        function: ``package.function`` that gives it, called without arguments.
        borders: the modules in it whose outputs are the first block's input and every block's output.
        weights: a file with its state dict; ``None`` leaves the weights that the function gives.
        folder: where its package is looked for first: the folder of the configuration.
    """

    function: str
    borders: tuple[str, ...]
    weights: Path | None
    folder: Path | None = None


@dataclass(frozen=True)
class TeacherConfig:
    """The teacher: layers of the space, trained here or with weights of mmsegmentation, or a module made elsewhere.

    Attributes:
        operations: the operation of every layer of every block; none where ``module`` is given.
        training: how it is trained; ``None`` where it is not trained here.
        auxiliary: a head that takes part in the training.
        checkpoint: a file of mmsegmentation's ``deeplabv3_m-v2-d8_*``.
        module: where it comes from instead.
        weights_key: which state dict of the checkpoint or of the module's weights is taken, where there are several.
    """

    operations: tuple[tuple[Operation, ...], ...]
    training: Training | None = None
    auxiliary: AuxiliaryConfig | None = None
    checkpoint: Path | None = None
    module: ModuleConfig | None = None
    weights_key: str | None = None


@dataclass(frozen=True)
class SupernetConfig:
    """The supernet's training.

    Attributes:
        training: of every block; they differ in their learning rates alone.
        sampling: how paths are drawn: ``uniform`` or ``fair``.
        distill: ``cached`` computes the teacher's feature maps of all images once and keeps them in memory; images are
            then not augmented. ``joint`` trains all blocks in one loop, so that the teacher runs once per step for all
            of them. ``independent`` trains one block after the other, or in parallel on several devices, in less
            memory. The last two give the same weights.
    """

    training: tuple[Training, ...]
    sampling: str
    distill: str


@dataclass(frozen=True)
class NetworksConfig:
    """The retraining of found networks.

    Attributes:
        training: in float.
        n_seeds: how often each network is retrained.
        distillation: the share of the teacher's answers in the loss, 0 … 1.
        initial: ``supernet``: with the weights that they inherit, and the teacher's stem and head; ``scratch``: with
            fresh ones.
        qat: the quantisation-aware training that follows; ``None`` for none.
    """

    training: Training
    n_seeds: int
    distillation: float
    initial: str = "supernet"
    qat: Training | None = None

    def with_qat(self) -> NetworksConfig:
        """Return this with quantisation-aware training: where none is set, a tenth of the retraining's steps at a
        hundredth of its learning rate, decaying, without warm-up (Krishnamoorthi 2018, Section 3.2)."""
        if self.qat is not None:
            return self
        qat = replace(
            self.training,
            steps=max(1, self.training.steps // QAT_STEPS),
            learning_rate=self.training.learning_rate / QAT_RATE,
            min_learning_rate=self.training.min_learning_rate / QAT_RATE,
            warm_up=0,
            amp=False,
        )
        return replace(self, qat=qat)


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
        front_points: how many networks are also taken from the front of size and NSR of every bit width that all blocks
            share, and from the mixed one; 0 for none.
        sample: how many rows a block are measured where the space has bit widths a layer; ``None`` for all.
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
    front_points: int = 0
    sample: int | None = None
