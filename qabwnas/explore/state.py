"""What a user has set on a page, and the search that it stands for. Nothing here knows the page's components."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from qabwnas.errors import InputError
from qabwnas.io.numeric import shown
from qabwnas.lut.units import parse_quantity
from qabwnas.search.constraints.scope import Scope

MINIMIZE, MAXIMIZE = "minimize", "maximize"
HOMOGENEOUS = "homogeneous"
MAX_TOP = 100
"""The most answers that a page shows."""


class Range(NamedTuple):
    """The texts of the two bounds on a metric, both inclusive; empty for no bound."""

    low: str = ""
    high: str = ""


@dataclass(frozen=True)
class PageState:
    """Everything that determines the answer of a page.

    Attributes:
        objective: the metric to minimise or maximise.
        sense: ``minimize`` or ``maximize``.
        ranges: metric → bounds, in the order of the metrics; a bound is a quantity, which may have a unit.
        top, min_distance: as for :func:`qabwnas.search`; ``top`` is at most :data:`MAX_TOP`.
        bits, pin, forbid, weights, skip_unmeasured: as for :class:`.Scope`; a weight may be empty, which means 1.
    """

    objective: str
    sense: str = MINIMIZE
    ranges: Mapping[str, Range] = field(default_factory=dict)
    top: int = 1
    min_distance: int = 1
    bits: tuple[str, ...] = ()
    pin: tuple[str, ...] = ()
    forbid: tuple[str, ...] = ()
    weights: Mapping[str, str] = field(default_factory=dict)
    skip_unmeasured: bool = False

    def budget_texts(self) -> dict[str, str]:
        """Return the budgets as :func:`qabwnas.search` and ``--budget`` take them: ``size_bytes``, ``size_bytes>=``."""
        texts = {}
        for metric, bounds in self.ranges.items():
            if bounds.high.strip():
                texts[metric] = _compact(bounds.high)
            if bounds.low.strip():
                texts[f"{metric}>="] = _compact(bounds.low)
        return texts

    def budgets(self) -> dict[str, Decimal]:
        """Return the budgets as exact numbers.

        Raises:
            InputError: a text is not a quantity of its metric.
        """
        return {key: parse_quantity(text, key.removesuffix(">=")) for key, text in self.budget_texts().items()}

    def block_weights(self) -> dict[str, str]:
        """Return the weights that are given and are not 1."""
        return {block: text.strip() for block, text in self.weights.items() if text.strip() not in ("", "1")}

    def scope(self) -> Scope | None:
        """Return the scope; ``None`` if nothing is restricted or weighted.

        Raises:
            InputError: a weight is not a number of 0 or more.
        """
        scope = Scope(self.block_weights(), self.bits, self.pin, self.forbid, self.skip_unmeasured)
        return None if scope == Scope() else scope

    @property
    def objective_column(self) -> str:
        """The objective as a metric of :meth:`.Frontier.build`: ``-accuracy`` if it is maximised."""
        return f"-{self.objective}" if self.sense == MAXIMIZE else self.objective


def whole(what: str, value: Any, largest: int) -> int:
    """Return the value of a number field; 1 if it is empty.

    Raises:
        InputError: it is not a whole number from 1 to ``largest``.
    """
    if value is None or value == "":
        return 1
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= largest:
        raise InputError(f"{what}: {shown(value)} is not a whole number from 1 to {largest:,}")
    return value


def _compact(text: str) -> str:
    return "".join(text.split())
