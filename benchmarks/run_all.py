"""All benchmarks in one table, with the target of each row.

    python benchmarks/run_all.py [--full] [--json RESULTS.json]

Takes minutes; with --full about half an hour. The last lines name the rows that miss their targets.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections.abc import Iterator

import bench_batch
import bench_calls
import bench_commands
import bench_filter
import bench_interrupts
import bench_large
import bench_mmkp
import bench_search
import bench_session
import bench_traversal
import timing
from timing import Row

BENCHMARKS = (
    bench_filter,
    bench_search,
    bench_calls,
    bench_session,
    bench_traversal,
    bench_large,
    bench_commands,
    bench_batch,
    bench_mmkp,
    bench_interrupts,
)


def rows(full: bool) -> Iterator[Row]:
    done = []
    for benchmark in BENCHMARKS:
        for row in benchmark.rows(full):
            done.append(row)
            yield row
    missed = [row.work for row in done if timing.holds(row) is False]
    slow = [row.work for row in done if timing.numba_holds(row) is False]
    print(f"\nmissed targets: {'; '.join(missed) or 'none'}")
    print(f"Numba slower than {timing.NUMBA_WITHIN:g}×: {'; '.join(slow) or 'none'}\n")


if __name__ == "__main__":
    timing.run(rows, __doc__)
