"""Jobs in processes of this machine."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool

from qabwnas.errors import QabwnasError
from qabwnas.pipeline.execution.jobs import Engine, Job
from qabwnas.pipeline.execution.worker_environment import prepare_worker, worker_variables

logger = logging.getLogger("qabwnas.pipeline")


class Processes(Engine):
    """Runs jobs in ``n`` new processes with an environment of their own.

    They end when this process ends, even by a kill. A worker process that dies is an error; jobs that were running
    are then lost.
    """

    def __init__(self, n: int) -> None:
        self.n = n

    def run(self, jobs: Sequence[Job]) -> None:
        if not jobs:
            return
        others = set(multiprocessing.active_children())
        try:
            pool = ProcessPoolExecutor(
                min(self.n, len(jobs)),
                mp_context=multiprocessing.get_context("spawn"),  # a fork after any torch operation hangs
                initializer=_begin,
                initargs=(logger.getEffectiveLevel(),),
            )
        except OSError as error:  # semaphores are files there
            raise QabwnasError(
                f"cannot start worker processes: {error.strerror}; they need a few bytes of shared memory: "
                "make room in /dev/shm, or give the container more (--shm-size)"
            ) from error
        try:
            with worker_variables():
                futures = {pool.submit(job.function, *job.arguments): job for job in jobs}
            for n_done, future in enumerate(as_completed(futures), start=1):
                future.result()
                logger.info("%s: done, %d of %d", futures[future].name, n_done, len(jobs))
        except BrokenProcessPool as error:
            raise QabwnasError("a worker process died: it was killed, or there was not enough memory") from error
        except BaseException:
            for process in set(multiprocessing.active_children()) - others:
                process.terminate()
            raise
        finally:
            pool.shutdown(cancel_futures=True)


def _begin(level: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which ends its workers
    threading.Thread(target=_end_with_parent, daemon=True).start()
    prepare_worker(level)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
