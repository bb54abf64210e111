"""Budgets of a configuration as numbers."""

from __future__ import annotations

from decimal import Decimal

from qabwnas.errors import InputError
from qabwnas.lut.units import parse_quantity
from qabwnas.pipeline.config.config import METRICS, Config
from qabwnas.pipeline.stages.teacher_network import teacher_costs
from qabwnas.space import BitWidths

TEACHER_WIDTHS = BitWidths(8, 8)
"""What the teacher is compared at."""


def resolve_budget(config: Config, metric: str, budget: str) -> Decimal:
    """Return a budget as a number; a share such as ``50%`` is of what the teacher costs at 8 bits, rounded down.

    Raises:
        InputError: the metric is unknown, the text is no number, or its unit does not belong to the metric.
    """
    if metric not in METRICS:
        raise InputError(f"{metric}: unknown metric; there are {', '.join(METRICS)}")
    if not budget.endswith("%"):
        return parse_quantity(budget, metric)
    costs = teacher_costs(config, TEACHER_WIDTHS)
    if metric not in costs:
        raise InputError(f"{metric}: a share of the teacher's cost, which it has none of")
    return Decimal(costs[metric]) * parse_quantity(budget[:-1], "percent") // 100
