"""The search signature: hashes of fronts and answers on fixed LUTs, and how much work each backend did for them.

``python -m tests.search.signature`` prints it as JSON; it must equal ``signature.json`` in this folder.
CONTRIBUTING.md says when it may change.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from qabwnas.lut.lut import Lut, Metric
from qabwnas.search.engine.backend import select_backend
from qabwnas.search.model.problem import Problem
from tests.search import BACKENDS
from tests.strategies import lut_from_columns

EXPECTED = Path(__file__).with_name("signature.json")


def numbers(seed: int) -> Iterator[int]:
    """Give whole numbers from 0 to 2^32 − 1; the same on every machine and with every release of NumPy."""
    state = seed
    while True:
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        yield state >> 32


def made_lut(seed: int, n_blocks: int, n_rows: int, kinds: str) -> Lut:
    """A LUT of a loss that falls with the size, and a metric for every letter of ``kinds``.

    ``s``: the size; ``f``: noise, with a fixed part; ``n``: noise that may be negative; ``t``: few values, so that they
    tie; ``m``: a maximum of noise; ``o``: a maximum with a fixed part, of few values.
    """
    draw = numbers(seed)
    names = ["loss", *(f"{kind}{m}" for m, kind in enumerate(kinds))]
    columns: dict[str, list[list[float]]] = {name: [[] for _ in range(n_blocks)] for name in names}
    for b in range(n_blocks):
        for _ in range(n_rows - b % 3):
            size = 1 + next(draw) % 1000
            columns["loss"][b].append((10**6 // size + next(draw) % 300) / 1000)
            for name in names[1:]:
                noise = next(draw)
                value = {
                    "s": size,
                    "f": noise % 500 / 10,
                    "n": noise % 301 - 150,
                    "t": noise % 4,
                    "m": noise % 1000,
                    "o": noise % 5,
                }
                columns[name][b].append(float(value[name[0]]))
    metrics = [
        Metric(name, "", "max" if name[0] in "mo" else "sum", {"f": 12.5, "o": 2.0}.get(name[0])) for name in names
    ]
    return lut_from_columns(columns, metrics)


FRONTS = {
    "2 sums": made_lut(1, 8, 40, "s"),
    "3 sums": made_lut(2, 6, 30, "sf"),
    "4 sums, negative and tied": made_lut(3, 4, 12, "snt"),
    "5, two of them maxima": made_lut(4, 4, 8, "sfmo"),
    "maxima alone beside the loss": made_lut(5, 5, 20, "mo"),
}
SEARCHES = {  # the LUT, how tight every budget is from 0 (the least) to 100 (the mean), k and distance
    "one budget": (made_lut(11, 8, 40, "s"), 40, 1, 1),
    "one budget, top 50": (made_lut(11, 8, 40, "s"), 40, 50, 1),
    "three budgets": (made_lut(12, 8, 25, "sft"), 70, 1, 1),
    "ties and negative values, top 20": (made_lut(13, 6, 20, "tnt"), 60, 20, 1),
    "maxima": (made_lut(14, 6, 20, "smo"), 80, 5, 1),
    "ten budgets": (made_lut(15, 10, 8, "sfffnnntm"), 85, 1, 1),
    "apart": (made_lut(16, 6, 15, "sf"), 60, 6, 3),
    "nothing fits": (made_lut(17, 6, 20, "sf"), -5, 1, 1),
}


def signature_of(backend: str) -> dict[str, dict[str, Any]]:
    """Return, by case, the hashes of fronts and answers, and the pairs and nodes that were looked at."""
    kernels = select_backend(backend)
    signature: dict[str, dict[str, Any]] = {"fronts": {}, "front_pairs": {}, "answers": {}, "search_nodes": {}}
    for name, lut in FRONTS.items():
        problem = Problem.of(lut, lut.metric_names, kernels)
        status, totals, levels, _, n_points, n_pairs = kernels.front(
            problem.values, problem.offsets, problem.is_max, problem.origin
        )
        choice = kernels.choice_of(levels, np.arange(len(totals)))
        signature["fronts"][name] = f"{n_points} points, {hashed(status, totals, choice)}"
        signature["front_pairs"][name] = n_pairs
    for name, (lut, tightness, k, distance) in SEARCHES.items():
        problem = Problem.of(lut, lut.metric_names, kernels)
        status, totals, choice, bound, n_nodes = kernels.top(
            problem.values, problem.offsets, problem.is_max, problem.origin, budgets_of(problem, tightness), k, distance
        )
        signature["answers"][name] = f"{len(totals)} subnets, {hashed(status, totals, choice)}"
        assert not len(totals) or bound == totals[0, 0]
        signature["search_nodes"][name] = n_nodes
    return signature


def budgets_of(problem: Problem, tightness: int) -> np.ndarray:
    """Return a budget on every metric but the objective: so many hundredths from the least total to the mean one.

    Of a maximum, to the largest.
    """
    budgets = np.full(len(problem.metrics), 2**63 - 1, dtype=np.int64)
    blocks = np.split(problem.values, problem.offsets[1:-1], axis=1)
    for m in range(1, budgets.size):
        least = [int(block[m].min()) for block in blocks]
        if problem.is_max[m]:
            low, high = max(least), int(problem.values[m].max())
        else:
            low, high = sum(least), sum(int(block[m].sum()) // block[m].size for block in blocks)
            low, high = low + int(problem.origin[m]), high + int(problem.origin[m])
        budgets[m] = low + (high - low) * tightness // 100
    return budgets


def hashed(status: int, totals: np.ndarray, choice: np.ndarray) -> str:
    digest = hashlib.sha256(bytes([status]))
    for array in (totals.astype("<i8"), choice.astype("<i8")):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]


def signature() -> dict[str, dict[str, Any]]:
    """Return what the backends agree on once, and their work by backend; raises AssertionError where they do not."""
    by_backend = {backend: signature_of(backend) for backend in BACKENDS}
    first = by_backend[BACKENDS[0]]
    for found in by_backend.values():
        assert (found["fronts"], found["answers"]) == (first["fronts"], first["answers"])
    return {
        "fronts": first["fronts"],
        "answers": first["answers"],
        "front_pairs": {backend: found["front_pairs"] for backend, found in by_backend.items()},
        "search_nodes": {backend: found["search_nodes"] for backend, found in by_backend.items()},
    }


if __name__ == "__main__":
    print(json.dumps(signature(), indent=2, ensure_ascii=False))
