"""How soon long work ends after Ctrl-C or a time limit. The target is 0.2 seconds.

    python benchmarks/bench_interrupts.py [--full] [--json RESULTS.json]

Times are wall-clock times, the largest of several runs; run it on an idle machine. Tests only check that an interrupt
ends the work, because they must not depend on the load of a machine.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import timing
from numpy.typing import NDArray
from timing import Row

from qabwnas.search.engine.backend import LIMIT, Backend

Ints = NDArray[np.int64]
WITHIN_SECONDS = 0.2
RUNS = 5
STARTED_SECONDS = 0.5
TIME_LIMIT = 0.3


def after_interrupt(work: Callable[[], Any]) -> float:
    """Return the seconds from a signal, sent half a second after the start, to the end of the work."""
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    due = time.perf_counter() + STARTED_SECONDS
    try:
        signal.setitimer(signal.ITIMER_REAL, STARTED_SECONDS)
        work()
    except KeyboardInterrupt:
        return time.perf_counter() - due
    finally:
        signal.signal(signal.SIGALRM, before)
    raise AssertionError("the work ended before it was interrupted")


def over_the_limit(kernels: Backend) -> float:
    """Return the seconds that a search continues after its time limit."""
    started = time.perf_counter()
    status, *_ = kernels.top(*knapsack(40), 1, max_seconds=TIME_LIMIT)
    assert status == LIMIT
    return time.perf_counter() - started - TIME_LIMIT


def knapsack(n_blocks: int) -> tuple[Ints, Ints, NDArray[np.uint8], Ints, Ints]:
    """Return a problem with ten rows per block and ten budgets of half the largest total: it takes hours."""
    generator = np.random.default_rng(7)
    costs = generator.integers(0, 10, (10, n_blocks, 10))
    gains = (costs * generator.random((10, n_blocks, 1))).sum(axis=0) + 20 * generator.random((n_blocks, 10))
    values = np.concatenate([-(1000 * gains).astype(np.int64)[np.newaxis], costs]).reshape(11, -1)
    budgets = np.concatenate([[2**63 - 1], costs.max(axis=2).sum(axis=1) // 2])
    nothing = np.zeros(11, dtype=np.int64)
    return values, np.arange(0, n_blocks * 10 + 1, 10), nothing.astype(np.uint8), nothing, budgets


def front(kernels: Backend, n_metrics: int, n_blocks: int, n_rows: int) -> Any:
    """Build a front of blocks whose rows are all non-dominated."""
    uniform = np.random.default_rng(7).random((n_metrics, n_blocks * n_rows))
    values = ((1 - uniform / np.linalg.norm(uniform, axis=0)) * 10**6).astype(np.int64)
    offsets = np.arange(0, n_blocks * n_rows + 1, n_rows)
    return kernels.front(values, offsets, np.zeros(n_metrics, dtype=np.uint8), np.zeros(n_metrics, dtype=np.int64))


def rows(full: bool) -> Iterator[Row]:  # noqa: ARG001 - the full run is the same
    works: dict[str, tuple[Callable[[Backend], Any], Callable[[Backend], float]]] = {
        "Ctrl-C in a search": (
            lambda kernels: kernels.top(*knapsack(3), 1),
            lambda kernels: after_interrupt(lambda: kernels.top(*knapsack(40), 1)),
        ),
        "Ctrl-C in a front, 2-D": (
            lambda kernels: front(kernels, 2, 2, 10),
            lambda kernels: after_interrupt(lambda: front(kernels, 2, 60, 3_000)),
        ),
        "Ctrl-C in a front, 4-D": (
            lambda kernels: front(kernels, 4, 2, 10),
            lambda kernels: after_interrupt(lambda: front(kernels, 4, 6, 300)),
        ),
        "a search after its time limit": (lambda kernels: kernels.top(*knapsack(3), 1), over_the_limit),
    }
    for name, (warm_up, measure) in works.items():
        seconds = {}
        for backend, kernels in timing.backends().items():
            warm_up(kernels)
            measure(kernels)
            seconds[backend] = max(measure(kernels) for _ in range(RUNS))
        yield Row(name, seconds, f"the largest of {RUNS}", within_seconds=WITHIN_SECONDS)


if __name__ == "__main__":
    timing.run(rows, __doc__)
