"""The result of a search as JSON, with exact decimals: of ``search --json``, ``session`` and the explorer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qabwnas.cli.margins import Margin
    from qabwnas.search import Answer, SearchResult
    from qabwnas.search.arguments import Budget
    from qabwnas.search.explain import BudgetEffect, Explanation


def result_content(
    result: SearchResult,
    budgets: Mapping[str, Budget],
    explanation: Explanation | None,
    margins: tuple[Margin, ...],
) -> dict[str, object]:
    """Return what ``search --json`` and ``session`` write, with exact decimals."""
    content: dict[str, object] = {
        "status": result.status,
        "minimized": result.minimized,
        "method": result.method,
        "backend": result.backend,
        "seconds": result.seconds,
        "bound": result.bound,
        "gap": result.gap,
        "answers": [answer_content(answer) for answer in result.answers],
    }
    if result.sense == "maximize":
        content["sense"] = result.sense
    if result.status == "infeasible":
        content["smallest"] = result.smallest
        if result.largest:
            content["largest"] = result.largest
    if margins:
        content["margins"] = {margin.metric: margin.as_json() for margin in margins}
    effects = () if explanation is None else explanation.effects
    if budgets:
        content["budgets"] = {
            key: _budget_as_json(bound, effects_of(key, bound, effects)) for key, bound in budgets.items()
        }
    return content


def answer_content(answer: Answer) -> dict[str, object]:
    """Return one subnet as ``search --json`` and ``session`` write it."""
    return {"objective": answer.objective, "totals": answer.totals, "choice": answer.choice}


def effects_of(key: str, bound: Budget, effects: Iterable[BudgetEffect]) -> list[BudgetEffect]:
    """Return the effects of a budget: of a range or an equality, one for each of its bounds."""
    from qabwnas.search.constraints.budgets import split_operator

    subject, operator = split_operator(key)
    is_range = isinstance(bound, tuple) or (isinstance(bound, str) and ":" in bound)
    senses = {"<=": ["at most"], ">=": ["at least"], "==": ["at most", "at least"]}[operator]
    senses = ["at most", "at least"] if is_range else senses
    name = "+".join(part.strip() for part in subject.split("+"))
    return [effect for effect in effects if effect.metric in (subject, name) and effect.sense in senses]


def _budget_as_json(bound: Budget, effects: list[BudgetEffect]) -> dict[str, object]:
    if len(effects) == 1:
        return _effect_as_json(effects[0])
    return {"budget": bound} | {effect.sense: _effect_as_json(effect) for effect in effects}


def _effect_as_json(effect: BudgetEffect) -> dict[str, object]:
    hidden = {"metric", "sense"} if effect.sense == "at most" else {"metric"}
    return {"binds": effect.binds} | {name: value for name, value in vars(effect).items() if name not in hidden}
