"""Totals of chosen subnets in any metric of a LUT, on that metric's grid."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qabwnas.lut.arrays import common_type
from qabwnas.lut.lut import Lut, LutBlock
from qabwnas.search.engine.backend import Backend
from qabwnas.search.model.grid import Needs, choose_grid
from qabwnas.search.model.streaming import known_part, runs


def totals_in(lut: Lut, metric_name: str, choice: NDArray[np.int32], backend: Backend) -> list[Decimal | None]:
    """Return the total of every subnet, ``None`` where one of its candidates was not measured.

    ``choice`` is ``(n_subnets, n_blocks)``. The grid is chosen over the measured candidates.

    Raises:
        InputError: a measured value or a total cannot be held.
    """
    metric = lut.metric(metric_name)
    needs, chosen, measured = [], [], np.ones(len(choice), dtype=np.bool_)
    for b, block in enumerate(lut.blocks):
        need, values, known = _of_block(block, metric_name, choice[:, b])
        needs.append(need)
        chosen.append(values)
        measured &= known
    if metric.fixed is not None:
        chosen.append(np.full(len(choice), metric.fixed))
    grid = choose_grid(metric, needs, lut.block_names)
    units = np.stack([grid.units(values, backend) for values in chosen])
    totals = units.sum(axis=0) if metric.aggregation == "sum" else units.max(axis=0)
    return [grid.decimal(int(total)) if known else None for total, known in zip(totals, measured, strict=True)]


def _of_block(
    block: LutBlock, metric: str, candidates: NDArray[np.int32]
) -> tuple[Needs, NDArray[Any], NDArray[np.bool_]]:
    """Return what a block's measured values need of a grid, those of some candidates, and which of them were measured.

    A value that was not measured counts as 0.
    """
    needs, measured = Needs(), np.ones(candidates.size, dtype=np.bool_)
    chosen: list[tuple[NDArray[np.bool_], NDArray[Any]]] = []
    for first, last in runs(block):
        values, mask = known_part(block, metric, first, last), block.measured_rows(metric, first, last)
        here = (first <= candidates) & (candidates < last)
        if mask is not None:
            measured[here] = mask[candidates[here] - first]
        chosen.append((here, values[candidates[here] - first]))
        needs = needs.and_of(values, f"metric {metric!r}, block {block.name!r}", first)
    where, parts = zip(*chosen, strict=True)
    parts = common_type(parts)
    found = np.zeros(candidates.size, dtype=parts[0].dtype)
    for here, values in zip(where, parts, strict=True):
        found[here] = values
    return needs, found, measured
