"""The sections of a run's page as HTML. Every text from outside is escaped."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from qabwnas.lut.lut import Metric
from qabwnas.report.effort import COLUMNS, MethodEffort, effort_text, together
from qabwnas.report.result import NOT_FOUND, TEACHER, NothingFits, Result, Results
from qabwnas.report.table import (
    NONE,
    difference_text,
    duration_text,
    figures,
    footnote,
    headings,
    size_text,
)
from qabwnas.search.explain import Explanation
from qabwnas.search.presentation import shown_total
from qabwnas.visualization.page.content import Example, RunContent


def summary(content: RunContent) -> str:
    """Return one sentence: how the best found network that is no larger than the reference compares with it."""
    results = content.results
    searched = f"{content.lut.n_subnets:.3g} subnets were searched exactly; {len(content.front):,} are Pareto-optimal"
    reference, best = _reference(results), best_network(results)
    if reference is None or best is None:
        return f"{searched}."
    share = best.size_bytes / reference.size_bytes
    scored = f"{best.final_score:.2%} {results.score} at {size_text(best.size_bytes)}, {share:.0%} of {reference.name}"
    if difference := best.differences.get(reference.name):
        compared = f", {difference_text(difference)} points against it (paired, ± standard error)"
    else:
        compared = f", which has {reference.final_score:.2%}"
    return (
        f"{searched}. Of those retrained and no larger than {reference.name}, the best one ({best.key}) has "
        f"{scored}{compared}."
    )


def best_network(results: Results) -> Result | None:
    """Return the found network with the highest final score among those that are no larger than the 8-bit teacher."""
    reference = _reference(results)
    small = [row for row in results.found if reference is None or row.size_bytes <= reference.size_bytes]
    return max(small, key=lambda row: row.final_score, default=None)


def _reference(results: Results) -> Result | None:
    """Return the 8-bit teacher, or else the first teacher that is quantised."""
    teachers = [row for row in results.networks if row.family == TEACHER and row.widths]
    return next((row for row in teachers if row.name in results.references), teachers[0] if teachers else None)


class Html(str):
    """A text that is HTML already; other texts are escaped."""

    __slots__ = ()


def table(
    head: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Iterable[int] = (), hashes: Iterable[int] = ()
) -> str:
    """Return a table; the columns ``numbers`` are aligned to the right, ``hashes`` are in a fixed-width font."""
    classes = {**dict.fromkeys(numbers, ' class="number"'), **dict.fromkeys(hashes, ' class="hash"')}

    def line(kind: str, cells: Iterable[str]) -> str:
        texts = [cell if isinstance(cell, Html) else escape(cell) for cell in cells]
        tagged = [f"<{kind}{classes.get(column, '')}>{text}</{kind}>" for column, text in enumerate(texts)]
        return f"<tr>{''.join(tagged)}</tr>"

    lines = [line("th", head), *(line("td", row) for row in rows)]
    return f'<div class="wide"><table>{"".join(lines)}</table></div>'


def results_section(results: Results) -> str:
    """Return the table of all networks, with differences from the teachers, and the notes on its precision."""
    head = headings(results)
    rows = [_result_row(row, results, len(head)) for row in results.rows]
    note = f'<p class="note">{escape(footnote(results))}</p>'
    return table(head, rows, numbers=range(1, len(head) - 1)) + note


def _result_row(row: Result | NothingFits, results: Results, n_columns: int) -> list[str]:
    if isinstance(row, NothingFits):
        return [row.name, *[NONE] * (n_columns - 2), f"no network fits; {row.needed}"]
    name = row.name if row.family in NOT_FOUND or not row.network else f"{row.name} ({row.network})"
    widths = row.widths or ["float"] * len(row.blocks)
    blocks = "\n".join(f"{block} {width}" for block, width in zip(row.blocks, widths, strict=False))
    return [name, *figures(row, results), blocks]


def explorer_section(content: RunContent, run: int, lut_path: str) -> str:
    """Return the sliders of the budgets; the script of the page answers them."""
    front = content.front
    budgets = [_budget(run, m, metric) for m, metric in enumerate(front.metrics[1:], start=1)]
    return (
        f"<p>The answer is the subnet with the smallest {escape(front.metric_names[0])}, exactly as a search finds it. "
        "Sliders stop at every total that occurs on the front; the fields take any number.</p>"
        f'<div class="run-explorer explorer" data-run="{run}" data-lut="{escape(lut_path)}">'
        f'<form>{"".join(budgets)}</form><div class="best" aria-live="polite"></div></div>'
    )


def _budget(run: int, m: int, metric: Metric) -> str:
    """Return a slider and a field for the budget on a metric, the ``m``-th one of the front."""
    label = escape(f"{metric.name}, {metric.unit}" if metric.unit else metric.name) + ", at most"
    slider = f"budget-{run}-{m}"
    return (
        f'<div class="budget" data-metric="{m}"><label for="{slider}">{label}</label>'
        f'<input type="range" id="{slider}" min="0" max="0" step="1">'
        f'<input type="text" inputmode="decimal" autocomplete="off" aria-label="{label}">'
        '<span class="quiet"></span></div>'
    )


def effort_section(content: RunContent) -> str:
    """Return the time of the stages, and the effort of methods if it was compared."""
    times = []
    for stage in content.stages:
        on_devices = NONE if stage.device_seconds is None else duration_text(stage.device_seconds)
        times.append([stage.name, duration_text(stage.seconds), on_devices])
    stages = table(["stage", "wall time", "device time"], times, numbers=(1, 2))
    if not content.methods:
        return f'{stages}<p class="note">`qabwnas report RUN --effort` compares it with other methods.</p>'
    rows = [_method_row(method) for method in content.methods]
    methods = table(["device-seconds", *COLUMNS, "together"], rows, numbers=range(1, len(COLUMNS) + 2))
    return f'{stages}<h3>Against other methods</h3>{methods}<p class="note">{escape(chr(10).join(content.notes))}</p>'


def _method_row(method: MethodEffort) -> list[str]:
    return [method.name, *map(effort_text, method.columns), effort_text(together(method))]


def counts_section(content: RunContent) -> str:
    """Return how many candidates of each block pruning leaves, and how many the front uses."""
    rows = []
    for block in content.counts:
        share = f"{block.kept / block.candidates:.1%}"
        rows.append([block.name, f"{block.candidates:,}", f"{block.kept:,}", share, f"{block.used:,}"])
    metrics = escape(", ".join(content.front.metric_names))
    head = ["block", "candidates", "not dominated in the block", "share", "on the front"]
    return f"<p>Dominance is over {metrics}.</p>{table(head, rows, numbers=range(1, 5))}"


def explanations_section(explanations: Mapping[str, Explanation]) -> str:
    """Return what each budget of each answer costs: which bind, and what the next larger one would gain."""
    rows = []
    for name, explanation in explanations.items():
        if explanation.objective is None:
            rows.append([name, NONE, NONE, "no subnet fits", NONE, NONE])
            continue
        for effect in explanation.effects:
            cells = [name, shown_total(explanation.objective), f"{effect.metric} ≤ {shown_total(effect.budget)}"]
            if effect.next_budget is None or effect.gain is None:
                rows.append([*cells, "does not bind", NONE, NONE])
            else:
                rows.append([*cells, "binds", shown_total(effect.next_budget), shown_total(effect.gain)])
    head = ["answer", "objective", "budget", "", "the next budget that helps", "its gain"]
    return table(head, rows, numbers=(1, 4, 5))


def examples_section(examples: Sequence[Example]) -> str:
    """Return the images, each with its label and what networks predict."""
    if isinstance(examples[0].label, str):
        rows = [
            [_image(example.image, "image"), str(example.label), *map(str, example.predictions.values())]
            for example in examples
        ]
        return f'<div class="examples">{table(["image", "label", *examples[0].predictions], rows)}</div>'
    shown = []
    for example in examples:
        pictures = {"image": example.image, "label": example.label, **example.predictions}
        figures = [
            f"<figure>{_image(picture, name)}<figcaption>{escape(name)}</figcaption></figure>"
            for name, picture in pictures.items()
            if isinstance(picture, bytes)
        ]
        shown.append(f'<div class="examples">{"".join(figures)}</div>')
    return "".join(shown)


def _image(png: bytes, text: str) -> Html:
    return Html(f'<img alt="{escape(text)}" src="data:image/png;base64,{base64.b64encode(png).decode("ascii")}">')


def record_section(content: RunContent) -> str:
    """Return versions, hashes and the configuration."""
    versions = table(["package", "version"], content.versions.items())
    hashes = table(["file", "SHA-256"], content.hashes.items(), hashes=(1,))
    configuration = f"<details><summary>Configuration</summary><pre>{escape(content.configuration)}</pre></details>"
    return f"{versions}<details><summary>Files and hashes</summary>{hashes}</details>{configuration}"
