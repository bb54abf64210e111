"""A device's roofline as a column of a LUT whose candidates a space describes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qabwnas.costs import Cost, block_costs, fixed_costs, row_costs
from qabwnas.costs.roofline import Device
from qabwnas.errors import InputError
from qabwnas.lut.columns import add_metric
from qabwnas.lut.lut import Lut, Metric, Table
from qabwnas.space import BitWidths, Policy, SearchSpace


def add_estimate(lut: Lut, device: Device) -> Lut:
    """Return the LUT with the column ``estimate_ms[NAME]``: stem and head, plus the sum over blocks and their layers.

    Stem and head have the bit widths that the LUT was populated with, else those of a :class:`Policy`.

    Raises:
        InputError: the LUT has no space, a table no bit widths, the device no peak for some, or the LUT the column
            already.
    """
    if lut.space is None:
        raise InputError("an estimate needs a LUT with a space: an imported one does not say what its candidates are")
    cost = device.cost
    columns = {}
    for block in lut.blocks:
        b = lut.space.block_index(block.name)
        columns[block.name] = np.concatenate([_estimate(lut.space, b, table, cost) for table in block.tables])
    fixed = BitWidths.parse(lut.provenance["fixed"]) if "fixed" in lut.provenance else Policy.fixed
    metric = Metric(cost.name, cost.unit, cost.aggregation, fixed_costs(lut.space, fixed, costs=[cost])[cost.name])
    return add_metric(lut, metric, columns, {"model": "roofline", "source": device.source})


def _estimate(space: SearchSpace, b: int, table: Table, cost: Cost) -> NDArray[np.float64]:
    if table.rows is not None:
        return row_costs(space, b, table.rows.operations, table.rows.widths, [cost])[cost.name]
    if table.widths is None:
        raise InputError(f"{space.blocks[b].name}: an estimate needs bit widths, which the LUT does not have")
    return block_costs(space, b, table.widths, [cost])[cost.name]
