"""A look-up table on the page: every answer is that of :func:`qabwnas.search` to the same request."""

from __future__ import annotations

import shlex
from collections import OrderedDict
from collections.abc import Sequence
from decimal import Decimal
from threading import Lock
from typing import Any

import numpy as np

from qabwnas.errors import FrontLimitError, InputError
from qabwnas.explore.outcome import Outcome
from qabwnas.explore.sessions import PageSessions
from qabwnas.explore.state import PageState
from qabwnas.io.fingerprint import canonical_json
from qabwnas.lut.lut import Lut, Metric
from qabwnas.search import Frontier

SEARCH_SECONDS = 5
"""After this time a search stops with the best answers so far, and the page says that they are not proved."""
EXPLAIN_SECONDS = 2

FRONT_BYTES = 256 << 20
EPSILONS = ("0", "0.01")
"""The front of the figure is exact if it fits :data:`FRONT_BYTES`, or else thinned by this ε."""
MAX_FRONTS = 16

MAX_SUGGESTIONS = 2_000


class ExploredLut:
    """A LUT; :class:`.Explored` documents the attributes. Threads may share it."""

    def __init__(self, lut: Lut, path: str, run: str = "") -> None:
        self.lut, self.path, self.run = lut, path, run
        self.metrics, self.block_names = lut.metrics, lut.block_names
        n_candidates = sum(block.n_candidates for block in lut.blocks)
        self.facts = (
            f"{_count(len(lut.blocks), 'block')} · {n_candidates:,} candidates · {_size(lut.n_subnets)} subnets"
        )
        self.maximizable = frozenset(metric.name for metric in lut.metrics if metric.aggregation == "sum")
        self.widths = _widths(lut)
        self.operations = _operations(lut)
        self.has_scope = True
        self.has_unmeasured = any(table.measured for block in lut.blocks for table in block.tables)
        self._sessions = PageSessions(lut)
        self._fronts: OrderedDict[str, Frontier] = OrderedDict()
        self._fronts_lock = Lock()
        self._limits = {metric.name: _limits(lut, metric) for metric in lut.metrics}

    def limits(self, metric: str) -> tuple[Decimal, Decimal]:
        return self._limits[metric]

    def describe(self, block: str, candidate: int) -> str:
        return self.lut.describe(block, candidate)

    def answer(self, state: PageState, page: str) -> Outcome:
        budgets = state.budgets()
        options: dict[str, Any] = {state.sense: state.objective, "budgets": budgets, "scope": state.scope()}
        with self._sessions.of(page) as session:
            result = session.search(
                **options, top=state.top, min_distance=state.min_distance, time_limit=SEARCH_SECONDS
            )
            explanation, remark = None, ""
            if result.status == "optimal" and budgets:
                try:
                    explanation = session.explain(**options, time_limit=EXPLAIN_SECONDS)
                except InputError as error:  # a lower bound on a maximum has no next budget
                    remark = str(error)
        return Outcome(result, budgets, explanation, remark)

    def front(self, state: PageState, others: Sequence[str]) -> Frontier:
        columns, scope = [state.objective_column, *others], state.scope()
        key = canonical_json([columns, {} if scope is None else scope.as_json()])
        with self._fronts_lock:
            if key not in self._fronts:
                self._fronts[key] = self._built(columns, state)
            self._fronts.move_to_end(key)
            while len(self._fronts) > MAX_FRONTS:
                self._fronts.popitem(last=False)
            return self._fronts[key]

    def _built(self, columns: Sequence[str], state: PageState) -> Frontier:
        for epsilon in EPSILONS[:-1]:
            try:
                return Frontier.build(self.lut, columns, scope=state.scope(), epsilon=epsilon, max_memory=FRONT_BYTES)
            except FrontLimitError:  # then a thinned one
                continue
        return Frontier.build(self.lut, columns, scope=state.scope(), epsilon=EPSILONS[-1], max_memory=FRONT_BYTES)

    def command(self, state: PageState) -> str:
        words = ["qabwnas", "search", self.path, f"--{state.sense}", state.objective]
        for key, text in state.budget_texts().items():
            words += ["--budget", f"{key}{text}" if key.endswith("=") else f"{key}={text}"]
        for option, texts in (("--bits", state.bits), ("--pin", state.pin), ("--forbid", state.forbid)):
            for text in texts:
                words += [option, text]
        for block, weight in state.block_weights().items():
            words += ["--weight", f"{block}={weight}"]
        if state.skip_unmeasured:
            words.append("--skip-unmeasured")
        if state.top > 1:
            words += ["--top", str(state.top)]
        if state.min_distance > 1:
            words += ["--min-distance", str(state.min_distance)]
        return shlex.join(words)

    def python(self, state: PageState) -> str:
        lines = ["import qabwnas", "", "result = qabwnas.search(", f"    {self.path!r},"]
        lines.append(f"    {state.sense}={state.objective!r},")
        if budgets := state.budget_texts():
            lines.append(f"    budgets={budgets!r},")
        scope: dict[str, Any] = {"weights": state.block_weights(), "bits": [*state.bits], "pin": [*state.pin]}
        scope |= {"forbid": [*state.forbid], "skip_unmeasured": state.skip_unmeasured}
        if given := ", ".join(f"{name}={value!r}" for name, value in scope.items() if value):
            lines.append(f"    scope=qabwnas.Scope({given}),")
        numbers = {"top": state.top, "min_distance": state.min_distance}
        lines += [f"    {name}={number}," for name, number in numbers.items() if number > 1]
        return "\n".join([*lines, ")", "print(result.status)", "for answer in result:", _PRINT])


_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_PRINT = "    print(answer.totals, answer.choice)"


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"


def _size(n_subnets: int) -> str:
    """Return a number of subnets, which may be far beyond doubles."""
    digits = len(str(n_subnets)) - 1
    if digits < 6:
        return f"{n_subnets:,}"
    return f"{str(n_subnets)[0]}.{str(n_subnets)[1]} × 10{str(digits).translate(_SUPERSCRIPTS)}"


def _widths(lut: Lut) -> tuple[str, ...]:
    names: dict[str, None] = {}
    for block in lut.blocks:
        for table in block.tables:
            if table.widths is not None:
                names[table.widths.name] = None
            elif table.rows is not None:
                names |= dict.fromkeys(widths.name for widths in table.rows.choices.bit_widths)
    return tuple(names)


def _operations(lut: Lut) -> tuple[str, ...]:
    """Return operations everywhere, then those of every block, then those of every layer, as far as there is room."""
    if lut.space is None:
        return ()
    everywhere: dict[str, None] = {}
    of_blocks, of_layers = [], []
    for block in lut.space.blocks:
        names = [operation.name for operation in block.operations]
        everywhere |= dict.fromkeys(names)
        of_blocks += [f"{block.name}={name}" for name in names]
        of_layers += [
            f"{block.name}/{index}={operation.name}"
            for index, layer in enumerate(block.layers)
            for operation in layer.operations
        ]
    return (*everywhere, *of_blocks, *of_layers)[:MAX_SUGGESTIONS]


def _limits(lut: Lut, metric: Metric) -> tuple[Decimal, Decimal]:
    """Return the totals of the smallest and of the largest measured value of every block."""
    smallest, largest = [], []
    for block in lut.blocks:
        values, measured = block.column(metric.name), block.measured(metric.name)
        if measured is not None:
            values = values[measured]
        if len(values):
            smallest.append(Decimal(repr(np.min(values).item())))
            largest.append(Decimal(repr(np.max(values).item())))
    if metric.fixed is not None:
        smallest.append(Decimal(repr(metric.fixed)))
        largest.append(Decimal(repr(metric.fixed)))
    total = sum if metric.aggregation == "sum" else max
    return (Decimal(total(smallest)), Decimal(total(largest))) if smallest else (Decimal(0), Decimal(0))
