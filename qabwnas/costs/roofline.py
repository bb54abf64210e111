"""Estimated latency of a device that cannot be measured: a roofline model, from shapes alone.

Williams, Waterman, Patterson, "Roofline: an insightful visual performance model", CACM 2009: an operator takes the time
of its arithmetic at peak performance, or of its memory traffic at peak bandwidth, whichever is longer. Here, every
operator adds an overhead:

    time = max(MACs / peak, bytes / bandwidth) + overhead

- Operators run one after the other, and no cache keeps data between them: every tensor that an operator reads or
  writes, and its weights, cross the memory bus once.
- A device has a peak for some bit widths. The data and arithmetic of an operator have the narrowest of these widths
  that holds its weights and activations: on a device with peaks for 8 and 32, 6-bit weights run as 8-bit weights.
- A skip takes no time.

Such an estimate ranks candidates roughly. Its column is called ``estimate_ms``, never ``latency_ms``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qabwnas.costs.analytic import CostMetric
from qabwnas.costs.operator_cost import OperatorCost
from qabwnas.errors import InputError
from qabwnas.io.fields import Fields, named
from qabwnas.io.yaml_reader import parse_yaml, read_yaml
from qabwnas.space import BitWidths

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable


@dataclass(frozen=True)
class Device:
    """The parameters of a device's roofline.

    Attributes:
        source: where the figures come from, as text.
        peak_gmacs_per_s: bit width → 10^9 multiply-accumulates per second, widths ascending.
        bandwidth_gb_per_s: 10^9 bytes per second of the memory that holds tensors and weights.
        overhead_us: the time to start an operator.
    """

    name: str
    source: str
    peak_gmacs_per_s: Mapping[int, float]
    bandwidth_gb_per_s: float
    overhead_us: float

    def width(self, widths: BitWidths) -> int:
        """Return the bit width at which operators of ``widths`` run.

        Raises:
            InputError: the device has no peak for this bit width or a wider one.
        """
        needed = max(widths.weights, widths.activations)
        for width in self.peak_gmacs_per_s:
            if width >= needed:
                return width
        raise InputError(f"device {self.name!r} has no peak_gmacs_per_s for {needed} bits")

    def milliseconds(self, operator: OperatorCost, widths: BitWidths) -> float:
        """Return the time of an operator; 0 for an input, which nothing executes."""
        if operator.traffic == 0:
            return 0.0
        width = self.width(widths)
        arithmetic_ns = operator.macs / self.peak_gmacs_per_s[width]
        memory_ns = (operator.traffic + operator.weights) * width / 8 / self.bandwidth_gb_per_s
        return max(arithmetic_ns, memory_ns) / 1e6 + self.overhead_us / 1e3

    @property
    def cost(self) -> CostMetric:
        """The column ``estimate_ms[NAME]``."""
        return CostMetric(f"estimate_ms[{self.name}]", "ms", "sum", self.milliseconds)


def devices() -> tuple[str, ...]:
    """Return the names of the devices that come with the package."""
    return tuple(sorted(Path(entry.name).stem for entry in _shipped().iterdir() if entry.name.endswith(".yaml")))


def _shipped() -> Traversable:
    from importlib import resources

    return resources.files("qabwnas.costs") / "devices"


def load_device(source: str | os.PathLike[str]) -> Device:
    """Return the device of that name, or of a YAML file (a path that ends in ``.yaml`` or ``.yml``).

    Raises:
        InputError: there is no such device or file, or a field is missing, unknown or out of range; the message names
            it.
    """
    source = os.fspath(source)
    if source.endswith((".yaml", ".yml")):
        return parse_device(read_yaml(Path(source)), source)
    if source not in devices():
        raise InputError(f"device {source!r} is neither one of {', '.join(devices())} nor a .yaml file")
    text = (_shipped() / f"{source}.yaml").read_text(encoding="utf-8")
    return parse_device(parse_yaml(text, source), source)


def parse_device(content: Any, where: str) -> Device:
    """Return the device that YAML values describe; raises as :func:`load_device`, with ``where`` before the field."""
    fields = Fields(content, where)
    name = fields.text("name")
    if set(name) & set("[]=,"):
        raise InputError(f"{fields.path('name')}: {name!r} has a bracket, '=' or ','")
    device = Device(
        name=name,
        source=fields.sentence("source"),
        peak_gmacs_per_s=_peaks(fields),
        bandwidth_gb_per_s=_positive(fields, "bandwidth_gb_per_s"),
        overhead_us=fields.number("overhead_us"),
    )
    fields.end()
    return device


def device_to_json(device: Device) -> dict[str, Any]:
    """Return the description of a device as JSON values, which :func:`parse_device` reads."""
    return vars(device) | {"peak_gmacs_per_s": {str(w): peak for w, peak in device.peak_gmacs_per_s.items()}}


def _peaks(fields: Fields) -> dict[int, float]:
    content = fields.value("peak_gmacs_per_s")
    where = fields.path("peak_gmacs_per_s")
    if not isinstance(content, dict) or not content:
        raise InputError(f"{where}: not a mapping of bit widths")
    peaks = Fields({str(width): peak for width, peak in content.items()}, where)
    widths = sorted(named(where, _width, width) for width in content)
    return {width: _positive(peaks, str(width)) for width in widths}


def _width(text: str) -> int:
    if not text.isdecimal():
        raise InputError(f"{text!r} is not a bit width")
    return BitWidths.parse(text).weights


def _positive(fields: Fields, name: str) -> float:
    number = fields.number(name)
    if number == 0:
        raise InputError(f"{fields.path(name)}: 0, but a rate must be positive")
    return number
