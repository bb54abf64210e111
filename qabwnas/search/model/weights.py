"""Weights of blocks: the weighted objective on an exact grid, and the files that store weights."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qabwnas.errors import FormatError, InputError
from qabwnas.io.atomic import atomic_path
from qabwnas.lut.lut import Metric
from qabwnas.search.model.grid import LARGEST_UNITS, Grid

FORMAT = "qabwnas-block-weights"
VERSION = 1
_MEMBERS = ("format", "version", "metric", "weights", "origin")


class WeightedObjective(NamedTuple):
    """How units of the objective become weighted units: units × factor of the block / divisor.

    Attributes:
        grid: the grid of weighted values.
        factors: one whole number per block.
        scale: the factor of the fixed part, that is, of weight 1.
        divisor: products are divided by it.
    """

    grid: Grid
    factors: tuple[int, ...]
    scale: int
    divisor: int

    @classmethod
    def of(
        cls,
        metric: Metric,
        grid: Grid,
        weights: Mapping[str, Decimal],
        largest_units: Sequence[int],
        fixed: int | None,
    ) -> WeightedObjective:
        """Return the weighted form of a metric, from its largest absolute value per block and its fixed part, in units.

        The grid gains as many decimals as the weights have, which is exact. If the largest possible total then exceeds
        2^62, the grid loses as many decimals as necessary, and products are rounded half to even on it.

        Raises:
            InputError: totals do not fit even without decimals; the message names the metric and the largest block.
        """
        n_more = max(0, *(-int(weight.as_tuple().exponent) for weight in weights.values()))
        whole = [int(Fraction(weight) * 10**n_more) for weight in weights.values()]
        largest = [units * factor for units, factor in zip(largest_units, whole, strict=True)]
        parts = largest if fixed is None else [*largest, abs(fixed) * 10**n_more]
        total = sum(parts) if metric.aggregation == "sum" else max(parts)
        n_dropped = 0
        while total > LARGEST_UNITS * 10**n_dropped:
            n_dropped += 1
        if n_dropped > grid.decimals + n_more:
            where = list(weights)[largest.index(max(largest))]
            raise InputError(f"weights: the weighted totals of {metric.name!r} do not fit 62 bits (block {where!r})")
        return cls(Grid(grid.decimals + n_more - n_dropped), tuple(whole), 10**n_more, 10**n_dropped)

    def of_block(self, units: NDArray[np.int64], b: int) -> NDArray[np.int64]:
        """Return the weighted values of block ``b``."""
        return _product(units, self.factors[b], self.divisor)

    def of_fixed(self, units: int) -> int:
        return int(_product(np.array([units]), self.scale, self.divisor)[0])


def largest_size(units: NDArray[np.int64]) -> int:
    """Return the largest absolute value, or 0 if there are no values."""
    return max(abs(int(units.min())), abs(int(units.max()))) if units.size else 0


def _product(units: NDArray[np.int64], factor: int, divisor: int) -> NDArray[np.int64]:
    """Return units × factor / divisor, rounded half to even; the result fits int64."""
    numbers: NDArray[Any] = units
    if factor * divisor > LARGEST_UNITS:  # the remainder times the factor would not fit
        numbers = units.astype(object)
    quotient, left = numbers // divisor, numbers % divisor
    more, left = left * factor // divisor, left * factor % divisor
    nearest = quotient * factor + more
    up = (2 * left > divisor) | ((2 * left == divisor) & (nearest % 2 == 1))
    return np.asarray(nearest + up, dtype=np.int64)


def save_weight_file(
    path: str | os.PathLike[str], weights: Mapping[str, Decimal], metric: str, origin: Mapping[str, Any]
) -> None:
    """Write the weight of every block in the sum of ``metric``, atomically; ``qabwnas fit-weights`` does.

    ``origin`` says, in JSON values, where the weights come from.

    Raises:
        OSError: the file cannot be written.
    """
    content = {"format": FORMAT, "version": VERSION, "metric": metric}
    factors = {name: f"{weight:f}" for name, weight in weights.items()}  # as text, so that every reader gets all digits
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(content | {"weights": factors, "origin": dict(origin)}, indent=2) + "\n")


def load_weight_file(path: str | os.PathLike[str]) -> dict[str, str]:
    """Return block name → weight, a decimal as text. A search checks names and values.

    Raises:
        FormatError: the file is not one of block weights, is damaged or has a newer version.
        OSError: it cannot be read.
    """
    where = os.fspath(path)
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"), object_pairs_hook=_unique)
    except ValueError as error:
        raise FormatError(f"{where}: not a file of block weights: {error}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise FormatError(f"{where}: not a file of block weights")
    version, weights = content.get("version"), content.get("weights")
    if not isinstance(version, int) or isinstance(version, bool) or version > VERSION:
        raise FormatError(f"{where}: written by version {version!r}, this reads up to {VERSION}")
    for name in content:
        if name not in _MEMBERS:
            raise FormatError(f"{where}: unknown member {name!r}; there are {', '.join(_MEMBERS)}")
    if not isinstance(weights, dict) or not weights or not all(isinstance(w, str) for w in weights.values()):
        raise FormatError(f"{where}: its weights are not a mapping of block to decimal, as text")
    return weights


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    for index, name in enumerate(names):
        if name in names[:index]:
            raise ValueError(f"{name!r} occurs twice")
    return dict(pairs)
