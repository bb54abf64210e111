"""``qabwnas schema``: print the JSON schemas of what commands print and read."""

from __future__ import annotations

from importlib.resources import files

import click

from qabwnas.cli.command import Command

SCHEMAS = (
    "search",
    "front",
    "lut-info",
    "bench",
    "backends",
    "status",
    "report",
    "export",
    "session-request",
    "session-answer",
)
"""One for each command with ``--json``, named like the command, and those of the lines of a session."""


@click.command(name="schema", cls=Command, epilog=f"NAME is one of {', '.join(SCHEMAS)}.")
@click.argument("name", metavar="NAME", type=click.Choice(SCHEMAS))
def command(name: str) -> None:
    """Print a JSON schema (draft 2020-12): of the --json of a command, or of a line that `qabwnas session` exchanges.

    `lut-info` is that of `qabwnas lut info --json`. `qabwnas config schema` prints the schema of configurations.
    """
    click.echo(files("qabwnas.cli").joinpath("schemas", f"{name}.json").read_text(encoding="utf-8"), nl=False)
