"""``qabwnas session``: answer requests of other programs, one line of JSON each."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from qabwnas.cli.command import Command
from qabwnas.lut.importers.source import open_lut

INTERRUPTED = 130


@click.command(name="session", cls=Command)
@click.argument("lut_path", metavar="(LUT.h5|TABLE.csv)", type=click.Path(path_type=Path))
def command(lut_path: Path) -> None:
    """Answer requests about a LUT: read one JSON object per line from stdin, write one per line to stdout, in order.

    \b
        {"id": 1, "budgets": {"size_bytes": "1.5MB"}, "top": 3}
        {"id": 2, "command": "query", "minimize": ["loss", "size_bytes"], "budgets": {"size_bytes": 1500000}}

    Commands: search (the default, with the options of `qabwnas search`), front, query, replace_block, replace_column.
    Answers are those of `qabwnas search --json`; a request that cannot be answered gives {"error": MESSAGE}. Each
    answer repeats the id of its request, and is written at once. The session ends with its input.

    `qabwnas schema session-request` and `session-answer` print JSON schemas.
    """
    from qabwnas.cli.exact_json import dumps_line
    from qabwnas.cli.session_requests import Requests

    requests = Requests(open_lut(lut_path, for_command=True))
    answers = sys.stdout.buffer
    try:
        for line in sys.stdin.buffer:
            if line.strip():
                answers.write(dumps_line(requests.answer_line(line)).encode() + b"\n")
                answers.flush()
    except KeyboardInterrupt as interrupt:
        raise click.exceptions.Exit(INTERRUPTED) from interrupt
