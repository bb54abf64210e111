"""Jobs in processes of this machine."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Any

from qabwnas.errors import QabwnasError
from qabwnas.pipeline.execution.jobs import Engine, Job
from qabwnas.pipeline.execution.messages import Receiver, Sender
from qabwnas.pipeline.execution.worker_environment import prepare_worker, worker_variables
from qabwnas.progress import current_key, part_of, reporting
from qabwnas.train.interrupts import EndNowError

logger = logging.getLogger("qabwnas.pipeline")


class Processes(Engine):
    """Runs jobs in ``n`` new processes with an environment of their own; this process shows their log and progress.

    They end when this process ends, even by a kill. On Ctrl-C and SIGTERM their trainings write a checkpoint first; a
    second Ctrl-C kills them. A worker process that dies is an error; jobs that were running are then lost.
    """

    def __init__(self, n: int) -> None:
        self.n = n

    def run(self, jobs: Sequence[Job]) -> None:
        if not jobs:
            return
        others = set(multiprocessing.active_children())
        context = multiprocessing.get_context("spawn")  # a fork after any torch operation hangs
        try:
            receiver = Receiver(context)
            pool = ProcessPoolExecutor(
                min(self.n, len(jobs)),
                mp_context=context,
                initializer=_begin,
                initargs=(receiver.sender, logger.getEffectiveLevel(), current_key()),
            )
        except OSError as error:  # semaphores are files there
            raise QabwnasError(
                f"cannot start worker processes: {error.strerror}; they need a few bytes of shared memory: "
                "make room in /dev/shm, or give the container more (--shm-size)"
            ) from error
        with receiver:
            try:
                with worker_variables():
                    futures = {pool.submit(_work, job.function, job.arguments): job for job in jobs}
                for n_done, future in enumerate(as_completed(futures), start=1):
                    future.result()
                    logger.info("%s: done, %d of %d", futures[future].name, n_done, len(jobs))
            except BrokenProcessPool as error:
                raise QabwnasError("a worker process died: it was killed, or there was not enough memory") from error
            except BaseException:
                _end(pool, set(multiprocessing.active_children()) - others)
                raise
            finally:
                pool.shutdown(cancel_futures=True)


def _end(pool: ProcessPoolExecutor, workers: Iterable[BaseProcess]) -> None:
    """End the workers and wait for them; after another Ctrl-C at once."""
    for worker in workers:
        worker.terminate()
    try:
        pool.shutdown(cancel_futures=True)
    except KeyboardInterrupt:
        for worker in workers:
            worker.kill()
        raise EndNowError from None


def _begin(sender: Sender, level: int, outer: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which ends its workers
    signal.signal(signal.SIGTERM, _end_worker)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    prepare_worker(level, sender.log_handler())
    global _sender, _outer
    _sender, _outer = sender, outer


# What a worker process was started with.
_sender: Sender
_outer: str
_is_ending = threading.Event()


def _work(function: Callable[..., object], arguments: tuple[Any, ...]) -> None:
    try:
        with reporting(_sender), part_of(_outer):
            function(*arguments)
    except SystemExit:
        os._exit(1)  # the pool would give this process the next job


def _end_worker(number: int, _frame: FrameType | None) -> None:
    """Raise an exception, so that a training can save its progress and no temporary file stays."""
    if _is_ending.is_set():
        os._exit(128 + number)
    _is_ending.set()
    raise SystemExit(128 + number)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
