"""Runs in several processes that torchrun started: all of them train, and the first one alone does everything else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import cast

import torch
from torch import distributed

from qabwnas.pipeline.execution.jobs import Engine, Job, Resources
from qabwnas.train.parallel import (
    broadcast,
    is_first,
    parallel_training,
    process_group,
    receive,
    started_by_torchrun,
)


class DistributedEngine(Engine):
    """Runs one job after the other, each in all processes at once: they train the job's module together.

    For the first process; the others wait for its jobs in :func:`run_distributed`.
    """

    def run(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            broadcast(job)
            with parallel_training():
                job.function(*job.arguments)


def training_engine(engine: Engine) -> Engine:
    """Return the engine for jobs that each train something: all joined processes if there are any, or ``engine``."""
    return DistributedEngine() if distributed.is_initialized() else engine


def run_distributed(work: Callable[[Resources], None], resources: Resources) -> bool:
    """Call ``work`` with the resources of a command; return whether this process called it.

    Under torchrun the first process calls it, while the others run its jobs. All processes have to see the same run
    folder. The device is then only a kind of device: each process gets one of its own. If ``work`` raises, torchrun
    ends the other processes.
    """
    if not started_by_torchrun():
        work(resources)
        return True
    kind = torch.device(resources.device).type
    with process_group(torch.device(kind)):
        if is_first():
            work(replace(resources, device=kind))
            broadcast(None)
            return True
        while (job := cast(Job | None, receive())) is not None:
            with parallel_training():
                job.function(*job.arguments)
        return False
