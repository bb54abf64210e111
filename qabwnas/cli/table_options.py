"""The options that say what the columns, numbers and text of a user's table are."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from qabwnas.lut.exchange.layout import TableLayout

F = TypeVar("F", bound=Callable[..., Any])

OPTIONS = (
    click.option("--block", metavar="NAME", help="The column of the block, if it is not called block."),
    click.option(
        "--candidate", metavar="NAME", help="The column of the candidate: a name, or any number, unique in its block."
    ),
    click.option(
        "--column",
        "columns",
        metavar="NAME=METRIC",
        multiple=True,
        help="Rename a column: to a metric, bits or choice_description.",
    ),
    click.option(
        "--unit", "units", metavar="NAME=UNIT", multiple=True, help="The unit of a column: latency=us is latency_us."
    ),
    click.option("--ignore", metavar="NAME", multiple=True, help="Leave out a column."),
    click.option("--delimiter", metavar="CHARACTER", help="What separates cells; tab is a name.  [default: a guess]"),
    click.option("--decimal", metavar=".|,", help="The decimal sign.  [default: a guess]"),
    click.option("--thousands", metavar="CHARACTER", help="What separates thousands.  [default: nothing]"),
    click.option("--na", metavar="TEXT", multiple=True, help="What a cell says that was not measured, such as NA."),
    click.option("--encoding", metavar="NAME", help="Such as cp1252.  [default: UTF-8]"),
)


def table_options(command: F) -> F:
    """Add the options to a command, which passes them to :func:`parse_layout`."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def parse_layout(columns: tuple[str, ...], units: tuple[str, ...], delimiter: str | None, **others: Any) -> TableLayout:
    """Return the layout of the options.

    Raises:
        click.UsageError: a text is not of the form NAME=VALUE, or a name is given twice.
        InputError: an option has a value that it cannot have.
    """
    from qabwnas.lut.exchange.layout import TableLayout
    from qabwnas.lut.exchange.option_names import OptionNames

    separator = "\t" if delimiter in ("tab", "\\t") else delimiter
    renamed, given = assignments("--column", columns), assignments("--unit", units)
    return TableLayout(columns=renamed, units=given, delimiter=separator, **others, options=OptionNames.of_command())


def assignments(option: str, texts: tuple[str, ...]) -> dict[str, str]:
    """Return name → value of ``NAME=VALUE`` texts; a name may have ``=``, a value may not."""
    assignments: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.rpartition("=")
        if not equals or not name:
            raise click.UsageError(f"{option} {text!r} is not of the form NAME=VALUE")
        if name in assignments:
            raise click.UsageError(f"{option} {name!r} is given twice")
        assignments[name] = value
    return assignments
