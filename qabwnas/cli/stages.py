"""What commands that run stages have in common: progress on stderr, results on stdout."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from qabwnas.errors import InputError

if TYPE_CHECKING:
    from qabwnas.pipeline.config.config import Config
    from qabwnas.pipeline.execution.resources import Resources

N_THREADS = 1
"""Small networks gain nothing from more, and one thread gives the same result on every number of cores."""


def run_and_report(
    config: Config,
    folder: Path,
    *,
    until: str | None = None,
    force: bool = False,
    resources: Resources | None = None,
) -> None:
    """Run the stages of ``config`` in ``folder`` and, once all are done, print the table of results.

    Raises as :func:`qabwnas.pipeline.run.run_stages`.
    """
    import torch

    from qabwnas.pipeline.execution.resources import Resources
    from qabwnas.pipeline.execution.torchrun import run_together
    from qabwnas.pipeline.ledger import Ledger
    from qabwnas.pipeline.run import run_stages
    from qabwnas.pipeline.stages.order import STAGES
    from qabwnas.pipeline.stages.report import STAGE, load_results
    from qabwnas.report.table import results_table, times_line
    from qabwnas.train.parallel import started_by_torchrun

    torch.set_num_threads(N_THREADS)
    with _progress_on_stderr():
        if not started_by_torchrun():
            run_stages(STAGES, config, folder, until=until, force=force, resources=resources)
        elif not run_together(STAGES, config, folder, until=until, force=force, resources=resources or Resources()):
            return  # the first process says how it went
    if until in (None, STAGE.name):
        click.echo(results_table(load_results(folder)))
        click.echo(times_line(Ledger(folder).seconds()))


def distill(
    config: Config, folder: Path, blocks: Sequence[str], resources: Resources, *, apart: bool, force: bool
) -> None:
    """Make the supernet of a run, or train some of its blocks; ``apart`` makes each block a job of its own.

    Raises as :func:`qabwnas.pipeline.run.run_stages` and :func:`qabwnas.pipeline.blocks.distill_blocks`.
    """
    import torch

    from qabwnas.pipeline.blocks import distill_blocks
    from qabwnas.pipeline.run import run_stages
    from qabwnas.pipeline.stages import supernet
    from qabwnas.pipeline.stages.order import STAGES

    torch.set_num_threads(N_THREADS)
    if apart:
        if config.supernet.distill == "cached":
            raise InputError("supernet.distill: cached feature maps stay in one process; several need 'independent'")
        config = replace(config, supernet=replace(config.supernet, distill="independent"))
    with _progress_on_stderr():
        if blocks:
            distill_blocks(config, folder, blocks, resources, force=force)
        else:
            run_stages(STAGES, config, folder, until=supernet.STAGE.name, force=force, resources=resources)


def populate(config: Config, folder: Path, part: tuple[int, int] | None, resources: Resources, *, force: bool) -> Path:
    """Make the LUT of a run, or part ``(index, n)`` of it, and return its path.

    Raises as :func:`qabwnas.pipeline.run.run_stages` and :func:`qabwnas.pipeline.part.populate_part`.
    """
    import torch

    from qabwnas.pipeline.part import populate_part
    from qabwnas.pipeline.run import run_stages
    from qabwnas.pipeline.stages import lut
    from qabwnas.pipeline.stages.order import STAGES

    torch.set_num_threads(N_THREADS)
    with _progress_on_stderr():
        if part is not None:
            return populate_part(config, folder, *part, resources, force=force)
        run_stages(STAGES, config, folder, until=lut.STAGE.name, force=force, resources=resources)
        return folder / lut.FILE_NAME


def _end(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


@contextmanager
def _progress_on_stderr() -> Iterator[None]:
    """Show what qabwnas logs, with the time of day, as long as the block lasts.

    SIGTERM, by which batch schedulers end jobs, is turned into an exception, so that the lock of the run folder goes.
    """
    before = signal.signal(signal.SIGTERM, _end)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s  %(message)s", datefmt="%H:%M:%S"))
    logger = logging.getLogger("qabwnas")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
        logger.setLevel(level)
        logger.removeHandler(handler)
