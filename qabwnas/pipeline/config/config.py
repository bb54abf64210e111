"""The configuration of a run, declared once: everything that a result depends on, as frozen values.

YAML fields have the names of these attributes (:mod:`~qabwnas.pipeline.config.load` reads them). The sections task,
teacher and latency have files of their own.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import InitVar, replace
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    JsonValue,
    TypeAdapter,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)
from pydantic.dataclasses import dataclass

from qabwnas.costs import COSTS, PARAMETERS, CostMetric
from qabwnas.costs.operation_type import operation_type
from qabwnas.costs.own_metric import load_metric, value_fingerprint
from qabwnas.errors import InputError
from qabwnas.io.user_code import DOTTED_PATH, load_object
from qabwnas.measure.populate import MEASURED
from qabwnas.nets.external.costs import fixed_parts
from qabwnas.pipeline.config.latency import Latency, check_columns
from qabwnas.pipeline.config.task import DOTTED_NAME, FLAT, OwnTask, Task, flat_schema, with_settings
from qabwnas.pipeline.config.teacher import CheckpointTeacher, ModuleTeacher, Teacher, TrainedTeacher, check_frozen
from qabwnas.pipeline.config.values import Budget, FieldError, Space, UserPath, Widths, check_distinct
from qabwnas.space import INT8, BitWidths, SearchSpace
from qabwnas.space.yaml import check_policy
from qabwnas.train.settings import STRICT, Count, Flag, Number, Training, TrainingSettings, Whole

POPULATED = (*MEASURED, *(cost.name for cost in COSTS))
"""The columns of the LUT that every run populates; :func:`metric_names` has all."""
QAT_STEPS, QAT_RATE = 10, 100
Metric = Annotated[str, WithJsonSchema({"type": "string", "examples": list(POPULATED)})]


@dataclass(frozen=True, config=STRICT)
class OwnMetric:
    """A cost of your own: a qabwnas.costs.CostMetric, or a function that gives one."""

    name: str = Field(pattern=DOTTED_PATH, description="The object, package.name.")
    settings: dict[str, JsonValue] = Field(description="Arguments of the function, by name.")


@dataclass(frozen=True, config=STRICT)
class SupernetConfig:
    """The training of the supernet by block-wise distillation."""

    training: TrainingSettings = Field(description="How each block is trained.")
    sampling: Literal["uniform", "fair"] = Field(
        default="uniform", description="How paths are sampled: uniform, or strictly fair (FairNAS)."
    )
    distill: Literal["cached", "joint", "independent"] = Field(
        default="joint",
        description="cached computes the teacher's feature maps of all images once and keeps them in memory, without "
        "augmentation. joint trains all blocks in one loop, with one pass of the teacher per step. independent trains "
        "one block after the other, or on several devices at once, in less memory. joint and independent give the "
        "same weights.",
    )


@dataclass(frozen=True, config=STRICT)
class NetworksConfig:
    """The retraining of found networks."""

    training: Training = Field(description="How each network is retrained, in float.")
    seeds: Count = Field(default=1, description="How often each network is retrained.")
    distillation: Annotated[Number, Field(le=1)] = Field(
        default=0.0, description="Weight of the distillation loss, 0 to 1; the labels have the rest."
    )
    initial: Literal["supernet", "scratch"] = Field(
        default="supernet",
        description="Initial weights: those of the supernet with the teacher's stem and head, or fresh ones.",
    )
    control: Flag = Field(
        default=False,
        exclude_if=operator.not_,
        description="Whether the teacher itself is also retrained, from its own weights, as found networks are. So the "
        "report shows how much the retraining alone gives.",
    )
    qat: Training | None = Field(
        default=None, description="The quantisation-aware training that follows, in float32; none by default."
    )

    @field_validator("qat")
    @classmethod
    def _in_float32(cls, qat: Training | None) -> Training | None:
        if qat is not None and qat.amp:
            raise FieldError("amp", "quantisation-aware training is in float32, as evaluation is")
        return qat

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


@dataclass(frozen=True, config=STRICT)
class QuantisationConfig:
    """Post-training quantisation, of measured candidates and of whole networks; the defaults are the paper's."""

    observer: str = Field(
        default="minmax",
        min_length=1,
        description="How ranges of activations are chosen: minmax, percentile, mse (the smallest squared error at each "
        "bit width), or a class package.Class derived from qabwnas.quant.observers.RangeObserver.",
    )
    percentile: Annotated[Number, Field(gt=50, le=100)] = Field(
        default=99.9, description="The percentile of the values at which each end of a range lies, more than 50."
    )
    bias_correction: Flag = Field(
        default=False, description="Whether biases make up for the mean error of rounded weights."
    )
    recalibrate: Flag = Field(
        default=True,
        description="Whether batch norms of a measured candidate get its own statistics on the calibration images.",
    )

    @field_validator("percentile")
    @classmethod
    def _of_the_observer(cls, percentile: float, info: ValidationInfo) -> float:
        observer = info.data.get("observer", "percentile")
        if percentile != 99.9 and observer != "percentile":
            raise ValueError(f"has no effect with observer {observer!r}; it belongs to observer 'percentile'")
        return percentile


def _read_metric(value: Any, info: ValidationInfo) -> Any:
    value = {"name": value} if isinstance(value, str) else value
    return with_settings(value, info) if isinstance(value, Mapping) else value


_MetricEntry = Annotated[
    OwnMetric,
    BeforeValidator(_read_metric),
    FLAT,
    WithJsonSchema({"anyOf": [DOTTED_NAME, flat_schema(OwnMetric)]}),
]


@dataclass(frozen=True, config=STRICT, kw_only=True)
class Config:
    """The configuration of a run of qabwnas."""

    code_folder: UserPath | None = Field(
        default=None,
        validate_default=True,
        description="Where packages of your own code (a task, an operation, a head, metrics, an observer) are looked "
        "for first; by default the folder of the configuration.",
    )
    task: Task = Field(description="What networks are trained for, and where its data come from.")
    space: Space = Field(description="The search space: the name of a preset, or a .yaml file.")
    metrics: tuple[_MetricEntry, ...] = Field(
        default=(),
        description="Costs of your own, which become columns of the LUT: the dotted path package.name of a "
        "qabwnas.costs.CostMetric, or of a function that gives one, with its settings.",
    )
    seed: Whole = Field(description="Seed of everything random: weights, order of images, sampled paths.")
    teacher: Teacher = Field(description="The network that is distilled, and that budgets may be relative to.")
    supernet: SupernetConfig = Field(description="The training of all candidate operations side by side.")
    minimize: Metric = Field(description="The objective of the search, a column of the LUT.")
    front: tuple[Metric, ...] = Field(description="The metrics of the Pareto front, the objective among them.")
    budgets: tuple[dict[Metric, Budget], ...] = Field(
        min_length=1,
        description="One network is searched per entry, a mapping of metric to largest total: a number, with a unit "
        "where the metric has one (1.5MB, 5ms), or a percentage of the 8-bit teacher's total (50%). With bits, only "
        "networks of these bit widths, as --bits of qabwnas search: 8, w4a8, '4,8', homogeneous.",
    )
    networks: NetworksConfig = Field(description="The retraining of found networks.")
    quantisation: QuantisationConfig = Field(
        default=QuantisationConfig(), description="How ranges and biases are found when networks are quantised."
    )
    latency: Annotated[tuple[Latency, ...], AfterValidator(check_columns)] = Field(
        default=(), description="Devices whose latencies are columns of the LUT, for minimize, front and budgets."
    )
    front_points: Whole = Field(
        default=0,
        description="How many networks to retrain in addition from the front of NSR and size of each bit width that "
        "all blocks share, and from the mixed front.",
    )
    sample: Count | None = Field(
        default=None, description="How many rows per block to measure, for spaces with policy layer; all by default."
    )
    policy: InitVar[Literal["block", "layer"] | None] = Field(
        default=None, description="Whether each block or each layer chooses its bit widths, instead of the space's."
    )
    bit_widths: InitVar[Annotated[tuple[Widths, ...], Field(min_length=1), AfterValidator(check_distinct)] | None] = (
        Field(default=None, description="Bit widths to search, such as [4, 8, w4a8], instead of the space's.")
    )
    fixed_bits: Widths = Field(
        default=INT8, description="Bit widths of stem and head, of found networks and of the quantised teacher."
    )

    def __post_init__(self, policy: Literal["block", "layer"] | None, bit_widths: tuple[BitWidths, ...] | None) -> None:
        space = replace(self.space, policy=policy or self.space.policy, bit_widths=bit_widths or self.space.bit_widths)
        check_policy(space, "space")
        object.__setattr__(self, "space", space)
        if not self._has_own_code():
            object.__setattr__(self, "code_folder", None)  # nothing is looked for there

    def _has_own_code(self) -> bool:
        if (
            isinstance(self.task, OwnTask)
            or self.space.head.is_own
            or self.metrics
            or "." in self.quantisation.observer
        ):
            return True
        of_teacher = () if isinstance(self.teacher, ModuleTeacher) else self.teacher.operations
        lists = [*(block.operations for block in self.space.blocks), *of_teacher]
        return any(operation.is_own for operations in lists for operation in operations)

    @field_validator("code_folder", mode="before")
    @classmethod
    def _default_code_folder(cls, folder: Any, info: ValidationInfo) -> Any:
        return "." if folder is None and info.context else folder

    @field_validator("space")
    @classmethod
    def _own_parts_can_be_made(cls, space: SearchSpace, info: ValidationInfo) -> SearchSpace:
        folder = info.data.get("code_folder")
        for operation in dict.fromkeys(operation for block in space.blocks for operation in block.operations):
            operation_type(operation, folder)
        if space.head.is_own:
            load_object(space.head.kind, folder)  # so that its folder is on Python's path
            fixed_parts(space)
        return space

    @field_validator("metrics")
    @classmethod
    def _metrics_have_values(cls, metrics: tuple[OwnMetric, ...], info: ValidationInfo) -> tuple[OwnMetric, ...]:
        names = ["nsr", "nsr_se", *(cost.name for cost in (PARAMETERS, *COSTS))]
        for index, metric in enumerate(metrics):
            try:
                cost = load_metric(metric.name, metric.settings, info.data.get("code_folder"))
                if cost.name in names:
                    raise InputError(f"{metric.name}: its name {cost.name!r} is taken")
                if "space" in info.data:
                    value_fingerprint(cost, info.data["space"])
            except InputError as error:
                raise FieldError(f"[{index}]", error) from error
            names.append(cost.name)
        return metrics

    @field_validator("teacher")
    @classmethod
    def _teacher_has_the_blocks_of_the_space(cls, teacher: Any, info: ValidationInfo) -> Any:
        if "space" not in info.data:
            return teacher
        space: SearchSpace = info.data["space"]
        if not isinstance(teacher, CheckpointTeacher):
            check_frozen(teacher, space)
        if isinstance(teacher, ModuleTeacher):
            if len(teacher.borders) != len(space.blocks) + 1:
                raise FieldError(
                    "borders",
                    f"{len(teacher.borders)} were given, not one for the input of the first of {len(space.blocks)} "
                    "blocks and one for each block's output",
                )
            return teacher
        try:
            for operation in {operation for operations in teacher.operations for operation in operations}:
                operation_type(operation, info.data.get("code_folder"))
            space.network_layers(teacher.operations)
        except ValueError as error:
            raise FieldError("operations", error) from error
        auxiliary = teacher.auxiliary if isinstance(teacher, TrainedTeacher) else None
        if auxiliary is not None:
            names = [block.name for block in space.blocks]
            if space.head.kind == "classifier":
                raise FieldError("auxiliary", "auxiliary heads are for pixel-wise logits, not a classifier's")
            if auxiliary.block not in names:
                raise FieldError("auxiliary.block", f"{auxiliary.block!r} is not one of {', '.join(names)}")
        return teacher

    @field_validator("supernet")
    @classmethod
    def _one_learning_rate_per_block(cls, supernet: SupernetConfig, info: ValidationInfo) -> SupernetConfig:
        rates, n_blocks = supernet.training.learning_rate, len(info.data["space"].blocks) if "space" in info.data else 1
        if not isinstance(rates, tuple):
            rates = (rates,) * n_blocks
        if len(rates) != n_blocks and "space" in info.data:
            raise FieldError("training.learning_rate", f"{len(rates)} were given for {n_blocks} blocks")
        return replace(supernet, training=replace(supernet.training, learning_rate=rates))

    @field_validator("front")
    @classmethod
    def _objective_first(cls, front: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        return tuple(sorted(front, key=lambda metric: metric != info.data.get("minimize")))


ADAPTER = TypeAdapter(Config)


def run_costs(config: Config) -> tuple[CostMetric, ...]:
    """Return the costs of a run's LUT: those of every run, then the user's own."""
    return (*COSTS, *own_costs(config))


def own_costs(config: Config) -> list[CostMetric]:
    """Return the user's own costs; raises InputError as :func:`~qabwnas.costs.own_metric.load_metric`."""
    return [load_metric(metric.name, metric.settings, config.code_folder) for metric in config.metrics]


def metric_names(config: Config) -> tuple[str, ...]:
    """Return the columns of the LUT that a run searches: what the objective, the front and budgets may name."""
    costs = (cost.name for cost in run_costs(config))
    return (*MEASURED, *costs, *(device.metric_name for device in config.latency))


def config_to_json(config: Config) -> dict[str, Any]:
    """Return the configuration as JSON values, with nothing left to defaults."""
    content: dict[str, Any] = ADAPTER.dump_python(config, mode="json")
    return content


def config_schema() -> dict[str, Any]:
    """Return the JSON schema of configurations (draft 2020-12), for completion and checks in editors."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **ADAPTER.json_schema()}
