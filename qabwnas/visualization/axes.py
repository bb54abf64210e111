"""Axes of metrics: a title with a unit that people read, and the values in this unit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qabwnas.lut.units import unit_of

WIDE_RANGE = 8.0
"""An axis is logarithmic from this ratio of the largest to the smallest value."""

_PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"))
_BYTES = ("bytes", "B")
_NAMES = {"nsr": "NSR", "macs": "MACs", "bitops": "BitOps", "bops": "BOPs", "params": "parameters"}


@dataclass(frozen=True)
class MetricAxis:
    """A metric on an axis: values are divided by ``factor`` and then have the unit that ``title`` says."""

    metric: str
    title: str
    factor: float

    @classmethod
    def of(cls, metric: str, values: Iterable[float], unit: str = "") -> MetricAxis:
        """Return the axis for these values.

        Bytes become kB or MB (powers of 1000), plain counts from 1000 on get a prefix, other units are kept.

        >>> MetricAxis.of("size_bytes", [20e3, 1.5e6]).title
        'size, MB'
        """
        largest = max((abs(value) for value in values if np.isfinite(value)), default=0.0)
        named = unit_of(metric)
        unit = named or unit
        stem, bracket, device = metric.partition("[")
        name = stem.removesuffix(f"_{named}") if named else stem
        name = _NAMES.get(name, name.replace("_", " ")) + (f" {bracket}{device}" if bracket else "")
        if unit in _BYTES:
            factor, prefix = next(((size, text) for size, text in _PREFIXES[1:] if largest >= size), (1.0, ""))
            return cls(metric, f"{name}, {prefix}B" if prefix else f"{name}, bytes", factor)
        if not unit:
            factor, prefix = next(((size, text) for size, text in _PREFIXES if largest >= size), (1.0, ""))
            return cls(metric, f"{name}, {_WORDS[prefix]}" if prefix else name, factor)
        return cls(metric, f"{name}, {unit}", 1.0)

    def values(self, totals: Iterable[float] | NDArray[np.float64]) -> NDArray[np.float64]:
        """Return totals in the unit of the axis."""
        return np.asarray(totals, dtype=np.float64) / self.factor

    def layout(self, *columns: NDArray[np.float64]) -> dict[str, Any]:
        """Return plotly's axis for these values, logarithmic if all are positive and their range is wide."""
        known = np.concatenate([np.asarray(column, dtype=np.float64) for column in columns])
        is_wide = bool(len(known) and 0 < WIDE_RANGE * known.min() < known.max())
        layout: dict[str, Any] = {"title": {"text": escaped(self.title)}, "exponentformat": "SI"}
        return {**layout, "type": "log", "dtick": "D1" if known.max() < 100 * known.min() else 1} if is_wide else layout


_WORDS = {"G": "billions", "M": "millions", "k": "thousands"}


def escaped(text: str) -> str:
    """Return a text that plotly shows as it is: plotly would take some HTML in texts as format."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def known_totals(totals: Mapping[str, Any], metrics: Iterable[str]) -> list[float] | None:
    """Return the totals of some metrics as doubles; ``None`` if one is not known."""
    found = [totals.get(metric) for metric in metrics]
    return None if any(total is None for total in found) else [float(total) for total in found]  # type: ignore[arg-type]
