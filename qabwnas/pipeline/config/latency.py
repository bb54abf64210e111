"""The devices of a run, whose latencies become columns of its LUT."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    PlainSerializer,
    PlainValidator,
    Tag,
    ValidationInfo,
    field_validator,
)
from pydantic.dataclasses import dataclass

from qabwnas.costs.roofline import Device, device_to_json, load_device, parse_device
from qabwnas.io.fields import user_path
from qabwnas.lut.device_results import Statistic, check_device_name
from qabwnas.pipeline.config.values import UserPath, as_text, config_folder
from qabwnas.train.settings import STRICT, Count

LATENCY_SOURCES = ("measure", "results", "estimate")
"""Where the latencies of a device come from: the field that a device has."""


def _read_device(value: Any, info: ValidationInfo) -> Device:
    if isinstance(value, Device):
        return value
    if isinstance(value, Mapping):  # as the folder of a run holds it
        return parse_device(value, str(value.get("name")))
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is neither the name of a device nor a .yaml file")
    return load_device(str(user_path(value, config_folder(info))) if value.endswith((".yaml", ".yml")) else value)


DeviceName = Annotated[
    str,
    BeforeValidator(as_text),
    AfterValidator(check_device_name),
    Field(description="The name of the device. The column is latency_ms[NAME], or estimate_ms[NAME] if estimated."),
]
RunStatistic = Annotated[
    Statistic,
    Field(description="Which statistic of repeated runs becomes the column; fastest_quarter is as steady as median."),
]


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


def check_columns(devices: tuple[Any, ...]) -> tuple[Any, ...]:
    names = [device.metric_name for device in devices]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two devices give the column {name!r}")
    return devices


Latency = Annotated[
    Annotated[MeasuredDevice, Tag("MeasuredDevice")]
    | Annotated[ImportedDevice, Tag("ImportedDevice")]
    | Annotated[EstimatedDevice, Tag("EstimatedDevice")],
    Discriminator(_kind_of_latency),
    BeforeValidator(_read_latency),
]
