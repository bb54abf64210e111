"""``qabwnas session``: one-budget requests through pipes, on the paper's space.

    python benchmarks/bench_session.py [--json RESULTS.json]

The answers are first compared with those of ``qabwnas.search``. Times are CPU times of the command, user and system,
per request; loading is left out by the difference of a long and a short session. The target is 5,000 answers per
second.
"""

from __future__ import annotations

import json
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

import numpy as np
import timing
from paper_space import paper_lut
from timing import Row

import qabwnas
from qabwnas.search import Frontier

N_REQUESTS = 20_000
N_COMPARED = 200
ROUNDS = 5
SECONDS_PER_ANSWER = 1 / 5_000


def answered(lut_path: Path, requests: bytes, backend: str) -> tuple[float, list[str]]:
    """Return CPU seconds and answers of a session."""
    before = getrusage(RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "qabwnas", "session", str(lut_path)]
    environment = os.environ | {"QABWNAS_BACKEND": backend}
    done = subprocess.run(command, input=requests, capture_output=True, check=True, env=environment)
    after = getrusage(RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, done.stdout.decode().splitlines()


def rows(full: bool) -> Iterator[Row]:  # noqa: ARG001 - the other benchmarks have longer versions
    lut = paper_lut()
    sizes = Frontier.build(lut, ["loss", "size_bytes"]).values("size_bytes")
    budgets = np.linspace(sizes.min(), sizes.max(), N_REQUESTS).astype(int)
    np.random.default_rng(0).shuffle(budgets)
    lines = [json.dumps({"id": i, "budgets": {"size_bytes": int(size)}}) + "\n" for i, size in enumerate(budgets)]
    seconds = {}
    with tempfile.TemporaryDirectory() as folder:
        lut_path = Path(folder) / "lut.h5"
        lut.save(lut_path)
        for backend in timing.OURS:
            n = N_REQUESTS if backend == "cpp" else N_REQUESTS // 20
            short, long = "".join(lines[:N_COMPARED]).encode(), "".join(lines[:n]).encode()
            _, answers = answered(lut_path, short, backend)
            for line, size in zip(answers, budgets[:N_COMPARED].tolist(), strict=True):
                answer = json.loads(line, parse_float=Decimal)
                expected = qabwnas.search(lut, budgets={"size_bytes": size}, backend="cpp")
                assert [each["choice"] for each in answer["answers"]] == [each.choice for each in expected.answers]
                assert [each["totals"] for each in answer["answers"]] == [each.totals for each in expected.answers]
            times = [
                (answered(lut_path, long, backend)[0] - answered(lut_path, short, backend)[0]) / (n - N_COMPARED)
                for _ in range(ROUNDS)
            ]
            seconds[backend] = statistics.median(times)
    detail = f"{1 / seconds['cpp']:,.0f} answers per second"
    yield Row("session, MP space, 1 budget per request", seconds, detail, within_seconds=SECONDS_PER_ANSWER)


if __name__ == "__main__":
    timing.run(rows, __doc__)
