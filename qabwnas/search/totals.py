"""Totals of chosen subnets in any metric of a LUT, on that metric's grid."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from qabwnas.lut.lut import Lut
from qabwnas.search.backend import Backend
from qabwnas.search.grid import choose_grid


def totals_in(lut: Lut, metric_name: str, choice: NDArray[np.int32], backend: Backend) -> list[Decimal | None]:
    """Return the total of every subnet, ``None`` where one of its candidates was not measured.

    ``choice`` is ``(n_subnets, n_blocks)``. The grid is chosen over the measured candidates.

    Raises:
        InputError: a measured value or a total cannot be held.
    """
    metric = lut.metric(metric_name)
    columns, chosen, measured = [], [], np.ones(len(choice), dtype=np.bool_)
    for b, block in enumerate(lut.blocks):
        column, mask = block.column(metric_name), block.measured(metric_name)
        if mask is not None:
            column = np.where(mask, column, 0.0)
            measured &= mask[choice[:, b]]
        columns.append(column)
        chosen.append(column[choice[:, b]])
    if metric.fixed is not None:
        chosen.append(np.full(len(choice), metric.fixed))
    grid = choose_grid(metric, columns, lut.block_names)
    units = np.stack([grid.units(values, backend) for values in chosen])
    totals = units.sum(axis=0) if metric.aggregation == "sum" else units.max(axis=0)
    return [grid.decimal(int(total)) if known else None for total, known in zip(totals, measured, strict=True)]
