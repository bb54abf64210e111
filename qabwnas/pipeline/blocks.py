"""Some blocks of a supernet, for batch schedulers: each is trained on its own, and the run takes over what is done."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from qabwnas.errors import InputError
from qabwnas.pipeline.config.config import Config
from qabwnas.pipeline.execution.resources import Resources
from qabwnas.pipeline.ledger import Ledger
from qabwnas.pipeline.lock import work_beside
from qabwnas.pipeline.run import make_needs, missing_need, open_workplace, run_identity
from qabwnas.pipeline.stages import supernet
from qabwnas.pipeline.stages.order import STAGES

logger = logging.getLogger(__name__)


def distill_blocks(
    config: Config, folder: Path, names: Sequence[str], resources: Resources, *, force: bool = False
) -> None:
    """Train the named blocks of a run's supernet, a job each, after the stages that they need.

    Several such calls may share one folder at the same time: one of them makes the stages before, and the others wait
    for it. A run in the folder trains the blocks that are left, and only loads these.

    Raises:
        BusyError: another process trains one of the blocks, or blocks with other settings.
        InputError: a block is unknown; or the supernet was made with other settings, and ``force`` is not given.
        Otherwise as :func:`~qabwnas.pipeline.run.run_stages`.
    """
    known = [block.name for block in config.space.blocks]
    for name in names:
        if name not in known:
            raise InputError(f"block {name!r} is not one of {', '.join(known)}")
    stage = supernet.STAGE
    parts, identity = [f"{stage.name}-{name}" for name in names], run_identity(STAGES, config)
    while True:
        if missing_need(STAGES, stage, config, Ledger(folder)) is not None:
            make_needs(STAGES, stage, config, folder, force, resources)
        with work_beside(folder, parts, identity):
            ledger = Ledger(folder)
            if missing_need(STAGES, stage, config, ledger) is None:
                _distill(config, folder, [known.index(name) for name in names], ledger, resources, force)
                return
        # Another process has worked here with other settings in between, and this one makes the stages again.


def _distill(
    config: Config, folder: Path, blocks: Sequence[int], ledger: Ledger, resources: Resources, force: bool
) -> None:
    stage, settings = supernet.STAGE, supernet.STAGE.settings(config)
    changes = ledger.changes(stage.name, settings)
    if changes and not force:
        raise InputError(f"{folder}: {stage.name} was made with other settings ({'; '.join(changes)})")
    if ledger.reason_to_make(stage.name, settings) is None:
        logger.info("%s: done before", stage.name)
        return
    place = open_workplace(stage, config, folder, ledger, resources, force=force)
    resources.engine.run(supernet.block_jobs(place, blocks))
