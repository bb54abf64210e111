"""Checks of what a user passes to a search: the LUT, the scope, metric names, budgets.

They run once, before any work. The code below them trusts the types.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from qabwnas.errors import InputError
from qabwnas.io.numeric import Number, shown
from qabwnas.lut.lut import Lut
from qabwnas.lut.units import parse_quantity

if TYPE_CHECKING:  # scopes load when one is used, so that other searches start sooner
    from qabwnas.search.constraints.budgets import Budgeted, Column
    from qabwnas.search.constraints.scope import Scope

LutSource = Lut | str | os.PathLike[str]
"""A LUT, or the path of its file or of a table."""

Budget = Number | tuple[Number | None, Number | None]
"""An upper bound, a range, or a text of :mod:`qabwnas.search.constraints.budgets`."""


def check_lut(lut: object) -> None:
    """Raise InputError unless ``lut`` is a LUT."""
    if not isinstance(lut, Lut):
        raise InputError(f"lut: {shown(lut)} is not a Lut; Lut.open and Lut.from_csv read one")


def opened_lut(lut: LutSource) -> Lut:
    """Return a LUT, or open its file or import a table; raises as :func:`qabwnas.lut.importers.source.open_lut`."""
    if isinstance(lut, str | os.PathLike):
        from qabwnas.lut.importers.source import open_lut

        return open_lut(lut)
    check_lut(lut)
    return lut


def check_scope(scope: object) -> None:
    """Raise InputError unless ``scope`` is a scope or ``None``."""
    if scope is None:
        return
    from qabwnas.search.constraints.scope import Scope

    if not isinstance(scope, Scope):
        raise InputError(f"scope: {shown(scope)} is not a Scope")


def listed_metrics(what: str, names: object) -> list[str]:
    """Return one or more names as a list; raise InputError for anything else. ``what`` starts the message."""
    listed = list(names) if isinstance(names, Sequence | np.ndarray) and not isinstance(names, str) else []
    if not listed or not all(isinstance(name, str) for name in listed):
        raise InputError(f"{what}: {shown(names)} is not a list of metrics")
    return listed


def front_columns(lut: Lut, names: object) -> list[Column]:
    """Return the columns of a front: metrics of the LUT, and sums of several, ``size_bytes+macs``.

    A higher-is-better metric is maximised, and so is ``accuracy`` if the name is ``-accuracy``.

    Raises:
        InputError: ``names`` is not a list of metrics, or the LUT lacks one, or one to maximise is a maximum, or a sum
            includes a maximum or a metric to maximise.
    """
    lower = {metric.name for metric in lut.metrics if not metric.higher_is_better}
    columns: list[Column] = []
    for name in listed_metrics("minimize", names):
        if name in lower:
            columns.append(name)
            continue
        from qabwnas.search.constraints.budgets import known_metric, subject_metrics
        from qabwnas.search.model.derived import added, negated

        if name not in lut.metric_names and "+" in name:
            metrics = subject_metrics(lut, name)
            for metric in metrics:
                if metric.aggregation == "max" or metric.higher_is_better:
                    raise InputError(
                        f"minimize {name!r}: {metric.name!r} is "
                        f"{'a maximum over blocks' if metric.aggregation == 'max' else 'better if higher'}; a front "
                        "minimises sums of sums"
                    )
            columns.append(added(metrics))
            continue
        plain = name in lut.metric_names
        metric = known_metric(lut, name if plain else name.removeprefix("-"))
        columns.append(
            negated(metric) if (not plain and name.startswith("-")) or metric.higher_is_better else metric.name
        )
    return columns


def default_objective(metric_names: Sequence[str]) -> str:
    """Return the metric to minimise if the user names none: ``loss``, or ``nsr`` if the table has no ``loss``.

    Raises:
        InputError: the table has neither.
    """
    for name in ("loss", "nsr"):
        if name in metric_names:
            return name
    raise InputError(f"there is neither 'loss' nor 'nsr' among {', '.join(metric_names)}: name what to minimize")


def checked_budgets(lut: Lut, budgets: object) -> dict[Budgeted, Number]:
    """Return budgets as upper bounds on columns; ``None`` becomes an empty dictionary.

    Upper bounds on metrics of the LUT stay as they are; :mod:`qabwnas.search.constraints.budgets` reduces all others.

    A text is a quantity, which may have a unit.

    Raises:
        InputError: they are not a mapping, a text is not a quantity of its metric, or as :func:`.reduced_budgets`.
    """
    if budgets is None:
        return {}
    if not isinstance(budgets, Mapping):
        raise InputError(f"budgets: {shown(budgets)} is not a mapping of metric to number")
    lower = {metric.name for metric in lut.metrics if not metric.higher_is_better}
    if all(name in lower and _is_one_bound(value) for name, value in budgets.items()):
        return {name: quantity(f"budget {name!r}", name, bound) for name, bound in budgets.items()}
    from qabwnas.search.constraints.budgets import reduced_budgets

    return dict(reduced_budgets(lut, budgets))


def is_coupled(budgets: Mapping[Budgeted, object]) -> bool:
    """Return whether a budget is on a sum that includes a maximum, so that it is no bound on a column."""
    if all(isinstance(budget, str) for budget in budgets):
        return False
    from qabwnas.search.model.derived import MixedSum

    return any(isinstance(budget, MixedSum) for budget in budgets)


def _is_one_bound(value: object) -> bool:
    if isinstance(value, str):
        return "%" not in value and ":" not in value
    return not isinstance(value, list | tuple)


def checked_objective(lut: Lut, minimize: object, maximize: object) -> Column:
    """Return the column to minimise: a metric, or the negated one that ``maximize`` names.

    A higher-is-better metric is maximised, even if ``minimize`` names it.

    Raises:
        InputError: both are given, or the LUT lacks the metric, or the metric to maximise is a maximum over blocks.
    """
    if maximize is None:
        name = default_objective(lut.metric_names) if minimize is None else _one_metric("minimize", minimize)
        if not any(metric.higher_is_better and metric.name == name for metric in lut.metrics):
            return name
    elif minimize is not None:
        raise InputError("minimize and maximize: give one objective; a Frontier is over several")
    else:
        name = _one_metric("maximize", maximize)
    from qabwnas.search.constraints.budgets import known_metric
    from qabwnas.search.model.derived import negated

    return negated(known_metric(lut, name))


def _one_metric(what: str, name: object) -> str:
    if not isinstance(name, str):
        raise InputError(f"{what}: {shown(name)} is not the name of one metric; a Frontier is over several")
    return name


def quantity(what: str, metric: str, number: Number) -> Number:
    """Return a number as it is, and a text, which may have a unit, as the number in the unit of the metric.

    Raises:
        InputError: the text is not a quantity of the metric; the message starts with ``what``.
    """
    if not isinstance(number, str) or not isinstance(metric, str):
        return number
    try:
        return parse_quantity(number, metric)
    except InputError as error:
        raise InputError(f"{what}{str(error).removeprefix(metric)}") from error


def compared_metrics(
    lut: Lut, objective: Column, budgets: Mapping[Budgeted, object] | Sequence[Budgeted], scope: Scope | None
) -> list[Column]:
    """Return the columns that a search compares: the objective, those with budgets in the LUT's order, derived ones.

    Those with budgets include the columns that a budget on sums plus maxima couples.

    A weighted objective is a different metric from the plain one, so the plain one may have a budget too.

    Raises:
        InputError: ``lut`` is not a LUT, ``scope`` is not a scope, or the LUT lacks the objective or a budgeted metric.
    """
    check_lut(lut)
    check_scope(scope)
    budgeted: list[Column] = []
    for budget in budgets:
        if not isinstance(budget, str):
            from qabwnas.search.model.derived import MixedSum

            if isinstance(budget, MixedSum):
                budgeted.extend(budget.columns)
                continue
        budgeted.append(budget)
    budgeted = list(dict.fromkeys(budgeted))
    for column in (objective, *budgeted):
        if isinstance(column, str) and column not in lut.metric_names:
            from qabwnas.search.constraints.budgets import known_metric

            known_metric(lut, column)
    weighted = scope is not None and scope.is_weighted
    named = [name for name in lut.metric_names if name in budgeted and (weighted or name != objective)]
    derived = [column for column in budgeted if not isinstance(column, str) and (weighted or column != objective)]
    return [objective, *named, *derived]
