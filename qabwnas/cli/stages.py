"""What the commands that run stages share: one thread, progress on stderr, the table of results on stdout."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from qabwnas.progress import reporting

if TYPE_CHECKING:
    from qabwnas.pipeline.config.config import Config
    from qabwnas.pipeline.execution.jobs import Resources

CONTINUES = "finished work is saved; the same command continues"
N_THREADS = 1
"""Small networks gain nothing from more threads, and one thread gives the same result with any number of cores."""


def run_and_report(
    config: Config,
    folder: Path,
    *,
    until: str | None = None,
    force: bool = False,
    resources: Resources | None = None,
) -> None:
    """Run the stages of ``config`` in ``folder`` and, once all are done, print the table of results and write its page.

    Raises as :func:`qabwnas.pipeline.run.run_stages`.
    """
    from qabwnas.pipeline.added import all_results
    from qabwnas.pipeline.execution.jobs import Resources
    from qabwnas.pipeline.execution.torchrun import run_distributed
    from qabwnas.pipeline.ledger import Ledger
    from qabwnas.pipeline.page import write_page
    from qabwnas.pipeline.run import STAGES, run_stages
    from qabwnas.pipeline.stages.report import STAGE
    from qabwnas.report.table import results_table, times_line

    def run(usable: Resources) -> None:
        run_stages(STAGES, config, folder, until=until, force=force, resources=usable)

    with stage_environment():
        is_first = run_distributed(run, resources or Resources())
        if is_first and until in (None, STAGE.name):
            click.echo(results_table(all_results(folder)))
            click.echo(times_line(Ledger(folder).seconds()))
            click.echo(f"Report: {write_page(folder)}")


@contextmanager
def stage_environment() -> Iterator[None]:
    """Use ``N_THREADS`` threads from now on, and show log and progress on stderr while the block lasts.

    SIGTERM, with which batch schedulers end jobs, raises an exception, as Ctrl-C does: trainings save their progress,
    and the lock of the run folder is removed.
    """
    import torch

    from qabwnas.train.interrupts import EndNowError

    torch.set_num_threads(N_THREADS)
    before = signal.signal(signal.SIGTERM, _end)
    try:
        with shown_progress():
            yield
    except EndNowError:
        raise
    except KeyboardInterrupt as interrupt:
        raise KeyboardInterrupt(CONTINUES) from interrupt
    except SystemExit:
        click.echo(f"error: terminated: {CONTINUES}", err=True)
        raise
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def shown_progress() -> Iterator[None]:
    """Show the log of qabwnas and the progress of its work on stderr: as bars on a terminal, as lines elsewhere."""
    from qabwnas.pipeline.execution.worker_environment import stderr_handler

    logger = logging.getLogger("qabwnas")
    level = logger.level
    with ExitStack() as stack:
        if _is_terminal():
            from qabwnas.cli.bars import Bars

            stack.enter_context(reporting(stack.enter_context(Bars())))
        handler = stderr_handler()  # after the bars have begun, so that lines appear above them
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        try:
            yield
        finally:
            logger.setLevel(level)
            logger.removeHandler(handler)


def _is_terminal() -> bool:
    """Return whether stderr is a terminal that can show bars, and not that of several processes of torchrun."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb" and "TORCHELASTIC_RUN_ID" not in os.environ


def _end(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
