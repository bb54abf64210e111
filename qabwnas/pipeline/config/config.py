"""The configuration of a run, declared once: everything that a result depends on, as frozen values.

YAML fields have the names of these attributes (:mod:`~qabwnas.pipeline.config.load` reads them). Relative paths and the
file of a space are found from the folder in the validation context, that of the configuration.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import InitVar, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    FilePath,
    PlainSerializer,
    PlainValidator,
    Tag,
    TypeAdapter,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)
from pydantic.dataclasses import dataclass

from qabwnas.costs import COSTS
from qabwnas.costs.roofline import Device, device_to_json, load_device, parse_device
from qabwnas.io.fields import check_odd, user_path
from qabwnas.lut.device_results import Statistic, check_device_name
from qabwnas.measure.populate import MEASURED
from qabwnas.space import BitWidths, Operation, SearchSpace
from qabwnas.space.yaml import check_policy, load_space, parse_space, space_to_json
from qabwnas.train.settings import STRICT, Count, Number, Training, TrainingSettings, Whole

TASKS = ("digits", "cityscapes", "image-folder")
POPULATED = (*MEASURED, *(cost.name for cost in COSTS))
"""The columns of the LUT that every run populates; :func:`metric_names` has all."""
LATENCY_SOURCES = ("measure", "results", "estimate")
"""Where the latencies of a device come from: the field that a device has."""
CITYSCAPES_VARIABLE = "CITYSCAPES_DATASET"
"""The environment variable in which the data set's own tools look for its folder."""
QAT_STEPS, QAT_RATE = 10, 100


class FieldError(ValueError):
    """A value is wrong because of another section; ``field`` is its path within the section that is checked."""

    def __init__(self, field: str, message: object) -> None:
        super().__init__(str(message))
        self.field = field


def _read_path(value: Any, info: ValidationInfo) -> Path:
    if isinstance(value, Path):
        return value
    if not isinstance(value, str) or not value:
        raise ValueError(f"{value!r} is not a path; put it between quotes")
    return user_path(value, _folder(info))


def _folder(info: ValidationInfo) -> Path:
    return info.context["folder"] if info.context else Path()


def _read_space(value: Any, info: ValidationInfo) -> SearchSpace:
    if isinstance(value, SearchSpace):
        return value
    if isinstance(value, Mapping):  # as the folder of a run holds it
        return parse_space(value, str(value.get("name")))
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is neither the name of a preset nor a .yaml file")
    return load_space(str(user_path(value, _folder(info))) if value.endswith((".yaml", ".yml")) else value)


def _read_operations(value: Any) -> tuple[Operation, ...]:
    if isinstance(value, tuple):
        return value
    operations = tuple(map(Operation.parse, str(value).split()))
    for operation in operations:
        if not operation.is_skip:
            check_odd(operation.name, operation.kernel)
    return operations


def _read_bit_widths(value: Any) -> BitWidths:
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise ValueError(f"{value!r} is not a bit width such as 8 or w4a8")
    return BitWidths.parse(value)


def _read_device(value: Any, info: ValidationInfo) -> Device:
    if isinstance(value, Device):
        return value
    if isinstance(value, Mapping):  # as the folder of a run holds it
        return parse_device(value, str(value.get("name")))
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is neither the name of a device nor a .yaml file")
    return load_device(str(user_path(value, _folder(info))) if value.endswith((".yaml", ".yml")) else value)


def _check_distinct(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(set(values)) != len(values):
        raise ValueError("an entry is given twice")
    return values


def _text(value: Any) -> Any:
    """Return a number as text; what YAML reads as a truth value or as a decimal is not what was meant as a name."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _amount(value: Any) -> Any:
    return str(value) if isinstance(value, float) else _text(value)


UserPath = Annotated[Path, BeforeValidator(_read_path, json_schema_input_type=str)]
UserFile = Annotated[FilePath, BeforeValidator(_read_path, json_schema_input_type=str)]
Metric = Annotated[str, WithJsonSchema({"type": "string", "examples": list(POPULATED)})]
Budget = Annotated[str, BeforeValidator(_amount, json_schema_input_type=float | str)]
Border = Annotated[str, BeforeValidator(_text, json_schema_input_type=int | str)]
Space = Annotated[
    SearchSpace,
    PlainValidator(_read_space, json_schema_input_type=str | dict[str, Any]),
    PlainSerializer(space_to_json),
]
BlockOperations = Annotated[
    tuple[Operation, ...],
    PlainValidator(_read_operations, json_schema_input_type=str),
    PlainSerializer(lambda operations: " ".join(operation.name for operation in operations)),
]
Operations = Annotated[
    tuple[BlockOperations, ...],
    Field(min_length=1, description="The operations of each block, one per layer, such as [k3e6 k3e6, k5e6]."),
]
Widths = Annotated[BitWidths, PlainValidator(_read_bit_widths, json_schema_input_type=int | str)]
WeightsKey = Annotated[
    str | None, Field(min_length=1, description="The state dict to take, where the file has several.")
]


DeviceName = Annotated[
    str,
    BeforeValidator(_text),
    AfterValidator(check_device_name),
    Field(description="The name of the device. The column is latency_ms[NAME], or estimate_ms[NAME] if estimated."),
]
RunStatistic = Annotated[
    Statistic,
    Field(description="Which statistic of repeated runs becomes the column; fastest_quarter is as steady as median."),
]


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
        pattern=r"^[^\W\d]\w*(\.[^\W\d]\w*)+$",
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

    @field_validator("weights_key")
    @classmethod
    def _of_weights(cls, key: str | None, info: ValidationInfo) -> str | None:
        if key is not None and info.data.get("weights", key) is None:
            raise ValueError("chooses from a file of weights, and there is none")
        return key

    @field_validator("folder", mode="before")
    @classmethod
    def _default_folder(cls, folder: Any, info: ValidationInfo) -> Any:
        return "." if folder is None and info.context else folder


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
class Measurement:
    """How latencies are measured in ONNX Runtime, as by `qabwnas measure-latency`."""

    threads: Count = Field(default=1, description="Threads of ONNX Runtime.")
    rounds: Count = Field(default=200, description="The largest number of rounds.")
    width: Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)] = Field(
        default=0.02,
        description="A model is done when the 95 % confidence interval of its median is within this fraction of it.",
    )


@dataclass(frozen=True, config=STRICT)
class MeasuredDevice:
    """The machine that runs the stage."""

    name: DeviceName
    measure: Measurement = Field(description="How to measure here; {} takes the defaults.")
    statistic: RunStatistic = "median"

    @property
    def metric_name(self) -> str:
        return f"latency_ms[{self.name}]"


@dataclass(frozen=True, config=STRICT)
class ImportedDevice:
    """A device that was measured elsewhere."""

    name: DeviceName
    results: UserPath = Field(description="The .json file of results (qabwnas/lut/RESULTS.md); it has the same name.")
    statistic: RunStatistic = "median"

    @property
    def metric_name(self) -> str:
        return f"latency_ms[{self.name}]"


@dataclass(frozen=True, config=STRICT)
class EstimatedDevice:
    """A device that is described by its peaks and bandwidth (a roofline)."""

    name: DeviceName
    estimate: Annotated[
        Device,
        PlainValidator(_read_device, json_schema_input_type=str | dict[str, Any]),
        PlainSerializer(device_to_json),
    ] = Field(description="A .yaml file, or the name of a device that comes with the package; it has the same name.")

    @field_validator("estimate")
    @classmethod
    def _has_the_name(cls, device: Device, info: ValidationInfo) -> Device:
        if device.name != info.data.get("name", device.name):
            raise ValueError(f"describes the device {device.name!r}, not {info.data['name']!r}")
        return device

    @property
    def metric_name(self) -> str:
        return self.estimate.cost.name


def _read_latency(value: Any) -> Any:
    if isinstance(value, Mapping) and sum(source in value for source in LATENCY_SOURCES) != 1:
        raise ValueError(f"needs one of {', '.join(LATENCY_SOURCES)}")
    return value


def _kind_of_latency(value: Any) -> str:
    if not isinstance(value, Mapping):
        return type(value).__name__ if isinstance(value, ImportedDevice | EstimatedDevice) else "MeasuredDevice"
    kinds = {"results": "ImportedDevice", "estimate": "EstimatedDevice"}
    return next((kind for name, kind in kinds.items() if name in value), "MeasuredDevice")


def _check_columns(devices: tuple[Any, ...]) -> tuple[Any, ...]:
    names = [device.metric_name for device in devices]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two devices give the column {name!r}")
    return devices


def _read_task(value: Any) -> Any:
    if isinstance(value, str):
        if value not in TASKS:
            raise ValueError(f"{value!r} is not one of {', '.join(TASKS)}")
        if value != "digits":
            raise ValueError(f"{value!r} needs settings: name, root, …")
        return {"name": value}
    if isinstance(value, Mapping) and value.get("name") not in TASKS:
        given = f"{value['name']!r} is not one of {', '.join(TASKS)}" if "name" in value else "missing"
        raise FieldError("name", given)
    return value


def _kind_of_teacher(value: Any) -> str:
    if not isinstance(value, Mapping):
        return type(value).__name__ if isinstance(value, CheckpointTeacher | ModuleTeacher) else "TrainedTeacher"
    kinds = {"module": "ModuleTeacher", "checkpoint": "CheckpointTeacher"}
    return next((kind for name, kind in kinds.items() if value.get(name) is not None), "TrainedTeacher")


_Tasks = DigitsTask | CityscapesTask | ImageFolderTask
Task = Annotated[
    _Tasks, Discriminator("name"), BeforeValidator(_read_task, json_schema_input_type=Literal["digits"] | _Tasks)
]
Teacher = Annotated[
    Annotated[TrainedTeacher, Tag("TrainedTeacher")]
    | Annotated[CheckpointTeacher, Tag("CheckpointTeacher")]
    | Annotated[ModuleTeacher, Tag("ModuleTeacher")],
    Discriminator(_kind_of_teacher),
]
Latency = Annotated[
    Annotated[MeasuredDevice, Tag("MeasuredDevice")]
    | Annotated[ImportedDevice, Tag("ImportedDevice")]
    | Annotated[EstimatedDevice, Tag("EstimatedDevice")],
    Discriminator(_kind_of_latency),
    BeforeValidator(_read_latency),
]


@dataclass(frozen=True, config=STRICT)
class Config:
    """The configuration of a run of qabwnas."""

    task: Task = Field(description="What networks are trained for, and where its data come from.")
    space: Space = Field(description="The search space: the name of a preset, or a .yaml file.")
    seed: Whole = Field(description="Seed of everything random: weights, order of images, sampled paths.")
    teacher: Teacher = Field(description="The network that is distilled, and that budgets may be relative to.")
    supernet: SupernetConfig = Field(description="The training of all candidate operations side by side.")
    minimize: Metric = Field(description="The objective of the search, a column of the LUT.")
    front: tuple[Metric, ...] = Field(description="The metrics of the Pareto front, the objective among them.")
    budgets: tuple[dict[Metric, Budget], ...] = Field(
        min_length=1,
        description="One network is searched per entry, a mapping of metric to largest total: a number, with a unit "
        "where the metric has one (1.5MB, 5ms), or a percentage of the 8-bit teacher's total (50%).",
    )
    networks: NetworksConfig = Field(description="The retraining of found networks.")
    latency: Annotated[tuple[Latency, ...], AfterValidator(_check_columns)] = Field(
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
    bit_widths: InitVar[Annotated[tuple[Widths, ...], Field(min_length=1), AfterValidator(_check_distinct)] | None] = (
        Field(default=None, description="Bit widths to search, such as [4, 8, w4a8], instead of the space's.")
    )

    def __post_init__(self, policy: Literal["block", "layer"] | None, bit_widths: tuple[BitWidths, ...] | None) -> None:
        space = replace(self.space, policy=policy or self.space.policy, bit_widths=bit_widths or self.space.bit_widths)
        check_policy(space, "space")
        object.__setattr__(self, "space", space)

    @field_validator("teacher")
    @classmethod
    def _teacher_has_the_blocks_of_the_space(cls, teacher: Any, info: ValidationInfo) -> Any:
        if "space" not in info.data:
            return teacher
        space: SearchSpace = info.data["space"]
        if isinstance(teacher, ModuleTeacher):
            if len(teacher.borders) != len(space.blocks) + 1:
                raise FieldError(
                    "borders",
                    f"{len(teacher.borders)} were given, not one for the input of the first of {len(space.blocks)} "
                    "blocks and one for each block's output",
                )
            return teacher
        try:
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


def metric_names(config: Config) -> tuple[str, ...]:
    """Return the columns of the LUT that a run searches: what the objective, the front and budgets may name."""
    return (*POPULATED, *(device.metric_name for device in config.latency))


def config_to_json(config: Config) -> dict[str, Any]:
    """Return the configuration as JSON values, with nothing left to defaults."""
    content: dict[str, Any] = ADAPTER.dump_python(config, mode="json")
    return content


def config_schema() -> dict[str, Any]:
    """Return the JSON schema of configurations (draft 2020-12), for completion and checks in editors."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **ADAPTER.json_schema()}
