"""Budgets of a configuration as numbers, and the check that a network can meet them.

Costs follow from shapes alone, so budgets that no network of the space can meet are found before anything is trained.
"""

from __future__ import annotations

from decimal import Decimal

import numpy as np

from qabwnas.errors import InputError
from qabwnas.lut.lut import Lut
from qabwnas.lut.units import parse_quantity
from qabwnas.measure.populate import MEASURED, unmeasured_lut
from qabwnas.measure.sample import Sample, space_rows
from qabwnas.pipeline.config.config import Config, metric_names, run_costs
from qabwnas.pipeline.stages.teacher_network import measured_parts, teacher_costs
from qabwnas.search.api import search
from qabwnas.space import INT8

TEACHER_WIDTHS = INT8
"""The bit widths of the teacher that budgets in per cent refer to, stem and head included."""


def resolve_budget(config: Config, metric: str, budget: str) -> Decimal:
    """Return a budget as a number. ``50%`` is half of the teacher's cost at 8 bits, rounded down.

    Raises:
        InputError: the metric is unknown, the text is no number, or its unit does not belong to the metric.
    """
    known = metric_names(config.metrics, config.code_folder)
    if metric not in known:
        raise InputError(f"{metric}: unknown metric; there are {', '.join(known)}")
    if not budget.endswith("%"):
        return parse_quantity(budget, metric)
    costs = teacher_costs(config, TEACHER_WIDTHS, TEACHER_WIDTHS)
    if metric not in costs:
        raise InputError(f"{metric}: a percentage of the teacher's cost, but the teacher has no such cost")
    return Decimal(costs[metric]) * parse_quantity(budget[:-1], "percent") // 100


def check_budgets(config: Config, where: str) -> None:
    """Raise InputError if no network meets an entry of the budgets; the message names the smallest possible totals.

    Budgets of NSR are not checked, because the NSR is only known after the measurement.
    """
    lut = cost_lut(config)
    smallest = smallest_totals(lut)
    for index, texts in enumerate(config.budgets):
        budgets = {metric: resolve_budget(config, metric, text) for metric, text in texts.items() if metric in smallest}
        for metric, budget in budgets.items():
            if budget < smallest[metric]:
                given = "" if texts[metric] == str(budget) else f" ({_amount(lut, metric, budget)})"
                raise InputError(
                    f"{where}: budgets[{index}].{metric}: {texts[metric]}{given} cannot be met; the smallest network "
                    f"takes {_amount(lut, metric, smallest[metric])}"
                )
        if len(budgets) > 1:
            _check_jointly(lut, budgets, f"{where}: budgets[{index}]")


def cost_lut(config: Config) -> Lut:
    """Return the LUT that a run will measure, with its costs only."""
    rows = space_rows(config.space, Sample(config.sample, config.seed))
    made_with = {"fixed": config.fixed_bits.name}
    return unmeasured_lut(config.space, made_with, measured_parts(config), rows, run_costs(config))


def smallest_totals(lut: Lut) -> dict[str, Decimal]:
    """Return the smallest total of every cost over all networks, each cost by itself."""
    smallest = {}
    for metric in lut.metrics:
        if metric.name not in MEASURED:
            of_blocks = [min(np.min(table.columns[metric.name]) for table in block.tables) for block in lut.blocks]
            values = [Decimal(repr(float(value))) for value in (metric.fixed or 0, *of_blocks)]
            total = sum(values, Decimal()) if metric.aggregation == "sum" else max(values)
            smallest[metric.name] = total.to_integral_value() if total == total.to_integral_value() else total
    return smallest


def _check_jointly(lut: Lut, budgets: dict[str, Decimal], where: str) -> None:
    result = search(lut, minimize=next(iter(budgets)), budgets=budgets)
    if not result.answers:
        bounds = " and ".join(f"{metric} ≤ {_amount(lut, metric, budget)}" for metric, budget in budgets.items())
        least = {metric: total for metric, total in result.smallest.items() if total is not None}
        needed = " or ".join(f"{metric} {_amount(lut, metric, total)}" for metric, total in least.items())
        raise InputError(f"{where}: {bounds} cannot be met together{needed and f'; they can with {needed}'}")


def _amount(lut: Lut, metric: str, value: Decimal) -> str:
    whole = value.to_integral_value()
    return f"{whole if whole == value else value:f} {lut.metric(metric).unit}".rstrip()
