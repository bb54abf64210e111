"""The parts of the page that show an answer. They are made of components of dash, which escapes every text."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from dash import html

from qabwnas.explore.outcome import Explored, Outcome
from qabwnas.explore.quantities import exact_total, shown_total
from qabwnas.lut.table import Metric
from qabwnas.search import Answer, BudgetEffect
from qabwnas.search.presentation import shown_total as without_noise

MILLISECONDS = 1e3


def status_line(outcome: Outcome) -> list[Any]:
    """Return the status in words: proved, not proved, or infeasible."""
    result = outcome.result
    took = f"{result.seconds * MILLISECONDS:.1f} ms, {result.method}, {result.backend}"
    if result.status == "optimal":
        return [_badge("Proved optimal", "good"), html.Span(took, className="quiet")]
    if result.status == "infeasible":
        return [_badge("No subnet fits", "bad"), html.Span(took, className="quiet")]
    gap = f"gap {result.gap:f}" if result.gap is not None else f"bound {result.bound:f}"
    return [_badge("Not proved: the time limit was reached", "bad"), html.Span(f"{gap} · {took}", className="quiet")]


def error_line(message: str) -> list[Any]:
    return [_badge("Cannot be answered", "bad"), html.Span(message, className="message")]


def _badge(text: str, kind: str) -> Any:
    return html.Span(text, className=f"badge {kind}")


def totals_cards(explored: Explored, answer: Answer, outcome: Outcome) -> list[Any]:
    """Return one card per total, the objective first."""
    metrics = {metric.name: metric for metric in explored.metrics}
    minimized = outcome.result.minimized
    totals = {minimized: answer.objective} | answer.totals
    return [
        _card(metrics.get(name, Metric(name)), total, outcome.budgets.get(name), name == minimized)
        for name, total in totals.items()
    ]


def _card(metric: Metric, total: Decimal, budget: Decimal | None, is_objective: bool) -> Any:
    share = float(total / budget) if budget is not None and budget > 0 and total >= 0 else None
    used = [] if share is None else [html.Div(html.Div(style={"width": f"{100 * share:.1f}%"}), className="used")]
    note: list[Any] = [html.Span(exact_total(metric, total))]
    if share is not None:
        note.append(html.Span(f"{share:.1%} of budget"))
    return html.Div(
        [
            html.Div(metric.name, className="card-name"),
            html.Div(shown_total(metric, total), className="card-total"),
            *used,
            html.Div(note, className="card-note", **{"data-total": f"{total:f}", "data-metric": metric.name}),
        ],
        className="card objective" if is_objective else "card",
    )


def infeasible_panel(explored: Explored, outcome: Outcome) -> list[Any]:
    """Return what the budgets would have to be, each with a button that sets it."""
    rows: list[Any] = []
    several = " under the other budgets" if len(outcome.budgets) > 1 else ""
    for word, side, found in (
        ("smallest", "high", outcome.result.smallest),
        ("largest", "low", outcome.result.largest),
    ):
        for name, total in found.items():
            metric = _metric(explored, name)
            if total is None:
                excluded = f"The other budgets exclude every subnet, for any {name}."
                rows.append(html.Div(excluded, className="effect"))
                continue
            text = [f"The {word} {name}{several} is ", html.B(exact_total(metric, total)), "."]
            rows.append(_effect_row(text, _take(explored, name, side, total)))
    return rows or [html.Div("No budget alone explains it: loosen one of them.", className="effect")]


def effects_panel(explored: Explored, outcome: Outcome) -> list[Any]:
    """Return one row per budget: whether it binds, and what the next better point costs."""
    if outcome.remark:
        return [html.Div(outcome.remark, className="effect")]
    if not outcome.budgets:
        return [html.Div("There is no budget yet. Move a slider to set one.", className="effect quiet")]
    if outcome.explanation is None:
        return []
    better = "lowers" if outcome.result.sense == "minimize" else "raises"
    rows = [_effect(explored, effect, outcome.explanation.minimized, better) for effect in outcome.explanation.effects]
    return rows or [html.Div("No effect was proved within the time limit.", className="effect quiet")]


def _effect(explored: Explored, effect: BudgetEffect, minimized: str, better: str) -> Any:
    metric = _metric(explored, effect.metric)
    head = html.Div(
        [html.B(effect.metric), f" {effect.sense} {exact_total(metric, effect.budget)}"], className="effect-head"
    )
    if effect.next_budget is None:
        unused = f"Does not bind: {exact_total(metric, abs(effect.slack))} unused."
        return html.Div([head, html.Div(unused, className="quiet")], className="effect")
    assert effect.growth is not None
    assert effect.next_objective is not None
    assert effect.gain is not None
    objective = _metric(explored, minimized)
    text = [
        "Binds. The next better point needs ",
        html.B(exact_total(metric, effect.next_budget)),
        f" ({effect.growth:+,f}) and {better} {minimized} to ",
        html.B(without_noise(effect.next_objective)),
        f" (by {shown_total(objective, effect.gain)}).",
    ]
    side = "high" if effect.sense == "at most" else "low"
    row = _effect_row(text, _take(explored, effect.metric, side, effect.next_budget))
    return html.Div([head, *row.children], className="effect")


def _effect_row(text: list[Any], button: Any) -> Any:
    return html.Div([html.Div(text), button], className="effect")


def _take(explored: Explored, name: str, side: str, total: Decimal) -> Any:
    """Return the button that sets a bound; its text lies in its identifier, where the page finds it."""
    names = [metric.name for metric in explored.metrics]
    if name not in names:  # a sum of metrics has no field
        return html.Span()
    return html.Button(
        "Use it",
        id={"type": "take", "index": names.index(name), "side": side, "text": f"{total:f}"},
        className="small",
        title=f"Set this bound on {name}",
    )


def _metric(explored: Explored, name: str) -> Metric:
    return next((metric for metric in explored.metrics if metric.name == name), Metric(name))


def alternatives(explored: Explored, outcome: Outcome) -> list[dict[str, Any]]:
    """Return one option per answer, with its totals, for the list in which the user picks one."""
    metrics = {metric.name: metric for metric in explored.metrics}
    options = []
    for rank, answer in enumerate(outcome.result.answers, start=1):
        totals = {outcome.result.minimized: answer.objective, **answer.totals}
        cells = [html.Span(f"#{rank}", className="rank")]
        cells += [
            html.Span([html.Span(f"{name} ", className="quiet"), shown_total(metrics.get(name, Metric(name)), total)])
            for name, total in totals.items()
        ]
        options.append({"label": html.Span(cells, className="alternative"), "value": rank})
    return options


def overlay(outcome: Outcome, answer: Answer | None) -> dict[str, Any]:
    """Return what the figure shows of an answer: its totals and the budgets, as numbers for drawing."""
    totals: Mapping[str, Decimal] = {}
    if answer is not None:
        sign = -1 if outcome.result.sense == "maximize" else 1
        totals = {outcome.result.minimized: sign * answer.objective, **answer.totals}
        totals |= {f"-{name}": -total for name, total in answer.totals.items()}
    high = {name: float(bound) for name, bound in outcome.budgets.items() if not name.endswith(">=")}
    low = {name.removesuffix(">="): float(bound) for name, bound in outcome.budgets.items() if name.endswith(">=")}
    return {"totals": {name: float(total) for name, total in totals.items()}, "high": high, "low": low}
