"""The configuration of a run, declared once: everything that a result depends on, as frozen values.

YAML fields have the names of these attributes (:mod:`~qabwnas.pipeline.config.load` reads them). Relative paths and the
file of a space are found from the folder in the validation context, that of the configuration.
"""

from __future__ import annotations

import operator
import os
import re
from collections.abc import Mapping
from dataclasses import InitVar, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    FilePath,
    JsonValue,
    PlainSerializer,
    PlainValidator,
    Tag,
    TypeAdapter,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)
from pydantic.dataclasses import dataclass

from qabwnas.costs import COSTS, PARAMETERS, CostMetric
from qabwnas.costs.operation_type import operation_type
from qabwnas.costs.own_metric import load_metric, value_fingerprint
from qabwnas.costs.roofline import Device, device_to_json, load_device, parse_device
from qabwnas.errors import InputError
from qabwnas.io.fields import user_path
from qabwnas.io.user_code import DOTTED_PATH, load_object
from qabwnas.lut.device_results import Statistic, check_device_name
from qabwnas.measure.populate import MEASURED
from qabwnas.nets.external.costs import fixed_parts
from qabwnas.space import INT8, BitWidths, Operation, SearchSpace
from qabwnas.space.yaml import check_policy, load_space, parse_space, space_to_json
from qabwnas.train.own_task import task_class
from qabwnas.train.settings import STRICT, Count, Flag, Number, Training, TrainingSettings, Whole

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
    return tuple(map(Operation.parse, str(value).split()))


def _read_bit_widths(value: Any) -> BitWidths:
    if isinstance(value, BitWidths):
        return value
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
Widths = Annotated[
    BitWidths,
    PlainValidator(_read_bit_widths, json_schema_input_type=int | str),
    PlainSerializer(lambda widths: widths.name),
]
Frozen = Annotated[
    tuple[Border, ...],
    AfterValidator(_check_distinct),
    Field(
        exclude_if=operator.not_,
        description="Parts that are not trained: stem, names of blocks, head. Their weights and batch-norm statistics "
        "stay as they are.",
    ),
]
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
class OwnTask:
    """A task of your own: a class derived from qabwnas.train.Task. All fields but the name are its settings."""

    name: str = Field(pattern=DOTTED_PATH, description="The class, package.Class.")
    settings: dict[str, JsonValue] = Field(description="Arguments of its constructor, by name.")


def _setting(name: str, value: Any, info: ValidationInfo) -> Any:
    """Return a setting of own code; ``root``, and text that starts like a path, becomes an absolute path."""
    if name == "root":
        try:
            return str(_read_path(value, info))
        except ValueError as error:
            raise FieldError(name, error) from error
    is_path = isinstance(value, str) and value.startswith(("./", "../", "~/"))
    return str(user_path(value, _folder(info))) if is_path else value


@dataclass(frozen=True, config=STRICT)
class OwnMetric:
    """A cost of your own: a qabwnas.costs.CostMetric, or a function that gives one."""

    name: str = Field(pattern=DOTTED_PATH, description="The object, package.name.")
    settings: dict[str, JsonValue] = Field(description="Arguments of the function, by name.")


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
class QuantisationConfig:
    """Post-training quantisation, of measured candidates and of whole networks; the defaults are the paper's."""

    observer: str = Field(
        default="minmax",
        min_length=1,
        description="How ranges of activations are chosen: minmax, percentile, mse (the smallest squared error at each "
        "bit width), or a class package.Class derived from qabwnas.quant.observers.RangeObserver.",
    )
    percentile: Annotated[Number, Field(ge=50, le=100)] = Field(
        default=99.9, description="The percentile of the values at which each end of a range lies."
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


def _read_task(value: Any, info: ValidationInfo) -> Any:
    if isinstance(value, str):
        if not _is_own(value) and value not in TASKS:
            raise ValueError(f"{value!r} is not {_TASKS_TEXT}")
        if value in TASKS and value != "digits":
            raise ValueError(f"{value!r} needs settings: name, root, …")
        value = {"name": value}
    if not isinstance(value, Mapping):
        return value
    if _is_own(value.get("name")):
        return _with_settings(value, info)
    if value.get("name") not in TASKS:
        raise FieldError("name", f"{value['name']!r} is not {_TASKS_TEXT}" if "name" in value else "missing")
    return value


def _with_settings(value: Mapping[str, Any], info: ValidationInfo) -> dict[str, Any]:
    """Return a section of own code, in which every field but the name is a setting, with its settings together."""
    section = {name: each for name, each in value.items() if name == "name"}
    return section | {"settings": {name: _setting(name, each, info) for name, each in value.items() if name != "name"}}


def _read_metric(value: Any, info: ValidationInfo) -> Any:
    value = {"name": value} if isinstance(value, str) else value
    return _with_settings(value, info) if isinstance(value, Mapping) else value


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


def _kind_of_teacher(value: Any) -> str:
    if not isinstance(value, Mapping):
        return type(value).__name__ if isinstance(value, CheckpointTeacher | ModuleTeacher) else "TrainedTeacher"
    kinds = {"module": "ModuleTeacher", "training": "TrainedTeacher", "checkpoint": "CheckpointTeacher"}
    return next((kind for name, kind in kinds.items() if value.get(name) is not None), "TrainedTeacher")


def _check_frozen(teacher: TrainedTeacher | ModuleTeacher, space: SearchSpace) -> None:
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


_TASKS_TEXT = f"one of {', '.join(TASKS)}, or a class package.Class"
_TASK_CLASSES = dict(zip(TASKS, ("DigitsTask", "CityscapesTask", "ImageFolderTask"), strict=True))


def _flat_schema(kind: type) -> dict[str, Any]:
    """Return the schema of a section of own code as users write it."""
    return {
        "title": kind.__name__,
        "description": kind.__doc__,
        "type": "object",
        "properties": {"name": {"type": "string", "pattern": DOTTED_PATH, "description": "Its dotted path."}},
        "required": ["name"],
        "additionalProperties": True,
    }


_DOTTED_NAME = {"type": "string", "pattern": DOTTED_PATH}
_flat = PlainSerializer(lambda own: {"name": own.name, **own.settings})
_Own = Annotated[OwnTask, _flat, WithJsonSchema(_flat_schema(OwnTask))]
_MetricEntry = Annotated[
    OwnMetric,
    BeforeValidator(_read_metric),
    _flat,
    WithJsonSchema({"anyOf": [_DOTTED_NAME, _flat_schema(OwnMetric)]}),
]
_Tasks = DigitsTask | CityscapesTask | ImageFolderTask | OwnTask
_DottedName = Annotated[str, WithJsonSchema(_DOTTED_NAME)]
_TaskInput = Literal["digits"] | DigitsTask | CityscapesTask | ImageFolderTask | _Own | _DottedName
Task = Annotated[
    Annotated[DigitsTask, Tag("DigitsTask")]
    | Annotated[CityscapesTask, Tag("CityscapesTask")]
    | Annotated[ImageFolderTask, Tag("ImageFolderTask")]
    | Annotated[_Own, Tag("OwnTask")],
    Discriminator(_kind_of_task),
    BeforeValidator(_read_task, json_schema_input_type=_TaskInput),
    AfterValidator(_check_own_task),
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
        "where the metric has one (1.5MB, 5ms), or a percentage of the 8-bit teacher's total (50%).",
    )
    networks: NetworksConfig = Field(description="The retraining of found networks.")
    quantisation: QuantisationConfig = Field(
        default=QuantisationConfig(), description="How ranges and biases are found when networks are quantised."
    )
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
            _check_frozen(teacher, space)
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
