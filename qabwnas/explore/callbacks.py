"""What happens when a user changes something: the page's values become a state, and the answer becomes components."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dash import ALL, MATCH, ClientsideFunction, Dash, Input, Output, State, ctx, dcc, no_update

from qabwnas.errors import QabwnasError
from qabwnas.explore import panels
from qabwnas.explore.layout import HEIGHT, HEIGHT_3D
from qabwnas.explore.network import draw_network
from qabwnas.explore.outcome import Explored, Outcome
from qabwnas.explore.state import HOMOGENEOUS, MAX_TOP, MINIMIZE, PageState, Range, whole
from qabwnas.visualization import plot_pareto_front
from qabwnas.visualization.pareto_front import MAX_POINTS

AnswerText = Callable[[Outcome], str]
"""Writes an answer as ``qabwnas search --json`` does."""

MAX_LINES, FEWEST_POINTS = 200_000, 1_000
"""Limits of the points of a figure."""

_REQUEST = {
    "objective": Input("objective", "value"),
    "sense": Input("sense", "value"),
    "lows": Input({"type": "low", "index": ALL}, "value"),
    "highs": Input({"type": "high", "index": ALL}, "value"),
    "top": Input("top", "value"),
    "distance": Input("distance", "value"),
    "bits": Input("bits", "value"),
    "homogeneous": Input("homogeneous", "value"),
    "block_bits": Input("block-bits", "value"),
    "pin": Input("pin", "value"),
    "forbid": Input("forbid", "value"),
    "weights": Input({"type": "weight", "index": ALL}, "value"),
    "skip": Input("skip", "value"),
}
_BUDGETS_AND_RANKS = ("lows", "highs", "top", "distance")


def state_of(explored: Explored, values: Mapping[str, Any]) -> PageState:
    """Return the state that the values of the components stand for; missing ones are as on a new page.

    Raises:
        InputError: a number is not a whole number in its range.
    """
    lows, highs = values.get("lows") or (), values.get("highs") or ()
    texts = zip(explored.metrics, lows, highs, strict=False)
    homogeneous = (HOMOGENEOUS,) if values.get("homogeneous") else ()
    return PageState(
        objective=values["objective"],
        sense=values.get("sense") or MINIMIZE,
        ranges={metric.name: Range(low or "", high or "") for metric, low, high in texts},
        top=whole("answers", values.get("top"), MAX_TOP),
        min_distance=whole("distance", values.get("distance"), len(explored.block_names)),
        bits=(*_joined(values.get("bits")), *(values.get("block_bits") or ()), *homogeneous),
        pin=tuple(values.get("pin") or ()),
        forbid=tuple(values.get("forbid") or ()),
        weights=dict(zip(explored.block_names, [text or "" for text in values.get("weights") or ()], strict=False)),
        skip_unmeasured=bool(values.get("skip")),
    )


def _joined(bits: list[str] | None) -> tuple[str, ...]:
    return (",".join(bits),) if bits else ()


def register(app: Dash, explored: Explored, answer_text: AnswerText) -> None:
    """Register all callbacks of the page."""
    _register_answer(app, explored)
    _register_front(app, explored)
    _register_download(app, explored, answer_text)
    _register_browser(app)


def _register_answer(app: Dash, explored: Explored) -> None:
    outputs = {
        "status": Output("status", "children"),
        "totals": Output("totals", "children"),
        "effects": Output("effects", "children"),
        "network": Output("network", "children"),
        "options": Output("rank", "options"),
        "rank": Output("rank", "value"),
        "no_alternatives": Output("alternatives", "hidden"),
        "command": Output("command", "children"),
        "python": Output("python", "children"),
        "overlay": Output("overlay", "data"),
    }

    @app.callback(
        output=outputs,
        inputs={
            "values": _REQUEST,
            "rank": Input("rank", "value"),
            "is_single": State("alternatives", "hidden"),
            "page": State("page", "data"),
        },
    )
    def answer(values: dict[str, Any], rank: int | None, is_single: bool, page: str) -> dict[str, Any]:
        chosen = rank if ctx.triggered_id == "rank" and rank is not None else 1
        try:
            state = state_of(explored, values)
            shown = shown_outcome(explored, state, explored.answer(state, page), chosen)
        except QabwnasError as error:
            shown = _nothing(panels.error_line(" ".join(str(error).split())))
        if is_single and shown["no_alternatives"]:  # each output that changes costs the browser time
            shown |= {"options": no_update, "rank": no_update, "no_alternatives": no_update}
        return shown


def shown_outcome(explored: Explored, state: PageState, outcome: Outcome, rank: int) -> dict[str, Any]:
    """Return what the page shows of an outcome; ``rank`` is the answer that the user picked, from 1."""
    answers = outcome.result.answers
    reproducible = {"command": explored.command(state), "python": explored.python(state)}
    if not answers:
        shown = _nothing(panels.status_line(outcome)) | reproducible
        return shown | {"effects": panels.infeasible_panel(explored, outcome), "overlay": panels.overlay(outcome, None)}
    rank = min(max(rank, 1), len(answers))
    answer = answers[rank - 1]
    return {
        "status": panels.status_line(outcome),
        "totals": panels.totals_cards(explored, answer, outcome),
        "effects": panels.effects_panel(explored, outcome),
        "network": draw_network(explored, answer.choice),
        "options": panels.alternatives(explored, outcome),
        "rank": rank,
        "no_alternatives": len(answers) == 1,
        "overlay": panels.overlay(outcome, answer),
        **reproducible,
    }


def _nothing(status: list[Any]) -> dict[str, Any]:
    empty: dict[str, Any] = {name: [] for name in ("totals", "effects", "network", "options", "command", "python")}
    return empty | {"status": status, "rank": 1, "no_alternatives": True, "overlay": None}


def _register_front(app: Dash, explored: Explored) -> None:
    request = {name: value for name, value in _REQUEST.items() if name not in _BUDGETS_AND_RANKS}
    axes = {"axis": Input("axis", "value"), "third": Input("third", "value")}

    @app.callback(
        output={
            "front": Output("front", "data"),
            "size": Output("front-size", "children"),
            "note": Output("front-note", "children"),
            "style": Output("figure", "style"),
        },
        inputs={"values": request, **axes},
    )
    def front(values: dict[str, Any], axis: str, third: str | None) -> dict[str, Any]:
        try:
            return drawn_front(explored, state_of(explored, values), axis, third)
        except QabwnasError as error:
            return _no_front(f"No front to draw: {' '.join(str(error).split())}")

    @app.callback(
        Output("set", "data", allow_duplicate=True),
        inputs={
            "click": Input("clicked", "data"),
            "values": {name: State(value.component_id, "value") for name, value in _REQUEST.items()},
            "axis": State("axis", "value"),
            "third": State("third", "value"),
        },
        prevent_initial_call=True,
    )
    def select(click: Any, values: dict[str, Any], axis: str, third: str | None) -> Any:
        point = str(click["points"][0].get("customdata")) if click else ""
        if not point.isdecimal():  # the answer itself, or another mark
            return no_update
        state = state_of(explored, values)
        others = _other_axes(state, axis, third)
        totals = explored.front(state, others).totals(int(point))
        bounds = {name: f"{totals[name]:f}" for name in others}
        return [["", bounds.get(metric.name, "")] for metric in explored.metrics]


def drawn_front(explored: Explored, state: PageState, axis: str, third: str | None) -> dict[str, Any]:
    """Return what the page shows of a front.

    ``front`` is its figure; ``size`` and ``note`` are texts, and ``style`` is that of the figure's component.
    """
    others = _other_axes(state, axis, third)
    if not others:
        return _no_front("Choose an axis other than the objective to see the front.")
    front = explored.front(state, others)
    metrics = [front.metric_names[0], *others]
    drawn = plot_pareto_front(front, metrics=metrics, max_points=_max_points(len(explored.block_names)))
    for trace in drawn.data:  # dash finds what a click is on in lists only; plotly encodes arrays of numbers
        if trace.customdata is not None:
            trace.customdata = list(map(str, trace.customdata))
    note = "Click a point to set its totals as budgets."
    if front.region.epsilon > 0:
        note += f" The exact front is too large to draw: this one is thinned, ε = {front.region.epsilon:f}."
    height = HEIGHT if len(metrics) == 2 else HEIGHT_3D
    return {"front": drawn, "size": f"{len(front):,} points", "note": note, "style": {"height": height}}


def _no_front(note: str) -> dict[str, Any]:
    return {"front": None, "size": "", "note": note, "style": {"height": HEIGHT}}


def _max_points(n_blocks: int) -> int:
    """Return how many points a figure may have, so that their texts, one line per block, stay quick to send."""
    return min(max(MAX_LINES // n_blocks, FEWEST_POINTS), MAX_POINTS)


def _other_axes(state: PageState, axis: str, third: str | None) -> list[str]:
    """Return the metrics of the figure besides the objective."""
    return [name for name in dict.fromkeys((axis, third)) if name is not None and name != state.objective]


def _register_download(app: Dash, explored: Explored, answer_text: AnswerText) -> None:
    @app.callback(
        Output("download", "data"),
        inputs={
            "n_clicks": Input("save", "n_clicks"),
            "values": {name: State(value.component_id, "value") for name, value in _REQUEST.items()},
            "page": State("page", "data"),
        },
        prevent_initial_call=True,
    )
    def download(n_clicks: int, values: dict[str, Any], page: str) -> Any:  # noqa: ARG001 - the click itself
        try:
            outcome = explored.answer(state_of(explored, values), page)
        except QabwnasError:  # the page already says why there is no answer
            return no_update
        return dcc.send_string(answer_text(outcome) + "\n", "answer.json", type="application/json")


def _register_browser(app: Dash) -> None:
    """Register what the browser does without the server: ``assets/explore.js``."""
    ranges = ({"type": kind, "index": MATCH} for kind in ("range", "low", "high"))
    parts = [(each, "value") for each in ranges]
    app.clientside_callback(
        ClientsideFunction("qabwnas", "range"),
        [Output(*part) for part in parts],
        [Input(*part) for part in parts],
        Input("set", "data"),
        State({"type": "scale", "index": MATCH}, "data"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("qabwnas", "take"),
        Output("set", "data", allow_duplicate=True),
        Input({"type": "take", "index": ALL, "side": ALL, "text": ALL}, "n_clicks"),
        State({"type": "low", "index": ALL}, "value"),
        State({"type": "high", "index": ALL}, "value"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("qabwnas", "reset"),
        Output("set", "data", allow_duplicate=True),
        Input("reset", "n_clicks"),
        State({"type": "low", "index": ALL}, "value"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("qabwnas", "draw"),
        Output("figure", "figure"),
        Input("front", "data"),
        Input("overlay", "data"),
    )
    app.clientside_callback(
        ClientsideFunction("qabwnas", "clicked"),
        Output("clicked", "data"),
        Input("figure", "clickData"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("qabwnas", "drawn"),
        Input("figure", "figure"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("qabwnas", "devices"),
        Output({"type": "budget", "index": ALL}, "hidden"),
        Input("devices", "value"),
        State("devices", "options"),
        State("objective", "options"),
    )
    for name in ("pin", "forbid"):
        app.clientside_callback(
            ClientsideFunction("qabwnas", "typed"),
            Output(name, "options"),
            Input(name, "search_value"),
            State(name, "value"),
            State(name, "options"),
            prevent_initial_call=True,
        )
    for name in ("command", "python"):
        app.clientside_callback(
            ClientsideFunction("qabwnas", "copy"),
            Input(f"copy-{name}", "n_clicks"),
            State(name, "children"),
            State(f"copy-{name}", "children"),
            State(f"copy-{name}", "id"),
            prevent_initial_call=True,
        )
