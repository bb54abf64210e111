"""Parts of a run for batch schedulers: some blocks of the supernet, or some shards of the LUT.

Several calls may share one run folder at the same time. A run in that folder makes what is left, and loads the parts.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from qabwnas.errors import InputError
from qabwnas.pipeline.config.config import Config
from qabwnas.pipeline.execution.jobs import Resources
from qabwnas.pipeline.ledger import Ledger
from qabwnas.pipeline.lock import work_on_parts
from qabwnas.pipeline.run import STAGES, make_needs, missing_need, open_context, run_identity
from qabwnas.pipeline.stages import lut, supernet

logger = logging.getLogger(__name__)

NEEDS = "a part needs the stages before it to be done"


def distill_blocks(
    config: Config, folder: Path, names: Sequence[str], resources: Resources, *, force: bool = False
) -> None:
    """Train the named blocks of a run's supernet, one job per block, after the stages that they need.

    If several calls start together, one of them makes the stages before, and the others wait for it.

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
        with work_on_parts(folder, parts, identity):
            ledger = Ledger(folder)
            if missing_need(STAGES, stage, config, ledger) is None:
                _distill(config, folder, [known.index(name) for name in names], ledger, resources, force)
                return
        # In between, another process made the stages with other settings. Make them again.


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
    context = open_context(stage, config, folder, ledger, resources, force=force)
    resources.engine.run(supernet.block_jobs(context, blocks))


def populate_part(
    config: Config, folder: Path, index: int, n: int, resources: Resources, *, force: bool = False
) -> Path:
    """Measure the shards ``index``, ``index + n``, … (from 1) of a run, and return the path of their LUT in its folder.

    All other rows of that LUT are masked. Parts may also be measured in copies of the run folder.

    Raises:
        InputError: the stages before are not done, or there are fewer shards than ``index``.
        StaleError: there are shards with other settings or inputs, and ``force`` is not given.
        BusyError: another process measures this part, or parts with other settings.
    """
    shards = lut.shards_of(config)
    chosen = shards[index - 1 :: n]
    if not chosen:
        raise InputError(f"the space has {len(shards)} shards, so there is none for part {index} of {n}")
    if not folder.is_dir():
        raise InputError(f"{folder}: there is no run; {NEEDS}")
    path = folder / f"lut-{index}-of-{n}.h5"
    with work_on_parts(folder, [path.stem], run_identity(STAGES, config)):
        ledger = Ledger(folder)
        if (missing := missing_need(STAGES, lut.STAGE, config, ledger)) is not None:
            raise InputError(f"{folder}: {missing}; {NEEDS}")
        context = open_context(lut.STAGE, config, folder, ledger, resources, force=force)
        lut.measure(context, chosen).save(path)
    return path
