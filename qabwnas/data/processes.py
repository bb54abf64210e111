"""Map a function over items in other processes, in order.

Items and results go through pipes as plain pickles, not through shared memory, where multiprocessing puts torch's
tensors: containers have little of it (64 MB with Docker), and a process that cannot get it is killed. No lock is
shared, so a process that dies cannot leave one locked. Needs no torch.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import pickle
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnContext
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

from qabwnas.errors import QabwnasError

TIMEOUT_S = 600.0
"""Time limit for one item, including the start of the process and the items before it."""
AHEAD = 2
"""How many items each process computes ahead of the next result."""
END_S = 5.0  # how long to wait for the end of a process that has closed its pipe

T = TypeVar("T")
R = TypeVar("R")


def map_in_processes(
    function: Callable[[T], R],
    items: Sequence[T],
    *,
    workers: int,
    timeout_s: float = TIMEOUT_S,
    option: str = "--num-workers",
) -> Iterator[R]:
    """Yield ``function(item)`` for every item, in order; ``workers`` processes compute, item ``i`` in ``i % workers``.

    With 0 workers, this process computes. Function, items and results must be picklable. The processes end when the
    iterator is closed or this process ends, for any reason. Messages call the number of workers ``option``.

    Raises:
        QabwnasError, OSError: errors of the function, in the order of the items.
        QabwnasError: a process died, could not be started, or gave nothing for ``timeout_s`` seconds.
    """
    if not workers:
        yield from map(function, items)
        return
    started: list[_Worker[T, R]] = []
    try:
        for _ in range(min(workers, len(items))):
            started.append(_Worker(function, option))
        for place in range(min(AHEAD * len(started), len(items))):
            started[place % len(started)].ask(items[place])
        for place in range(len(items)):
            worker = started[place % len(started)]
            result = worker.answer(timeout_s)
            following = place + AHEAD * len(started)
            if following < len(items):
                worker.ask(items[following])
            yield result
    finally:
        for worker in started:
            worker.end()


class _Worker(Generic[T, R]):
    """A process, and a thread that receives from it, because a pipe has no time limit once a message has begun."""

    def __init__(self, function: Callable[[T], R], option: str) -> None:
        context: SpawnContext = multiprocessing.get_context("spawn")  # a fork after any torch operation hangs
        self._option = option
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, pickle.dumps(function)), daemon=True)
        try:
            with _ctrl_c_for_the_parent_alone():
                self._process.start()
        except OSError as error:
            raise QabwnasError(f"cannot start a process: {error.strerror}; give a smaller {option}") from error
        finally:
            theirs.close()
        atexit.register(self._process.kill)  # if the iterator is never closed; SIGTERM would not end a stopped process
        self._answers: SimpleQueue[tuple[bool, Any] | None] = SimpleQueue()
        self._receiver = threading.Thread(target=self._receive, daemon=True)
        self._receiver.start()

    def ask(self, item: T) -> None:
        with suppress(ConnectionError):  # it has died: the next answer reports it
            self._connection.send_bytes(pickle.dumps(item))

    def answer(self, timeout_s: float) -> R:
        try:
            answer = self._answers.get(timeout=timeout_s)
        except Empty:
            raise QabwnasError(
                f"process {self._process.pid} of {self._option} returned nothing for {timeout_s:g} seconds: check the "
                f"disk or network that its files are on, or give {self._option} 0"
            ) from None
        if answer is None:
            self._process.join(END_S)
            raise QabwnasError(self._death_message())
        succeeded, value = answer
        if not succeeded:
            raise value
        result: R = value
        return result

    def end(self) -> None:
        atexit.unregister(self._process.kill)
        self._process.kill()
        self._process.join()
        self._receiver.join()
        self._connection.close()

    def _receive(self) -> None:
        try:
            while True:
                self._answers.put(pickle.loads(self._connection.recv_bytes()))
        except (EOFError, OSError):
            pass  # the process has ended, maybe inside a message
        finally:
            self._answers.put(None)

    def _death_message(self) -> str:
        code = self._process.exitcode
        who = f"process {self._process.pid} of {self._option}"
        if code is not None and code < 0:
            return (
                f"{who} was killed by {signal.Signals(-code).name}: if memory is short, give a smaller "
                f"{self._option}, or {self._option} 0"
            )
        return f"{who} ended too early, with exit code {code}: {self._option} 0 shows why"


def _serve(connection: Connection, pickled: bytes) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    function = pickle.loads(pickled)
    with suppress(EOFError, ConnectionError):  # the parent has ended
        while True:
            item = pickle.loads(connection.recv_bytes())
            try:
                answer = True, function(item)
            except (QabwnasError, OSError) as error:
                answer = False, error
            connection.send_bytes(pickle.dumps(answer, pickle.HIGHEST_PROTOCOL))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


@contextmanager
def _ctrl_c_for_the_parent_alone() -> Iterator[None]:
    """Start processes that Ctrl-C never reaches: they inherit the blocked signal."""
    resource_tracker.ensure_running()  # a process that starts it would unblock the signal
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
