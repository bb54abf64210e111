"""Train the teacher in all processes that torchrun started; the first one alone goes on with the other stages."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import cast

import torch

from qabwnas.pipeline import teacher
from qabwnas.pipeline.config import Config
from qabwnas.pipeline.resources import Resources
from qabwnas.pipeline.run import run_stages
from qabwnas.pipeline.stage import Workplace
from qabwnas.pipeline.stages import STAGES
from qabwnas.train.parallel import listen, process_group, rank, tell_others


def make_teacher_together(config: Config, folder: Path, resources: Resources, *, force: bool = False) -> bool:
    """Make the teacher of a run, and what it needs; return whether this process is the first, which may go on.

    The run folder has to be one that all processes see. The first process alone decides what has to be made, writes
    and logs; the others wait until it begins to train, take part, and are then done. Raises as
    :func:`~qabwnas.pipeline.run.run_stages`; torchrun then ends the other processes.
    """
    with process_group(torch.device(resources.device)) as device:
        resources = replace(resources, device=str(device))
        if rank() == 0:
            run_stages(STAGES, config, folder, until=teacher.STAGE.name, force=force, resources=resources)
            tell_others(None)
            return True
        while (heard := listen()) is not None:
            scratch, identity = cast(tuple[Path, str], heard)
            teacher.STAGE.make(Workplace(config, folder, scratch, identity, resources))
        return False
