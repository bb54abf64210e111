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
    from qabwnas.search.constraints.scope import Scope

LutSource = Lut | str | os.PathLike[str]
"""A LUT, or the path of its file."""


def check_lut(lut: object) -> None:
    """Raise InputError unless ``lut`` is a LUT."""
    if not isinstance(lut, Lut):
        raise InputError(f"lut: {shown(lut)} is not a Lut; Lut.open and Lut.from_csv read one")


def opened_lut(lut: LutSource) -> Lut:
    """Return a LUT, or open its file; raises as :meth:`qabwnas.lut.lut.Lut.open`, and InputError for anything else."""
    if isinstance(lut, str | os.PathLike):
        return Lut.open(lut)
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


def default_objective(metric_names: Sequence[str]) -> str:
    """Return the metric to minimise if the user names none: ``loss``, or ``nsr`` if the table has no ``loss``.

    Raises:
        InputError: the table has neither.
    """
    for name in ("loss", "nsr"):
        if name in metric_names:
            return name
    raise InputError(f"there is neither 'loss' nor 'nsr' among {', '.join(metric_names)}: name what to minimize")


def checked_budgets(budgets: object) -> dict[str, Number]:
    """Return budgets as a dictionary; ``None`` becomes an empty one.

    A text is a quantity, which may have a unit.

    Raises:
        InputError: they are not a mapping, or a text is not a quantity of its metric.
    """
    if budgets is None:
        return {}
    if not isinstance(budgets, Mapping):
        raise InputError(f"budgets: {shown(budgets)} is not a mapping of metric to number")
    return {name: quantity(f"budget {name!r}", name, bound) for name, bound in budgets.items()}


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
    lut: Lut, minimize: str | None, budgets: Mapping[str, object] | Sequence[str], scope: Scope | None
) -> list[str]:
    """Return the metrics that a search compares: the objective, then those with budgets in the LUT's order.

    If ``minimize`` is ``None``, the objective is :func:`default_objective`. A weighted objective is a different metric
    from the plain one, so the plain one may have a budget too.

    Raises:
        InputError: ``lut`` is not a LUT, ``scope`` is not a scope, or the LUT lacks the objective or a budgeted metric.
    """
    check_lut(lut)
    check_scope(scope)
    if minimize is None:
        minimize = default_objective(lut.metric_names)
    if not isinstance(minimize, str):
        raise InputError(f"minimize: {shown(minimize)} is not the name of one metric; a Frontier is over several")
    for name in (minimize, *budgets):
        lut.metric(name)
    weighted = scope is not None and scope.is_weighted
    return [minimize, *(name for name in lut.metric_names if name in budgets and (weighted or name != minimize))]
