"""Batches with ``auto``: rows are searched directly, and a front is built at the same time if that may be faster.

    python benchmarks/bench_batch.py [--full] [--json RESULTS.json]

Each batch is answered by ``auto`` and by the method that is best for it, known here in advance: all rows directly, or a
front and its queries. ``auto`` should take about the same time with two cores, and at most about twice the time with
one core (some rows bind the process to one), plus some hundredths of a second. A million rows are compared with pyarrow
reading the budgets and writing the answers, also with an id and the budgets copied (``--keep``, ``--repeat-budgets``);
with --full also as Parquet, and with every row repeated a thousand times.

All times are wall-clock times, because two threads work.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import timing
from bench_commands import N_ROWS, random_budgets, read, write
from bench_mmkp import real_lut
from numpy.typing import NDArray
from paper_space import paper_lut
from timing import Row, race

from qabwnas.lut.lut import Lut, LutBlock, Metric, Table
from qabwnas.search import Frontier
from qabwnas.search.batch.batch import answer_batch

LAYER_COSTS = ("size_MB", "latency_ms", "energy_mJ")


def layers_lut() -> Lut:
    """Return 54 layers of 24 candidates with four metrics: a search takes about 0.04 s, the front never finishes."""
    generator = np.random.default_rng(1)
    blocks = []
    for b in range(54):
        scale = 10 ** generator.uniform(0, 0.7)
        size = np.sort(generator.uniform(1, 8, size=24)) * scale
        noise = np.exp(0.3 * generator.standard_normal((4, 24)))
        columns = {"loss": np.round(scale * 2.0 ** (-size / scale / 2) * noise[0], 3)}
        columns |= {name: np.round(size * noise[m], 1) for m, name in enumerate(LAYER_COSTS, start=1)}
        blocks.append(LutBlock(f"layer{b:02}", (Table(columns),)))
    return Lut(tuple(map(Metric, ("loss", *LAYER_COSTS))), tuple(blocks))


def budgets_between(lut: Lut, names: list[str], n: int, low: float, high: float) -> dict[str, NDArray[np.float64]]:
    """Return ``n`` budgets per metric, similar for the metrics of a row.

    0 is the smallest total of a metric, 1 its largest; budgets are uniform from ``low`` to ``high`` on that scale.
    """
    generator = np.random.default_rng(0)
    part = generator.uniform(low, high, n)
    budgets = {}
    for name in names:
        columns = [block.column(name) for block in lut.blocks]
        least, most = sum(c.min() for c in columns), sum(c.max() for c in columns)
        budgets[name] = np.round(least + (most - least) * part * generator.uniform(0.9, 1.1, n), 4)
    return budgets


@contextmanager
def one_core() -> Iterator[None]:
    """Bind this thread, and the threads that it starts, to one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def bench_known(
    folder: Path,
    work: str,
    lut: Lut,
    budgets: Mapping[str, Any],
    known: str,
    at_most: float,
    backends: tuple[str, ...] = timing.OURS,
    rounds: int = 7,
) -> Row:
    """Compare ``auto`` with the method that is best for these budgets."""
    budgets_path = folder / "budgets.csv"
    write(pyarrow.table(dict(budgets)), budgets_path)
    answers = {name: folder / f"answers-{name}.csv" for name in (*backends, known)}
    calls: dict[str, Any] = {
        name: partial(answer_batch, lut, budgets_path, answers[name], backend=name) for name in backends
    }
    calls[known] = partial(answer_batch, lut, budgets_path, answers[known], method=known, backend="cpp")
    detail = []

    def check(results: dict[str, Any]) -> None:
        assert len({path.read_bytes() for path in answers.values()}) == 1
        ours = results["cpp"]
        detail.append(f"{ours.n_budgets:,} rows, {ours.n_front:,} by the front")

    seconds = race(calls, check, wall_clock=set(calls), slice_seconds=20.0, rounds=rounds)
    return Row(work, seconds, detail[0], at_most=at_most)


def bench_million(folder: Path, suffix: str, n_distinct: int, *, copied: bool = False) -> Row:
    """Compare a million rows on a LUT with a small front with pyarrow reading the budgets and writing the answers.

    ``copied``: the budgets have an id, which the answers keep, and the answers repeat the budgets.
    """
    lut = paper_lut()
    budgets = random_budgets(Frontier.build(lut, ["loss", "size_bytes", "latency_ms"]), n_distinct)
    budgets_path = folder / f"budgets{suffix}"
    rows = np.random.default_rng(2).permutation(N_ROWS) % n_distinct
    columns: dict[str, Any] = {name: column[rows] for name, column in budgets.items()}
    options: dict[str, Any] = {}
    if copied:
        columns = {"id": [f"row-{n}" for n in range(N_ROWS)], **columns}
        options = {"keep": ["id"], "repeat_budgets": True}
    table = pyarrow.table(columns)
    write(table, budgets_path)
    paths = {name: folder / f"answers-{name}{suffix}" for name in ("cpp", "front")}
    calls: dict[str, Any] = {
        "cpp": partial(answer_batch, lut, budgets_path, paths["cpp"], backend="cpp", **options),
    }
    answer_batch(lut, budgets_path, paths["front"], method="front", backend="cpp", **options)
    answers = read(paths["front"])
    detail = []

    def read_and_write() -> None:
        read(budgets_path)
        write(answers, folder / f"copy{suffix}")

    calls["pyarrow"] = read_and_write

    def check(results: dict[str, Any]) -> None:
        assert read(paths["cpp"]).equals(answers)
        assert answers.num_rows == N_ROWS
        if copied:
            assert answers.select(range(table.num_columns)).rename_columns(table.column_names).equals(table)
        detail.append(f"{results['cpp'].n_front:,} by the front, {n_distinct:,} distinct")

    seconds = race(calls, check, wall_clock=set(calls), slice_seconds=15.0, rounds=9)
    work = f"auto, {N_ROWS:,} rows of a LUT, {suffix}{', id and budgets copied' if copied else ''}"
    return Row(work, seconds, detail[0], at_most=2.0)


def rows(full: bool) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        layers = layers_lut()
        few = budgets_between(layers, list(LAYER_COSTS), 20, 0.2, 0.5)
        work = "auto, 54 layers, 3 budgets"
        yield bench_known(folder, work, layers, few, "direct", 3.0)
        with one_core():
            yield bench_known(folder, f"{work}, one core", layers, few, "direct", 3.0, ("cpp",))
        real = real_lut("I03")
        if real is not None:
            lut, limits = real
            work, budgets = "auto, MMKP I03, 5 budgets", {name: [limit] for name, limit in limits.items()}
            yield bench_known(folder, work, lut, budgets, "direct", 3.0)
            with one_core():
                yield bench_known(folder, f"{work}, one core", lut, budgets, "direct", 3.0, ("cpp",))
        paper = paper_lut()
        many = budgets_between(paper, ["size_bytes", "latency_ms"], 200_000, -0.05, 0.6)
        work = "auto, MP space, 2 budgets"
        yield bench_known(folder, work, paper, many, "front", 3.0)
        with one_core():
            yield bench_known(folder, f"{work}, one core", paper, many, "front", 3.0, ("cpp",))
        yield bench_million(folder, ".csv", N_ROWS)
        yield bench_million(folder, ".csv", N_ROWS, copied=True)
        with one_core():
            row = bench_million(folder, ".csv", N_ROWS)
            yield Row(f"{row.work}, one core", row.seconds, row.detail, at_most=row.at_most)
        if full:
            yield bench_million(folder, ".csv", N_ROWS // 1000)
            yield bench_million(folder, ".parquet", N_ROWS)
            yield bench_million(folder, ".parquet", N_ROWS, copied=True)
            yield bench_million(folder, ".parquet", N_ROWS // 1000)


if __name__ == "__main__":
    timing.run(rows, __doc__)
