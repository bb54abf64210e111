"""Whole commands: a cold search from the shell (CPU time), a batch of a million budgets (wall-clock time).

    python benchmarks/bench_commands.py [--full] [--json RESULTS.json]

A search in a new process is compared with a process that only imports numpy, h5py and click. A batch on a built front
is compared with pyarrow reading the budgets and writing the answers.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.csv
import pyarrow.parquet
import timing
from numpy.typing import NDArray
from paper_space import paper_lut
from timing import Row, race

from qabwnas.search import Frontier
from qabwnas.search.batch.batch import answer_batch

COMMAND = "import sys; from qabwnas.cli.main import main; sys.exit(main())"
N_ROWS = 1_000_000


def start(code: str, *arguments: str, bytecode: Path, backend: str = "cpp") -> str:
    # Installed packages have bytecode; a checkout that must not write any gets it here.
    environment = os.environ | {"QABWNAS_BACKEND": backend, "PYTHONPYCACHEPREFIX": str(bytecode)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout


def bench_cold_search(folder: Path) -> Row:
    lut = folder / "lut.h5"
    paper_lut().save(lut)
    options = ("search", str(lut), "--budget", "size_bytes=900kB")
    cold = partial(start, bytecode=folder / "bytecode")
    calls = {name: partial(cold, COMMAND, *options, backend=name) for name in timing.OURS}
    calls["python importing"] = partial(cold, "import numpy, h5py, click")

    def check(answers: dict[str, Any]) -> None:
        assert answers["cpp"].splitlines()[1:] == answers["numba"].splitlines()[1:]
        assert answers["cpp"].startswith("optimal (direct, cpp")

    seconds = race(calls, check, slice_seconds=8.0, rounds=21)
    with_numba = seconds.pop("numba")  # it has to load Numba, so it has no target here
    return Row("qabwnas search, cold", seconds, f"MP space, one budget; Numba {with_numba:.2g} s", at_most=1.5)


def bench_batch(folder: Path, suffix: str) -> Row:
    front = Frontier.build(paper_lut(), ["loss", "size_bytes", "latency_ms"])
    front.save(folder / "front.h5")
    budgets = folder / f"budgets{suffix}"
    write(pyarrow.table(random_budgets(front, N_ROWS)), budgets)
    opened = Frontier.open(folder / "front.h5")
    answers_of = {name: folder / f"answers-{name}{suffix}" for name in timing.OURS}
    calls: dict[str, Any] = {
        name: partial(answer_batch, opened, budgets, path, backend=name) for name, path in answers_of.items()
    }
    calls["cpp"]()
    answers = read(answers_of["cpp"])

    def read_and_write() -> None:
        read(budgets)
        write(answers, folder / f"copy{suffix}")

    calls["pyarrow"] = read_and_write

    def check(_: dict[str, Any]) -> None:
        assert answers_of["cpp"].read_bytes() == answers_of["numba"].read_bytes()
        assert answers.num_rows == N_ROWS

    seconds = race(calls, check, wall_clock=set(calls), slice_seconds=12.0, rounds=7)
    return Row(f"batch of {N_ROWS:,} rows, {suffix}", seconds, f"{len(front):,} points, two budgets", at_most=2.0)


def random_budgets(front: Frontier, n: int) -> dict[str, NDArray[np.float64]]:
    """Return independent budgets on size and latency, a tenth of them below the front's smallest total."""
    generator = np.random.default_rng(0)
    budgets = {}
    for name in ("size_bytes", "latency_ms"):
        values = front.values(name)
        low, high = values.min(), values.max()
        budgets[name] = np.round(generator.uniform(low - 0.1 * (high - low), high, n), 4)
    return budgets


def read(path: Path) -> pyarrow.Table:
    return pyarrow.csv.read_csv(path) if path.suffix == ".csv" else pyarrow.parquet.read_table(path)


def write(table: pyarrow.Table, path: Path) -> None:
    if path.suffix == ".csv":
        pyarrow.csv.write_csv(table, path)
    else:
        pyarrow.parquet.write_table(table, path)


def rows(full: bool) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        yield bench_cold_search(folder)
        yield bench_batch(folder, ".csv")
        if full:
            yield bench_batch(folder, ".parquet")


if __name__ == "__main__":
    timing.run(rows, __doc__)
