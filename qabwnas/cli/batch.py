"""``qabwnas batch``: answer a table of budgets."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from qabwnas.cli.command import Command
from qabwnas.cli.completion import complete_metrics
from qabwnas.cli.output import check_output, force_option
from qabwnas.cli.request_options import maximize_option, reference_option
from qabwnas.cli.scope_options import parse_scope, scope_options
from qabwnas.io.file_kinds import BATCH
from qabwnas.search.front.source import open_lut_or_front

if TYPE_CHECKING:
    from qabwnas.search.batch.answers import BatchProgress
    from qabwnas.search.engine.strategy import Method

STANDARD = Path("-")
QUIET_SECONDS = 0.5, 30.0
"""Seconds before the first progress message: on a terminal, and elsewhere."""
_SECONDS_PER_FRAME = 0.1


@click.command(name="batch", cls=Command)
@click.argument("source_path", metavar="(LUT.h5|FRONT.h5|TABLE.csv)", type=click.Path(path_type=Path))
@click.argument("budgets_path", metavar="BUDGETS.(csv|parquet)", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    metavar="ANSWERS.(csv|parquet)",
    type=click.Path(path_type=Path),
    required=True,
    help="The answers.",
)
@click.option(
    "--minimize",
    metavar="METRIC",
    shell_complete=complete_metrics,
    help="The objective; by default the front's first metric, or 'loss'.",
)
@maximize_option
@reference_option
@click.option(
    "--method",
    type=click.Choice(["auto", "front", "direct"]),
    default="auto",
    show_default=True,
    help="How to answer rows: 'front' builds the front of the LUT first, 'direct' searches once per distinct row. "
    "'auto' searches, also builds the front once many slow rows remain, and uses what finishes first.",
)
@click.option(
    "--max-memory",
    metavar="BYTES",
    default="4GiB",
    show_default=True,
    help="How much memory building a front may use; if it needs more, 'auto' only searches.",
)
@click.option(
    "--keep",
    metavar="COLUMN[,COLUMN…]",
    multiple=True,
    help="Columns of BUDGETS that are no budgets, such as an id: they are copied, before the status.",
)
@click.option("--repeat-budgets", is_flag=True, help="Also copy the budgets, as columns 'budget METRIC'.")
@scope_options
@force_option
def command(
    source_path: Path,
    budgets_path: Path,
    output: Path,
    minimize: str | None,
    maximize: str | None,
    reference: str | None,
    method: Method,
    max_memory: str,
    keep: tuple[str, ...],
    repeat_budgets: bool,
    bits: tuple[str, ...],
    pin: tuple[str, ...],
    forbid: tuple[str, ...],
    weights: tuple[str, ...],
    weight_file: Path | None,
    skip_unmeasured: bool,
    force: bool,
) -> None:
    """Answer every row of BUDGETS.

    BUDGETS has one column per bound. Its heading is what --budget of 'qabwnas search' has before the value:

    \b
        size_bytes or size_bytes<=    an upper bound
        latency_ms>=                  a lower bound; with latency_ms<= beside it, a range
        latency_ms==                  both bounds at once
        latency_ms=                   an upper bound, or a range 5:20
        size_bytes+peak_bytes<=       one bound on a sum of metrics

    An empty cell means no budget. A value may have a unit, as in 1.5MB, or be a share, as in 60%.

    ANSWERS has the same rows in the same order: the status (optimal or infeasible), the exact totals of the objective
    and of all metrics in the headings, and the candidate of each block. The endings of the names choose CSV or Parquet;
    Parquet needs the extra 'batch'. With --weight there is a column 'weighted METRIC' for the objective; budgets are
    never weighted. The answers do not depend on the method.

    BUDGETS may be -, standard input, and ANSWERS too, standard output; both are CSV. An id passes through with --keep:

    \b
        qabwnas batch LUT.h5 - -o - --keep id < budgets.csv > answers.csv
    """
    from qabwnas.lut.units import parse_quantity
    from qabwnas.search.batch.batch import answer_batch

    files = [source_path, budgets_path, *([weight_file] if weight_file is not None else [])]
    if output != STANDARD:
        check_output(output, force, BATCH, inputs=files)
    source = open_lut_or_front(source_path)
    scope = parse_scope(bits, pin, forbid, weights, weight_file, skip_unmeasured)
    n_bytes = int(parse_quantity(max_memory, "max-memory_bytes"))
    progress = ProgressLine(sys.stderr.isatty())
    try:
        result = answer_batch(
            source,
            budgets_path,
            output,
            minimize=minimize,
            maximize=maximize,
            reference=reference,
            scope=scope,
            method=method,
            max_memory=n_bytes,
            progress=progress,
            keep=[name.strip() for names in keep for name in names.split(",")],
            repeat_budgets=repeat_budgets,
        )
    finally:
        progress.clear()
    method_text = f"{result.n_budgets - result.n_front} direct, {result.n_front} front"
    how = method_text if result.method == "both" else result.method
    n_infeasible = result.n_budgets - result.n_optimal
    click.echo(
        f"{result.n_budgets} budgets ({how}, {result.backend}): {result.n_optimal} optimal, "
        f"{n_infeasible} infeasible, written to {'standard output' if output == STANDARD else output}",
        err=output == STANDARD,
    )


class ProgressLine:
    """The progress of a batch on stderr: one changing line on a terminal, elsewhere one line every half minute."""

    def __init__(self, on_terminal: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._on_terminal = on_terminal
        self._clock = clock
        self._next_at = clock() + QUIET_SECONDS[0 if on_terminal else 1]
        self._n_shown = 0

    def __call__(self, progress: BatchProgress) -> None:
        if self._clock() < self._next_at:
            return
        self._next_at = self._clock() + (_SECONDS_PER_FRAME if self._on_terminal else QUIET_SECONDS[1])
        text = progress_text(progress)
        if self._on_terminal:
            click.echo("\r" + text.ljust(self._n_shown), err=True, nl=False)
            self._n_shown = len(text)
        else:
            click.echo(text, err=True)

    def clear(self) -> None:
        """Erase the line, for the next output."""
        if self._n_shown > 0:
            click.echo("\r" + " " * self._n_shown + "\r", err=True, nl=False)


def progress_text(progress: BatchProgress) -> str:
    n_done = progress.n_direct + progress.n_front
    text = f"{n_done:,} budgets answered" if progress.n_rows is None else f"{n_done:,} of {progress.n_rows:,} budgets"
    if progress.n_front > 0:
        text += f", {progress.n_front:,} by the front"
    return text + (", building a front" if progress.is_building else "")
