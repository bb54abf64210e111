"""A part of a population, for batch schedulers: every n-th shard, in a LUT that has all other rows masked."""

from __future__ import annotations

from pathlib import Path

from qabwnas.errors import InputError
from qabwnas.pipeline.config.config import Config
from qabwnas.pipeline.execution.resources import Resources
from qabwnas.pipeline.ledger import Ledger
from qabwnas.pipeline.lock import work_beside
from qabwnas.pipeline.run import missing_need, open_workplace, run_identity
from qabwnas.pipeline.stages import lut
from qabwnas.pipeline.stages.order import STAGES

NEEDS = "a part needs the stages before it to be done"


def populate_part(
    config: Config, folder: Path, index: int, n: int, resources: Resources, *, force: bool = False
) -> Path:
    """Measure the shards ``index``, ``index + n``, … (from 1) of a run, and return the path of their LUT in its folder.

    Parts of one run may be measured at the same time, in one folder or in copies of it; a run in the same folder takes
    over what they have measured.

    Raises:
        InputError: the stages before are not done, or there are fewer shards than ``index``.
        StaleError: there are shards of another origin, and ``force`` is not given.
        BusyError: another process measures this part, or parts with other settings.
    """
    shards = lut.shards_of(config)
    chosen = shards[index - 1 :: n]
    if not chosen:
        raise InputError(f"the space has {len(shards)} shards, so there is none for part {index} of {n}")
    if not folder.is_dir():
        raise InputError(f"{folder}: there is no run; {NEEDS}")
    path = folder / f"lut-{index}-of-{n}.h5"
    with work_beside(folder, [path.stem], run_identity(STAGES, config)):
        ledger = Ledger(folder)
        if (missing := missing_need(STAGES, lut.STAGE, config, ledger)) is not None:
            raise InputError(f"{folder}: {missing}; {NEEDS}")
        place = open_workplace(lut.STAGE, config, folder, ledger, resources, force=force)
        lut.measure(place, chosen).save(path)
    return path
