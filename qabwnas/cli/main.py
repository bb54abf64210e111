"""The ``qabwnas`` command: loads only the given command, and turns its errors into exit codes.

0 done; 1 an error, in one line; 2 wrong usage; 3 no subnet fits (commands print which budget would fit and raise
``click.exceptions.Exit(3)``); 130 interrupted.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from typing import Any

import click

from qabwnas.cli.command import DEBUG, Group
from qabwnas.cli.interrupts import lasting_interrupts
from qabwnas.errors import MultipleInputError, QabwnasError, QabwnasWarning
from qabwnas.version import __version__

# The help is here, and not only in the commands, so that listing them loads no command.
COMMANDS = {
    "demo": "Run all stages once, small, on handwritten digits.",
    "run": "Run the stages of a configuration, from teacher to report.",
    "status": "Show what is done in a run folder, and what is left.",
    "init": "Write a commented configuration and its space to start from.",
    "config": "Check a configuration, or print the schema of configurations.",
    "data": "Draw street scenes, and check a folder of images.",
    "distill": "Train a configuration's supernet, or some of its blocks.",
    "populate": "Measure the look-up table of a configuration.",
    "lut": "Import, export, merge, describe and check look-up tables.",
    "measure-latency": "Measure latencies of candidates on this machine.",
    "latency": "Import latencies of devices into a look-up table.",
    "fit-weights": "Fit weights of blocks to the networks of a run.",
    "retrain": "Retrain the network of any answer, and add it to a run.",
    "one-shot": "Search a run's space by SPOS or FairNAS, for comparison.",
    "report": "Write the table and the page of a run, or compare runs.",
    "export": "Write a network of a run as a checked ONNX model.",
    "search": "Find the best subnets of a LUT within budgets.",
    "batch": "Answer a table of budgets.",
    "front": "Build the exact front of a LUT.",
    "session": "Answer requests of other programs, one line of JSON each.",
    "explore": "Explore a LUT or a front on a page in the browser.",
    "schema": "Print the JSON schemas of what commands print and read.",
    "plot": "Draw a front, as a page or a picture.",
    "bench": "Measure the search against its baselines on a LUT.",
    "backends": "List the search backends.",
}


class OneLineError(click.ClickException):
    """An error as the user sees it: one line on stderr, or one per fault of an input, and an exit code."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code  # type: ignore[misc]

    def show(self, file: object = None) -> None:  # noqa: ARG002 - click's signature
        for line in self.format_message().splitlines():
            click.echo(f"error: {line}", err=True)


class Program(Group):
    """A group whose commands are modules of :mod:`qabwnas.cli`, each with a click command named ``command``."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if name not in COMMANDS:
            return None
        command: click.Command = import_module(f"qabwnas.cli.{name.replace('-', '_')}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> object:
        with _one_line(ctx), lasting_interrupts(), warnings.catch_warnings():
            warnings.showwarning = partial(_show_warning, warnings.showwarning)
            return super().invoke(ctx)


def _show_warning(
    show: Callable[..., None], message: Warning | str, category: type[Warning], *where: Any, **options: Any
) -> None:
    if issubclass(category, QabwnasWarning):
        click.echo(f"warning: {message}", err=True)
    else:
        show(message, category, *where, **options)


@contextmanager
def _one_line(ctx: click.Context) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt as interrupt:
        raise OneLineError(": ".join(["interrupted", *map(str, interrupt.args)]), exit_code=130) from interrupt
    except BrokenPipeError:
        raise  # click ends quietly: the reader of the output has closed it
    except (QabwnasError, OSError) as error:
        if ctx.params["debug"] or DEBUG in ctx.meta:
            raise
        raise OneLineError(_message(error)) from error


def _message(error: QabwnasError | OSError) -> str:
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    faults = error.args if isinstance(error, MultipleInputError) else [error]
    return "\n".join(" ".join(str(fault).split()) for fault in faults)


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--debug", is_flag=True, envvar="QABWNAS_DEBUG", help="Show the traceback of an error; anywhere on the line."
)
@click.version_option(__version__, prog_name="qabwnas", message="%(prog)s %(version)s")
def main(debug: bool) -> None:
    """Search block-wise networks and their bit widths under budgets.

    Exit codes: 0 done, 1 error, 2 wrong usage, 3 no subnet fits the budgets.
    """


if __name__ == "__main__":
    main()
