"""Jobs as tasks of a Ray cluster (the extra ``ray``)."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from typing import Any

from qabwnas.errors import QabwnasError
from qabwnas.pipeline.execution.jobs import Engine, Job
from qabwnas.pipeline.execution.worker_environment import VARIABLES, prepare_worker, stderr_handler
from qabwnas.progress import activity

logger = logging.getLogger("qabwnas.pipeline")

RETRIES = 3


class OnRay(Engine):
    """Runs jobs as tasks of the cluster at ``address``; without an address, of a new cluster with this machine's cores.

    A task takes one core, and with ``uses_gpu`` one GPU. A task whose worker or machine dies is tried again. Jobs read
    and write files, so the run folder and the data have to be at the same paths on every machine of the cluster.
    """

    def __init__(self, address: str | None = None, *, uses_gpu: bool = False) -> None:
        self.address = address
        self.uses_gpu = uses_gpu

    def run(self, jobs: Sequence[Job]) -> None:
        import ray

        if not jobs:
            return
        own = not ray.is_initialized()
        if own:
            try:
                ray.init(address=self.address, log_to_driver=True, include_dashboard=False)
            except (ConnectionError, ValueError, RuntimeError) as error:
                raise QabwnasError(f"no Ray cluster at {self.address}: {error}") from error
        try:
            self._run(jobs)
        finally:
            if own:
                ray.shutdown()

    def _run(self, jobs: Sequence[Job]) -> None:
        import ray

        task = ray.remote(
            num_cpus=1, num_gpus=int(self.uses_gpu), max_retries=RETRIES, runtime_env={"env_vars": VARIABLES}
        )(_work)
        level = logger.getEffectiveLevel()
        pending = {task.remote(level, sys.path, job.function, job.arguments): job for job in jobs}
        with activity("on Ray", len(jobs), "jobs", size=0) as shown:
            while pending:
                name = _finish_one(pending)
                shown.advance()
                logger.info("%s: done, %d of %d", name, len(jobs) - len(pending), len(jobs))


def _finish_one(pending: dict[Any, Job]) -> str:
    """Wait for one of the tasks, take it from ``pending``, and return the name of its job."""
    import ray

    [done, *_], _ = ray.wait(list(pending))
    job = pending.pop(done)
    try:
        ray.get(done)
    except ray.exceptions.RayTaskError as error:
        for other in pending:
            ray.cancel(other)
        if isinstance(error.cause, Exception):
            raise error.cause from None
        raise
    except ray.exceptions.RayError as error:
        raise QabwnasError(f"{job.name}: failed {RETRIES + 1} times: {str(error).splitlines()[0]}") from error
    return job.name


def _work(level: int, path: list[str], function: Callable[..., object], arguments: tuple[Any, ...]) -> None:
    sys.path += [folder for folder in path if folder not in sys.path]  # the user's own code, as in new processes
    prepare_worker(level, stderr_handler())
    function(*arguments)
