"""Fronts of many blocks, against numpy and moocore.

    python benchmarks/bench_large.py [--full] [--json RESULTS.json]

53 layers with six bit widths each, loss and size: about 30,000 points. With --full also 24 blocks of 108 candidates
with loss, size and latency: about 1.6 million points within 4 GiB; there the peer takes minutes.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import timing
from peers import front_by_moocore
from timing import Row, equal_fronts, race

from qabwnas.lut.lut import Lut, LutBlock, Metric, Table
from qabwnas.search.engine.backend import COMPLETE, select_backend
from qabwnas.search.model.problem import Problem

MAX_BYTES = 4 << 30


def lut_of_layers(
    n_blocks: int, n_operations: int, bits: tuple[int, ...], spread: tuple[float, float], steepness: float, noise: float
) -> Lut:
    """Return a seeded LUT: parameters log-uniform in ``spread``, loss proportional to 2^−(steepness × bits)."""
    generator = np.random.default_rng(0)
    widths = np.array(bits)
    blocks = []
    for b in range(n_blocks):
        shape = (n_operations, widths.size)
        parameters = np.round(10 ** generator.uniform(*spread, size=n_operations))[:, np.newaxis]
        macs = parameters * 10 ** generator.uniform(1, 3)
        loss = generator.uniform(0.2, 1) * (parameters / parameters.max()) ** -0.3 * 2.0 ** (-steepness * widths)
        columns = {
            "loss": np.round(loss * np.exp(noise * generator.standard_normal(shape)), 9),
            "size_bytes": np.round(parameters * widths / 8),
            "latency_ms": np.round(
                macs / 1e9 * (0.3 + widths / 12) * np.exp(0.1 * generator.standard_normal(shape)), 4
            ),
        }
        table = Table({name: column.ravel() for name, column in columns.items()})
        blocks.append(LutBlock(f"layer{b:02}", (table,)))
    return Lut((Metric("loss"), Metric("size_bytes", "bytes"), Metric("latency_ms", "ms")), tuple(blocks))


def bench_layers() -> Row:
    lut = lut_of_layers(53, 1, (2, 3, 4, 5, 6, 8), (3.2, 6.3), 2.0, 0.0)
    problem = Problem.of(lut, ["loss", "size_bytes"], select_backend("cpp"))
    arguments = (problem.values, problem.offsets, problem.is_max, problem.origin)
    calls = {name: (lambda kernels=kernels: kernels.front(*arguments)) for name, kernels in timing.backends().items()}
    calls["numpy + moocore"] = lambda: front_by_moocore(problem)
    sizes = []

    def check(answers: dict[str, Any]) -> None:
        totals = equal_fronts(answers)
        expected = answers["numpy + moocore"].astype(np.int64)
        assert np.array_equal(totals, expected[np.lexsort(expected.T[::-1])])
        sizes.append(len(totals))

    return Row("53 blocks × 6 bit widths, 2-D", race(calls, check), f"{sizes[0]:,} points", at_least=15)


def bench_blocks() -> Row:
    """Run each method once; it takes minutes."""
    lut = lut_of_layers(24, 36, (4, 6, 8), (4, 6), 1.0, 0.03)
    problem = Problem.of(lut, lut.metric_names, select_backend("cpp"))
    arguments = (problem.values, problem.offsets, problem.is_max, problem.origin, None, 0.0, MAX_BYTES)
    calls: dict[str, Callable[[], Any]] = {
        name: (lambda kernels=kernels: kernels.front(*arguments)) for name, kernels in timing.backends().items()
    }
    calls["numpy + moocore"] = lambda: front_by_moocore(problem)
    seconds, answers = {}, {}
    for name, call in calls.items():
        started = time.process_time()
        answers[name] = call()
        seconds[name] = time.process_time() - started
    assert answers["cpp"][0] == COMPLETE
    totals = equal_fronts(answers)
    expected = answers["numpy + moocore"].astype(np.int64)
    assert np.array_equal(totals, expected[np.lexsort(expected.T[::-1])])
    return Row("24 blocks × 108 candidates, 3-D", seconds, f"{len(totals):,} points within 4 GiB", at_least=15)


def rows(full: bool) -> Iterator[Row]:
    yield bench_layers()
    if full:
        yield bench_blocks()


if __name__ == "__main__":
    timing.run(rows, __doc__)
