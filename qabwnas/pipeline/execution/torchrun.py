"""Runs in several processes that torchrun started: all train, the first alone does everything else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import torch
from torch import distributed

from qabwnas.pipeline.config.config import Config
from qabwnas.pipeline.execution.jobs import Engine, Job
from qabwnas.pipeline.execution.resources import Resources
from qabwnas.pipeline.run import run_stages
from qabwnas.pipeline.stages.stage import Stage
from qabwnas.train.parallel import broadcast, is_first, parallel_training, process_group, receive


class Together(Engine):
    """Runs jobs, one after the other, each in all processes at once; for the first process, to which others listen.

    What a job trains is trained by all of them.
    """

    def run(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            broadcast(job)
            with parallel_training():
                job.function(*job.arguments)


def training_engine(engine: Engine) -> Engine:
    """Return what runs jobs that train one network each: all joined processes together, else ``engine``."""
    return Together() if distributed.is_initialized() else engine


def run_together(
    stages: Sequence[Stage], config: Config, folder: Path, *, until: str | None, force: bool, resources: Resources
) -> bool:
    """Make the stages of a run; return whether this process is the first, which may go on.

    The run folder has to be one that all processes see. The first process decides what has to be made; the others wait
    for jobs of :class:`Together`. Raises as :func:`~qabwnas.pipeline.run.run_stages`; torchrun then ends the others.
    """
    device = torch.device(resources.device)
    with process_group(device):
        if is_first():
            each_its_own = replace(resources, device=device.type)
            run_stages(stages, config, folder, until=until, force=force, resources=each_its_own)
            broadcast(None)
            return True
        while (job := cast(Job | None, receive())) is not None:
            with parallel_training():
                job.function(*job.arguments)
        return False
