"""What a user says of a table by others that the table does not say itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from qabwnas.lut.lut import Aggregation


@dataclass(frozen=True)
class ImportOptions:
    """Settings of an import; a format refuses those that mean nothing to it.

    Attributes:
        aggregate: metric name → ``sum`` or ``max``, for those that are not aggregated as the format has them.
        fixed: metric name → what stem and head add.
        device: the device that the table's latencies are of, for formats that do not name it.
        resolution: the side of the network's input image, for formats that mix several.
    """

    aggregate: Mapping[str, Aggregation] = field(default_factory=dict)
    fixed: Mapping[str, float] = field(default_factory=dict)
    device: str | None = None
    resolution: int | None = None

    @property
    def latency_metric(self) -> str:
        """``latency_ms[NAME]``, or ``latency_ms`` where the device has no name."""
        return "latency_ms" if self.device is None else f"latency_ms[{self.device}]"
