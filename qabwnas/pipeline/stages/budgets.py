"""Budgets of a configuration as numbers, and the check that a network can meet them.

Costs follow from shapes alone, and latencies are known if they are imported or estimated. So budgets that no network of
the space can meet are found before anything is trained.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import ROUND_CEILING, Decimal

import numpy as np

from qabwnas.costs import COSTS
from qabwnas.errors import InputError
from qabwnas.lut.lut import Lut
from qabwnas.lut.table import Metric
from qabwnas.lut.units import parse_quantity
from qabwnas.measure.populate import MEASURED, unmeasured_lut
from qabwnas.measure.sample import Sample, space_rows
from qabwnas.pipeline.config.config import Config, run_costs
from qabwnas.pipeline.config.values import BITS, bounds_of, scope_of
from qabwnas.pipeline.stages.latency import add_columns
from qabwnas.pipeline.stages.teacher_choice import TEACHER_WIDTHS, teacher_choice, teacher_codes
from qabwnas.pipeline.stages.teacher_network import measured_parts, teacher_costs
from qabwnas.search.api import search
from qabwnas.search.constraints.scope import Scope
from qabwnas.search.engine.backend import select_backend
from qabwnas.search.model.totals import totals_in
from qabwnas.space import BitWidths

_COSTS = frozenset(cost.name for cost in COSTS)  # all of them in whole units
NANOSECOND = Decimal("0.000001")
"""In milliseconds, the unit of every latency."""


def check_budget(config: Config, metric: str, budget: str) -> None:
    """Check the text of a budget on a column of the run's LUT.

    Raises:
        InputError: it is no number, its unit does not belong to the metric, or it is a percentage of a total of the
            teacher that is not known.
    """
    if not budget.endswith("%"):
        parse_quantity(budget, metric)
        return
    parse_quantity(budget[:-1], "percent")
    if metric not in [cost.name for cost in run_costs(config)]:
        if metric in MEASURED:
            raise InputError(f"{metric}: a percentage of the teacher's cost, but the teacher has no such cost")
        if teacher_codes(config) is None or TEACHER_WIDTHS not in config.space.bit_widths:
            raise _unknown_total(metric, budget)


def resolve_budget(config: Config, metric: str, budget: str, lut: Lut) -> Decimal:
    """Return a budget as a number. ``50%`` is half of the teacher's total at 8 bits.

    The half of a cost is rounded down. That of a latency is rounded up to a whole nanosecond, so that 100 % includes
    the teacher. ``lut`` has the column of a latency.

    Raises:
        InputError: as :func:`check_budget`.
    """
    if not budget.endswith("%"):
        return parse_quantity(budget, metric)
    share = parse_quantity(budget[:-1], "percent")
    costs = teacher_costs(config, TEACHER_WIDTHS, TEACHER_WIDTHS)
    if metric in _COSTS:
        return Decimal(costs[metric]) * share // 100
    if metric in costs:
        return _exact(costs[metric]) * share / 100
    total = teacher_totals(config, lut, TEACHER_WIDTHS).get(metric)
    if total is None:
        raise _unknown_total(metric, budget)
    return (total * share / 100).quantize(NANOSECOND, ROUND_CEILING)


def _unknown_total(metric: str, budget: str) -> InputError:
    return InputError(
        f"{metric}: {budget}: the teacher's total is not known, because its operations at {TEACHER_WIDTHS.name} are "
        "not candidates of the space; give a number"
    )


def further_metrics(names: Iterable[str]) -> list[str]:
    """Return those of the metrics that are neither NSR nor costs: latencies."""
    return [name for name in names if name not in _COSTS and name not in MEASURED]


def teacher_totals(config: Config, lut: Lut, widths: BitWidths) -> dict[str, Decimal]:
    """Return metric → the teacher's total at these bit widths, from the rows of the LUT that hold its operations.

    Only :func:`further_metrics` are included. It is empty if the LUT does not have such rows.
    """
    candidates = teacher_choice(config, lut, widths)
    if candidates is None:
        return {}
    choice, backend = np.array([list(candidates.values())], dtype=np.int32), select_backend()
    totals = {name: totals_in(lut, name, choice, backend)[0] for name in further_metrics(lut.metric_names)}
    return {name: total for name, total in totals.items() if total is not None}


def distinct_bounds(config: Config) -> list[dict[str, str]]:
    """Return metric → largest total of every entry of the budgets, as text, without bit widths, each once."""
    bounds = [bounds_of(entry) for entry in config.budgets]
    return [each for index, each in enumerate(bounds) if each not in bounds[:index]]


def check_budgets(config: Config, where: str) -> None:
    """Raise InputError if no network meets an entry of the budgets; the message names the smallest possible totals.

    Latencies are included if they are imported or estimated. Budgets of NSR and of latencies that the run measures are
    not checked, because they are only known after the measurement.

    Raises:
        InputError: also as :func:`~qabwnas.pipeline.stages.latency.add_columns`.
        FormatError, OSError: a file of results cannot be read.
    """
    try:
        lut = add_columns(config, cost_lut(config), {})
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    smallest_of_all = smallest_totals(lut)
    for index, entry in enumerate(config.budgets):
        texts = bounds_of(entry)
        known = {metric: text for metric, text in texts.items() if metric in smallest_of_all}
        try:
            scope = scope_of(entry)
            if scope is not None:
                scope.selection(lut)  # raises also if no bound of the entry is known yet
            smallest = smallest_of_all if scope is None else _smallest_within(lut, known, scope)
            budgets = {metric: resolve_budget(config, metric, text, lut) for metric, text in known.items()}
        except InputError as error:
            raise InputError(f"{where}: budgets[{index}]: {error}") from error
        for metric, budget in budgets.items():
            if budget < smallest[metric]:
                given = "" if texts[metric] == str(budget) else f" ({_amount(lut.metric(metric), budget)})"
                raise InputError(
                    f"{where}: budgets[{index}].{metric}: {texts[metric]}{given} cannot be met; the smallest network "
                    f"{_with_bits(entry)}takes {_amount(lut.metric(metric), smallest[metric])}"
                )
        if len(budgets) > 1:
            _check_jointly(lut, budgets, scope, f"{where}: budgets[{index}]")


def _with_bits(entry: Mapping[str, str]) -> str:
    return f"with bits {entry[BITS]} " if BITS in entry else ""


def _smallest_within(lut: Lut, metrics: Iterable[str], scope: Scope) -> dict[str, Decimal]:
    """Return the smallest total of each metric over the networks of a scope, each metric by itself."""
    answers = {metric: search(lut, minimize=metric, scope=scope).answers for metric in metrics}
    return {metric: found[0].totals[metric] for metric, found in answers.items()}


def cost_lut(config: Config) -> Lut:
    """Return the LUT that a run will measure, with its costs only."""
    rows = space_rows(config.space, Sample(config.sample, config.seed))
    made_with = {"fixed": config.fixed_bits.name}
    return unmeasured_lut(config.space, made_with, measured_parts(config), rows, run_costs(config))


def smallest_totals(lut: Lut) -> dict[str, Decimal]:
    """Return the smallest total of every column that is known, over all networks, each column by itself."""
    smallest = {}
    for metric in lut.metrics:
        if all(block.measured(metric.name) is None for block in lut.blocks):
            of_blocks = [min(np.min(table.columns[metric.name]) for table in block.tables) for block in lut.blocks]
            exact = [_exact(float(value)) for value in (metric.fixed or 0, *of_blocks)]
            smallest[metric.name] = sum(exact, Decimal(0)) if metric.aggregation == "sum" else max(exact)
    return smallest


def _exact(value: float) -> Decimal:
    """Return the shortest decimal of a number, as a search reads it."""
    return Decimal(int(value) if value.is_integer() else repr(value))


def _check_jointly(lut: Lut, budgets: Mapping[str, Decimal], scope: Scope | None, where: str) -> None:
    result = search(lut, minimize=next(iter(budgets)), budgets=budgets, scope=scope)
    if not result.answers:
        bounds = " and ".join(f"{metric} ≤ {_amount(lut.metric(metric), budget)}" for metric, budget in budgets.items())
        least = {metric: total for metric, total in result.smallest.items() if total is not None}
        needed = " or ".join(f"{metric} {_amount(lut.metric(metric), total)}" for metric, total in least.items())
        raise InputError(f"{where}: {bounds} cannot be met together{needed and f'; they can with {needed}'}")


def _amount(metric: Metric, value: Decimal) -> str:
    whole = value.to_integral_value()
    return f"{whole if whole == value else value:f} {metric.unit}".rstrip()
