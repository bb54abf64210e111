"""The page: controls at the left, the answer at the right. Texts from the file are only ever content of components."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dash import dcc, html

from qabwnas.explore.outcome import Explored
from qabwnas.explore.quantities import SliderScale, unit_text
from qabwnas.explore.state import MAX_TOP, MAXIMIZE, MINIMIZE
from qabwnas.lut.table import Metric
from qabwnas.search.arguments import default_objective

HEIGHT, HEIGHT_3D = "272px", "460px"
"""The height of the figure."""

_OBJECTIVES = ("loss", "nsr")


def page(explored: Explored) -> Any:
    """Return the layout of one page, with an identifier of its own for its session."""
    return html.Div(
        [
            dcc.Store(id="page", data=secrets.token_hex(16)),
            dcc.Store(id="set"),
            dcc.Store(id="clicked"),
            dcc.Store(id="overlay"),
            dcc.Store(id="front"),
            dcc.Download(id="download"),
            _head(explored),
            html.Main([_controls(explored), _answer(explored)]),
        ],
        className="page" if explored.has_scope else "page of-front",
    )


def first_objective(explored: Explored) -> str:
    """Return the objective of a new page: the front's; or ``loss`` or ``nsr`` of a LUT, or else its first metric."""
    names = [metric.name for metric in explored.metrics]
    if not explored.has_scope or not set(names) & set(_OBJECTIVES):
        return names[0]
    return default_objective(names)


def _head(explored: Explored) -> Any:
    return html.Header(
        [
            html.Span("qabwnas", className="brand"),
            html.H1(Path(explored.run or explored.path).name, title=explored.path),
            html.Span(explored.facts, className="quiet"),
        ]
    )


def _controls(explored: Explored) -> Any:
    names = [metric.name for metric in explored.metrics]
    budgets = [_budget(explored, index, metric) for index, metric in enumerate(explored.metrics)]
    devices = [name for name in names if "[" in name]
    senses = [MINIMIZE, MAXIMIZE] if explored.maximizable else [MINIMIZE]
    return html.Section(
        [
            _group(
                "Objective",
                html.Div(
                    [
                        dcc.RadioItems(senses, MINIMIZE, id="sense", inline=True, className="choices"),
                        _labelled(
                            "Objective", dcc.Dropdown(names, first_objective(explored), id="objective", clearable=False)
                        ),
                    ],
                    className="objective-row",
                ),
            ),
            _group(
                "Budgets",
                html.Div(
                    _labelled("Devices", dcc.Dropdown(devices, devices[:1], id="devices", multi=True), shown=True),
                    hidden=len(devices) < 2,
                    className="devices",
                ),
                html.Div(budgets),
                button=html.Button("Reset", id="reset", className="small"),
            ),
            html.Div(_scope_controls(explored), hidden=not explored.has_scope),
        ],
        className="controls",
        **{"aria-label": "Request"},
    )


def _budget(explored: Explored, index: int, metric: Metric) -> Any:
    scale = SliderScale.of(metric, *explored.limits(metric.name))
    last = max(scale.n, 1)
    unit = unit_text(metric)
    example, kind = scale.texts[scale.n // 2], "sum" if metric.aggregation == "sum" else "maximum"
    fields = [
        html.Label(
            [
                html.Span("at least"),
                dcc.Input(
                    id={"type": "low", "index": index}, type="text", value="", debounce=0.3, placeholder="no bound"
                ),
            ],
            className="low-field",
        ),
        html.Label(
            [
                html.Span("at most"),
                dcc.Input(
                    id={"type": "high", "index": index}, type="text", value="", debounce=0.3, placeholder="no bound"
                ),
            ]
        ),
    ]
    return html.Div(
        [
            dcc.Store(
                id={"type": "scale", "index": index}, data={**scale.as_json(index), "hasLower": explored.has_scope}
            ),
            html.Div(
                [html.Span(metric.name, className="budget-name"), html.Span(unit, className="quiet")],
                className="budget-head",
                title=f"{metric.name}, a {kind} over blocks; for example {example}",
            ),
            dcc.RangeSlider(
                min=0,
                max=last,
                step=1,
                value=[0, last],
                marks=None,
                id={"type": "range", "index": index},
                updatemode="drag",
                allowCross=False,
                allow_direct_input=False,
                disabled=scale.n == 0,
            ),
            html.Div(fields, className="budget-fields"),
        ],
        id={"type": "budget", "index": index},
        className="budget",
    )


def _scope_controls(explored: Explored) -> list[Any]:
    weights = [
        html.Label(
            [
                html.Span(block, title=block),
                dcc.Input(id={"type": "weight", "index": b}, type="text", value="", placeholder="1", debounce=0.3),
            ]
        )
        for b, block in enumerate(explored.block_names)
    ]
    per_block = [f"{block}={widths}" for block in explored.block_names for widths in explored.widths]
    no_widths = not explored.widths
    return [
        html.Div(
            _group(
                "Bits",
                dcc.Checklist(list(explored.widths), [], id="bits", inline=True, className="choices"),
                dcc.Checklist([{"label": "the same in all blocks", "value": "homogeneous"}], [], id="homogeneous"),
                _labelled(
                    "In single blocks",
                    dcc.Dropdown(per_block, [], id="block-bits", multi=True, placeholder="any"),
                    shown=True,
                ),
            ),
            hidden=no_widths,
        ),
        _folded(
            "Operations",
            _labelled("Use only", _operations(explored.operations, "pin"), shown=True),
            _labelled("Do not use", _operations(explored.operations, "forbid"), shown=True),
            html.P(
                "k3e6: everywhere; block1=k3e6: in one block; block1/0=k3e6: in one layer; block1=#17: one candidate.",
                className="quiet",
            ),
        ),
        _folded(
            "Alternatives",
            html.Div(
                [
                    html.Label(
                        ["number of answers", dcc.Input(id="top", type="number", min=1, max=MAX_TOP, step=1, value=1)]
                    ),
                    html.Label(
                        [
                            "blocks in which they differ, at least",
                            dcc.Input(id="distance", type="number", min=1, step=1, value=1),
                        ]
                    ),
                ],
                className="numbers",
            ),
        ),
        _folded("Weights of blocks", html.Div(weights, className="weights")),
        html.Div(
            dcc.Checklist([{"label": "leave out candidates that were not measured", "value": "skip"}], [], id="skip"),
            hidden=not explored.has_unmeasured,
            className="group",
        ),
    ]


def _operations(known: Sequence[str], name: str) -> Any:
    """Return a list to choose from that also takes what the user types: the page adds it to the options."""
    return dcc.Dropdown(list(known), [], id=name, multi=True, placeholder="choose or type")


def _front(explored: Explored) -> Any:
    names = [metric.name for metric in explored.metrics]
    objective = first_objective(explored)
    others = [name for name in names if name != objective]
    horizontal = dcc.Dropdown(names, others[0] if others else names[0], id="axis", clearable=False)
    third = dcc.Dropdown(names, None, id="third", placeholder="2-D", clearable=True)
    return html.Div(
        [
            html.Div(
                [
                    html.H2(["Front ", html.Span(id="front-size", className="quiet")]),
                    _labelled("Horizontal axis", horizontal),
                    _labelled("Third axis", third),
                ],
                className="panel-head",
            ),
            dcc.Graph(
                id="figure",
                config={"displaylogo": False, "responsive": True, "displayModeBar": False},
                style={"height": HEIGHT},
            ),
            html.Div(id="front-note", className="quiet"),
        ],
        className="panel",
    )


def _answer(explored: Explored) -> Any:
    retrain = f"qabwnas retrain {explored.run or 'RUN'} --answer answer.json"
    return html.Section(
        [
            html.Div(
                [
                    html.Div(id="status", className="status", **{"aria-live": "polite"}),
                    html.Div(id="totals", className="cards"),
                ],
                className="panel top",
            ),
            html.Div(
                [
                    _front(explored),
                    html.Div([html.H2("What binds"), html.Div(id="effects")], className="panel effects"),
                ],
                className="columns",
            ),
            html.Div(
                [html.H2("Alternatives"), dcc.RadioItems([], 1, id="rank")],
                className="panel",
                id="alternatives",
                hidden=True,
            ),
            html.Div(
                [
                    html.Div([html.H2("Network"), _legend()], className="panel-head"),
                    html.Div(id="network", className="network", role="list"),
                ],
                className="panel",
            ),
            html.Div(
                [
                    _copy("command", "Command", "Copy as command"),
                    _copy("python", "Python", "Copy as Python"),
                ],
                className="columns even",
            ),
            html.Div(
                [
                    html.Button("Download answer.json", id="save", className="primary"),
                    html.Span(["then ", html.Code(retrain)], className="quiet"),
                ],
                className="panel download",
            ),
        ],
        className="answer",
        **{"aria-label": "Answer"},
    )


def _legend() -> Any:
    kernels = [html.Span(f"{kernel}×{kernel}", className=f"key kernel-{kernel}") for kernel in (3, 5, 7)]
    return html.Div(
        [html.Span("kernel"), *kernels, html.Span("width of a bar: expansion"), html.Span("badge: bits")],
        className="legend quiet",
    )


def _copy(name: str, title: str, button: str) -> Any:
    return html.Div(
        [
            html.Div(
                [html.H2(title), html.Button(button, id=f"copy-{name}", className="small")], className="panel-head"
            ),
            html.Pre(id=name, tabIndex=0),
        ],
        className="panel",
    )


def _group(title: str, *children: Any, button: Any = None) -> Any:
    head = html.Div([html.H2(title), *([] if button is None else [button])], className="panel-head")
    return html.Div([head, *children], className="group")


def _folded(title: str, *children: Any) -> Any:
    return html.Details([html.Summary(title), *children], className="group")


def _labelled(text: str, control: Any, shown: bool = False) -> Any:
    """Return a control with a name for screen readers, which others see only if ``shown``."""
    return html.Div(
        [html.Span(text, className="label" if shown else "unseen"), control],
        className="labelled",
        role="group",
        **{"aria-label": text},
    )
