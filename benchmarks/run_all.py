"""All benchmarks in one table, with what is asked of each row beside what was measured.

    python benchmarks/run_all.py [--full] [--json RESULTS.json]

Minutes; with --full about half an hour. Ends by naming the rows that miss what is asked.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections.abc import Iterator

import bench_batch
import bench_commands
import bench_filter
import bench_interrupts
import bench_large
import bench_mmkp
import bench_search
import bench_traversal
import timing
from timing import Row

BENCHMARKS = (
    bench_filter,
    bench_search,
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
    print(f"\nmissed: {'; '.join(missed) or 'none'}")
    print(f"Numba beyond {timing.NUMBA_WITHIN:g}×: {'; '.join(slow) or 'none'}\n")


if __name__ == "__main__":
    timing.run(rows, __doc__)
