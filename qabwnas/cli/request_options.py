"""Options of the commands that search: ``--maximize`` and ``--reference``."""

from __future__ import annotations

import click

from qabwnas.cli.completion import complete_metrics

maximize_option = click.option(
    "--maximize",
    metavar="METRIC",
    shell_complete=complete_metrics,
    help="Instead of --minimize: the objective, a sum over blocks.",
)

reference_option = click.option(
    "--reference",
    metavar="(NAME|BLOCK=CANDIDATE,…)",
    help="The subnet that budgets with % are shares of, instead of the largest total: 'teacher' in the LUT of a run.",
)
