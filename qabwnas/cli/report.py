"""``qabwnas report``: the table and the page of a finished run, or one page that compares several runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from qabwnas.cli.command import Command, require_extras
from qabwnas.cli.output import check_output, force_option
from qabwnas.cli.resource_options import make_resources, resource_options
from qabwnas.io.file_kinds import REPORT


@click.command(name="report", cls=Command)
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    metavar="REPORT.html",
    type=click.Path(path_type=Path),
    help="The page. Several runs need it.  [default: RUN/report.html, which is always replaced]",
)
@click.option("--json", "as_json", is_flag=True, help="Only print the results as JSON; write no page.")
@click.option(
    "--against",
    metavar="NETWORK",
    help="Compare all networks with this one on the same test images, instead of with the INT8 teachers: a name of the "
    "table.",
)
@click.option(
    "--effort",
    is_flag=True,
    help="Only print how many device-seconds the search took, and those of SPOS and FairNAS if RUN has them. The next "
    "page shows it, too.",
)
@force_option
@resource_options
def command(
    runs: tuple[Path, ...],
    output: Path | None,
    as_json: bool,
    against: str | None,
    effort: bool,
    force: bool,
    **resources: Any,
) -> None:
    """Print the table of RUN and write its page: the teacher, its networks, and the networks that were added by
    `qabwnas retrain` and `qabwnas one-shot`.

    The page is one file that opens in any browser, without network. Its sliders move budgets and show the best subnet.
    If trainings wrote their logs to RUN/logs (--logs), it also has their curves. Several runs are compared in one page.
    Only added networks that were not scored yet are scored.
    """
    if len(runs) > 1 and (as_json or effort or against is not None):
        raise click.UsageError("--json, --effort and --against take one RUN")
    if effort and against is not None:
        raise click.UsageError("--effort and --against cannot be combined")
    if output is not None and (as_json or effort):
        raise click.UsageError("--output cannot be combined with --json or --effort, which write no page")
    if len(runs) > 1 and output is None:
        raise click.UsageError("several runs need -o REPORT.html")
    if output is not None:
        check_output(output, force, REPORT)
    require_extras("train")

    usable = make_resources(**resources)
    if effort:
        _print_effort(runs[0], as_json, usable.device)
    elif len(runs) > 1:
        _compare(runs, output, usable)
    else:
        _report(runs[0], output, as_json, against, usable)


def _report(run: Path, output: Path | None, as_json: bool, against: str | None, usable: Any) -> None:
    import json

    from qabwnas.cli.stages import stage_environment
    from qabwnas.pipeline.added import all_results, score_added
    from qabwnas.report.table import results_table

    with stage_environment():
        score_added(run, usable)
        results = all_results(run, against)
    if as_json:
        click.echo(json.dumps(results.to_json(), indent=2))
        return
    from qabwnas.pipeline.page import write_page

    click.echo(results_table(results))
    click.echo(f"Report: {write_page(run, output, against=against)}")


def _compare(runs: tuple[Path, ...], output: Path | None, usable: Any) -> None:
    from qabwnas.cli.stages import stage_environment
    from qabwnas.pipeline.added import score_added
    from qabwnas.pipeline.page import write_comparison

    assert output is not None
    with stage_environment():
        for run in runs:
            score_added(run, usable)
    write_comparison(list(runs), output)
    click.echo(f"Report: {output}")


def _print_effort(run: Path, as_json: bool, device: str) -> None:
    import json
    from dataclasses import asdict

    from qabwnas.cli.stages import stage_environment
    from qabwnas.pipeline.effort import run_effort
    from qabwnas.report.effort import effort_table

    with stage_environment():
        methods, notes = run_effort(run, device)
    if as_json:
        click.echo(json.dumps({"device_seconds": [asdict(method) for method in methods], "notes": notes}, indent=2))
    else:
        click.echo(effort_table(methods, notes))
