"""The page of one run, or of several runs side by side, as one HTML file."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

from plotly import graph_objects as go

from qabwnas.errors import InputError
from qabwnas.io.atomic import atomic_path
from qabwnas.report.result import BUDGET, CONTROL, TEACHER, Result
from qabwnas.report.table import difference_text, size_text
from qabwnas.visualization.candidates import plot_candidates
from qabwnas.visualization.choices import plot_choices
from qabwnas.visualization.nsr_heatmap import plot_nsr_heatmap
from qabwnas.visualization.page import sections
from qabwnas.visualization.page.content import RunContent
from qabwnas.visualization.page.embedded_front import embedded_front
from qabwnas.visualization.parallel_coordinates import plot_parallel_coordinates
from qabwnas.visualization.pareto_front import plot_fronts, plot_pareto_front
from qabwnas.visualization.save import PLOTLY_JS, TURNING_JS
from qabwnas.visualization.scores import plot_scores
from qabwnas.visualization.training import plot_training

PACKAGE, PARTS = "qabwnas.visualization.page", ("html", "css", "js")
NSR = "nsr"
MAX_POINTS = 20_000
"""Points in the figure of a front: more make turning it in 3-D slow."""


def write_report(runs: Sequence[RunContent], path: str | os.PathLike[str], *, lut_path: str = "lut.h5") -> None:
    """Write the page of finished runs: one file that opens without a server and without network.

    Args:
        runs: one run, or several to compare.
        path: of the page.
        lut_path: the LUT that the page's commands name.

    Raises:
        InputError: there is no run.
        OSError: the file cannot be written.
    """
    if not runs:
        raise InputError("runs: there is no run to report")
    content = report_page(runs, lut_path)
    with atomic_path(path) as temporary:
        temporary.write_text(content, encoding="utf-8")


def report_page(runs: Sequence[RunContent], lut_path: str = "lut.h5") -> str:
    """Return the page of :func:`write_report` as text."""
    figures: dict[str, Any] = {}
    names = ", ".join(content.name for content in runs)
    body = [f"<header><h1>{escape(names)}</h1>"]
    body += [f'<p class="summary">{escape(sections.summary(content))}</p>' for content in runs]
    body.append("</header><main>")
    if len(runs) > 1:
        body.append(_comparison(runs, figures))
    for number, content in enumerate(runs):
        if len(runs) > 1:
            body.append(f"<h2>{escape(content.name)}</h2>")
        body += _run(content, number, figures, lut_path)
    body.append("</main>")
    data = {"figures": figures, "fronts": [embedded_front(content.front, content.lut) for content in runs]}
    package = files(PACKAGE)
    page, style, script = (package.joinpath(f"page.{each}").read_text(encoding="utf-8") for each in PARTS)
    return Template(page).substitute(
        title=escape(names),
        style=style,
        body="\n".join(body),
        data=in_script(data),
        plotly=PLOTLY_JS.read_text(encoding="utf-8"),
        turning=TURNING_JS.read_text(encoding="utf-8"),
        script=script,
    )


def in_script(content: Any) -> str:
    """Return JSON for a script element: no text in it can end the element."""
    return json.dumps(content, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def _run(content: RunContent, number: int, figures: dict[str, Any], lut_path: str) -> Iterator[str]:
    """Give the sections of a run, and add its figures by their names."""

    def section(title: str, html: str) -> str:
        return f"<section><h2>{escape(title)}</h2>\n{html}\n</section>"

    def plot(name: str, figure: go.Figure, attributes: str = "") -> str:
        figures[f"{number}-{name}"] = json.loads(figure.to_json())
        return f'<figure><div class="plot" data-figure="{number}-{name}"{attributes}></div></figure>'

    yield section("Networks", sections.results_section(content.results))
    if len(content.front.metric_names) > 1:
        front = _front_figure(content)
        html = sections.explorer_section(content, number, lut_path) + plot("front", front, f' data-front="{number}"')
        yield section("Move the budgets", html)
    yield section("Scores", plot("scores", plot_scores(content.results)))
    if content.explanations:
        yield section("What each budget binds", sections.explanations_section(content.explanations))
    if content.examples:
        yield section("Predictions beside labels", sections.examples_section(content.examples))
    html = plot("parallel", plot_parallel_coordinates(content.front))
    if content.front.describe is not None:
        html += plot("choices", plot_choices(content.front))
    yield section("Along the front", html)
    html = sections.counts_section(content)
    if len(names := content.front.metric_names) > 1:
        html += plot("candidates", plot_candidates(content.lut, x=names[1], y=names[0]))
    if content.lut.space is not None and NSR in content.lut.metric_names:
        html += plot("heatmap", plot_nsr_heatmap(content.lut))
    yield section("Candidates of the blocks", html)
    if content.logs is not None:
        yield section("Training", plot("training", plot_training(content.logs)))
    yield section("Compute effort", sections.effort_section(content))
    yield section("Configuration, versions and files", sections.record_section(content))


def _front_figure(content: RunContent) -> go.Figure:
    """Return the figure of the front without its texts for hovering, which the page's script adds."""
    rows = content.results.networks
    teachers = {row.name: _totals(row) for row in rows if row.family in (TEACHER, CONTROL)}
    answers = {row.key: _totals(row) for row in rows if row.family == BUDGET}
    figure = plot_pareto_front(content.front, teachers=teachers, references=answers, max_points=MAX_POINTS)
    for trace in figure.data:
        if trace.customdata is not None:
            trace.text = None
    return figure


def _totals(row: Result) -> dict[str, float]:
    return {"size_bytes": row.size_bytes, "nsr": row.nsr, **row.totals}


def _comparison(runs: Sequence[RunContent], figures: dict[str, Any]) -> str:
    """Return the table of all runs, and their fronts in one figure if they share two metrics."""
    best_name = "best network, no larger than the 8-bit teacher"
    head = ["run", "task", "score", "subnets", "points", best_name, "whole", "final", "paired"]
    rows = []
    for content in runs:
        results = content.results
        best = sections.best_network(results)
        texts = [""] * 4
        if best is not None:
            differences = [f"{difference_text(each)} vs {name}" for name, each in best.differences.items()]
            texts = [best.key, size_text(best.size_bytes), f"{best.final_score:.2%}", "; ".join(differences)]
        counts = [f"{content.lut.n_subnets:.3g}", f"{len(content.front):,}"]
        rows.append([content.name, results.task, results.score, *counts, *texts])
    html = f"<section><h2>Comparison</h2>\n{sections.table(head, rows, numbers=(3, 4, 6, 7))}"
    shared = [name for name in runs[0].front.metric_names if all(name in run.front.metric_names for run in runs)]
    if len(shared) > 1:
        names = _distinct([content.name for content in runs])
        fronts = dict(zip(names, (content.front for content in runs), strict=True))
        figures["fronts"] = json.loads(plot_fronts(fronts, metrics=shared[:2]).to_json())
        html += '<figure><div class="plot" data-figure="fronts"></div></figure>'
    return f"{html}\n</section>"


def _distinct(names: Sequence[str]) -> list[str]:
    """Return distinct names: repeated ones get a number."""
    return [f"{name} ({number})" if names.count(name) > 1 else name for number, name in enumerate(names, start=1)]
