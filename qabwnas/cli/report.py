"""``qabwnas report``: the table of a finished run, with the networks that were added to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from qabwnas.cli.command import Command, require_extras
from qabwnas.cli.resource_options import make_resources, resource_options


@click.command(name="report", cls=Command)
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
@click.option(
    "--against",
    metavar="NETWORK",
    help="Compare all networks with this one on the same test images, instead of with the INT8 teachers: a name of the "
    "table.",
)
@click.option(
    "--effort",
    is_flag=True,
    help="Print instead how many device-seconds the search took, and those of SPOS and FairNAS if RUN has them.",
)
@resource_options
def command(run: Path, as_json: bool, against: str | None, effort: bool, **resources: Any) -> None:
    """Print the table of RUN: the teacher, its networks, and the networks that were added by `qabwnas retrain` and
    `qabwnas one-shot`.

    Only added networks that were not scored yet are scored.
    """
    require_extras("train")
    import json

    from qabwnas.cli.stages import stage_environment

    if effort:
        if against is not None:
            raise click.UsageError("--effort and --against cannot be combined")
        _print_effort(run, as_json, make_resources(**resources).device)
        return
    from qabwnas.pipeline.added import all_results, score_added
    from qabwnas.report.table import results_table

    usable = make_resources(**resources)
    with stage_environment():
        score_added(run, usable)
        results = all_results(run, against)
    click.echo(json.dumps(results.to_json(), indent=2) if as_json else results_table(results))


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
