"""Cost metrics of a user's own code, found by their dotted path and checked.

A metric is a :class:`~qabwnas.costs.analytic.CostMetric`, or a function that returns one for its settings. Its value of
an operator may follow from the shapes of :class:`~qabwnas.costs.operator_cost.OperatorCost` and the bit widths alone.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from qabwnas.costs.analytic import CostMetric
from qabwnas.costs.block import block_choices
from qabwnas.costs.operator_cost import OperatorCost, stem_operators
from qabwnas.errors import InputError
from qabwnas.io.fingerprint import fingerprint
from qabwnas.io.user_code import call, load_object
from qabwnas.space import FLOAT, BitWidths, SearchSpace


def load_metric(name: str, settings: Mapping[str, Any], folder: Path | None = None) -> CostMetric:
    """Return the metric ``package.name``; its values are checked whenever one is computed.

    Raises:
        InputError: it cannot be imported, does not take the settings, or is no metric; or, when a value is computed,
            the value is not a finite number of 0 or more. The message is one line.
    """
    found = load_object(name, folder)
    if not isinstance(found, CostMetric):
        if not callable(found):
            raise InputError(f"{name}: is {type(found).__name__}, neither a CostMetric nor a function that gives one")
        found = call(name, found, **settings)
    elif settings:
        raise InputError(f"{name}: is a CostMetric, which takes no settings; a function that gives one can take them")
    if not isinstance(found, CostMetric):
        raise InputError(f"{name}: gives {type(found).__name__}, not a CostMetric")
    _check_texts(name, found)
    return replace(found, of=_Checked(name, found))


def value_fingerprint(cost: CostMetric, space: SearchSpace) -> str:
    """Return a hash of the metric's values for all operators of stem and blocks, at all bit widths of the space.

    It changes with the code of the metric. Raises as a metric of :func:`load_metric`.
    """
    values = []
    for widths in (*space.bit_widths, FLOAT):
        values.append([cost.of(operator, widths) for operator in stem_operators(space)])
        for b in range(len(space.blocks)):
            block_input, choices = block_choices(space, b)
            every = [*block_input, *(o for choice in choices for operators in choice for o in operators)]
            values.append([cost.of(operator, widths) for operator in every])
    return fingerprint(values)


class _Checked:
    """The values of a user's metric."""

    def __init__(self, name: str, cost: CostMetric) -> None:
        self._name = name
        self._of = cost.of

    def __call__(self, operator: OperatorCost, widths: BitWidths) -> float:
        value = call(self._name, self._of, operator, widths)
        if not isinstance(value, numbers.Real) or not 0 <= value < math.inf:
            raise InputError(
                f"{self._name}: gives {value!r} for an operator at {widths.name}, not a finite number of 0 or more"
            )
        return float(value)


def _check_texts(name: str, cost: CostMetric) -> None:
    if not isinstance(cost.name, str) or not cost.name:
        raise InputError(f"{name}: its name is {cost.name!r}, not a text")
    if not isinstance(cost.unit, str):
        raise InputError(f"{name}: its unit is {cost.unit!r}, not a text")
    if cost.aggregation not in ("sum", "max"):
        raise InputError(f"{name}: its aggregation is {cost.aggregation!r}, neither sum nor max")
    if not callable(cost.of):
        raise InputError(f"{name}: of is {type(cost.of).__name__}, not a function of an operator and bit widths")
