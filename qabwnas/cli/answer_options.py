"""The options of commands that take an answer of a run: ``--answer`` with ``--row``, or ``--choice``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

OPTIONS = (
    click.option(
        "--answer",
        metavar="ANSWER",
        help="A file: the JSON of `qabwnas search --json`, a table of `qabwnas batch`, or a front. Or a network of the "
        "run: its name, or its number, where 1 is the answer to the first budget.",
    ),
    click.option(
        "--row",
        metavar="N",
        type=click.IntRange(min=1),
        help="Which answer of a file: the rank in the JSON of a search (by default 1), the row of a table, the point "
        "of a front.",
    ),
    click.option(
        "--choice", metavar="BLOCK=CANDIDATE,…", help="Instead of an answer: the number of one candidate per block."
    ),
)


def answer_options(command: F) -> F:
    """Add the options to a command, which passes them to :func:`parse_answer`."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def parse_answer(answer: str | None, row: int | None, choice: str | None) -> str | dict[str, int]:
    """Return an answer as :func:`qabwnas.load_network` takes it.

    Raises:
        click.UsageError: not exactly one of ``answer`` and ``choice`` is given, there is a row without a file, or the
            choice has another form or a block twice.
    """
    if (answer is None) == (choice is None):
        raise click.UsageError("give one of --answer and --choice")
    if answer is not None:
        return answer
    if row is not None:
        raise click.UsageError("--row is for the files of --answer")
    assert choice is not None
    candidates: dict[str, int] = {}
    for text in choice.split(","):
        block, _, number = (part.strip() for part in text.rpartition("="))
        if not block or not number.isdecimal():
            raise click.UsageError(f"--choice {text!r} is not of the form BLOCK=CANDIDATE")
        if block in candidates:
            raise click.UsageError(f"--choice: the block {block!r} is given twice")
        candidates[block] = int(number)
    return candidates
