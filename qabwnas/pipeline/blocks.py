"""Some blocks of a supernet, for batch schedulers: each is trained on its own, and the run takes over what is done."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from qabwnas.errors import InputError
from qabwnas.pipeline import supernet
from qabwnas.pipeline.config import Config
from qabwnas.pipeline.ledger import Ledger
from qabwnas.pipeline.resources import Resources
from qabwnas.pipeline.run import open_workplace, run_stages
from qabwnas.pipeline.stages import STAGES

logger = logging.getLogger(__name__)


def distill_blocks(
    config: Config, folder: Path, names: Sequence[str], resources: Resources, *, force: bool = False
) -> None:
    """Train the named blocks of a run's supernet, a job each, after the stages that they need.

    Several such calls may share one folder at the same time, once the teacher is done; a run in it trains the blocks
    that are left, and only loads these.

    Raises:
        InputError: a block is unknown; or the supernet was made with other settings, and ``force`` is not given.
        Otherwise as :func:`~qabwnas.pipeline.run.run_stages`.
    """
    known = [block.name for block in config.space.blocks]
    for name in names:
        if name not in known:
            raise InputError(f"block {name!r} is not one of {', '.join(known)}")
    stage, settings = supernet.STAGE, supernet.STAGE.settings(config)
    for need in stage.needs:
        run_stages(STAGES, config, folder, until=need, force=force, resources=resources)
    ledger = Ledger(folder)
    changes = ledger.changes(stage.name, settings)
    if changes and not force:
        raise InputError(f"{folder}: {stage.name} was made with other settings ({'; '.join(changes)})")
    if ledger.reason_to_make(stage.name, settings) is None:
        logger.info("%s: done before", stage.name)
        return
    place = open_workplace(stage, config, folder, ledger, resources, force=force)
    resources.engine.run(supernet.block_jobs(place, [known.index(name) for name in names]))
