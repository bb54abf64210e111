"""The answer of a page, whether it comes from a LUT or from a front."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from qabwnas.explore.state import PageState
from qabwnas.lut.table import Metric
from qabwnas.search import Explanation, Frontier, SearchResult


@dataclass(frozen=True)
class Outcome:
    """What a page shows.

    Attributes:
        result: the answers, or what would have to change.
        budgets: the budgets of the search, as :func:`qabwnas.search` takes them.
        explanation: which budgets bind; ``None`` if no answer was proved, or if it cannot be explained.
        remark: why there is no explanation; empty if there is one.
    """

    result: SearchResult
    budgets: Mapping[str, Decimal] = field(default_factory=dict)
    explanation: Explanation | None = None
    remark: str = ""


class Explored(Protocol):
    """What a page explores: a LUT or a front.

    Attributes:
        path: the file, as the user gave it.
        run: the run folder that the file belongs to; empty if it belongs to none.
        metrics: the metrics that may have budgets.
        block_names: in network order.
        facts: what is in it, for the head of the page.
        maximizable: the metrics that can be maximised.
        widths: the names of the bit widths that the user may choose; empty if there is no choice.
        operations: suggestions for pinned and forbidden operations, in the notation of :class:`.Scope`.
        has_scope: whether candidates can be restricted and blocks be weighted, and whether lower bounds and several
            answers are possible. Not on a front: it only has the points that were the best without them.
        has_unmeasured: whether some candidates lack values.
    """

    path: str
    run: str
    metrics: tuple[Metric, ...]
    block_names: tuple[str, ...]
    facts: str
    maximizable: frozenset[str]
    widths: tuple[str, ...]
    operations: tuple[str, ...]
    has_scope: bool
    has_unmeasured: bool

    def limits(self, metric: str) -> tuple[Decimal, Decimal]:
        """Return totals that no subnet is below and none is above, for the ends of a slider."""

    def describe(self, block: str, candidate: int) -> str:
        """Return a candidate as text, such as ``k3e6 k5e3 w4a8``."""

    def answer(self, state: PageState, page: str) -> Outcome:
        """Return the answer of a page, whose session is ``page``; raises InputError if the state cannot be used."""

    def front(self, state: PageState, others: Sequence[str]) -> Frontier:
        """Return the front of the objective and the metrics ``others`` without budgets, for a figure.

        Raises:
            InputError: there is none, or it is too large.
        """

    def command(self, state: PageState) -> str:
        """Return the shell command that gives the same answer."""

    def python(self, state: PageState) -> str:
        """Return the lines of Python that give the same answer."""
