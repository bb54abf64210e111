"""Point sets of others with their non-dominated subsets and ranks: pruning and fronts reproduce every one of them."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import qabwnas
from qabwnas.search.engine.backend import select_backend
from qabwnas.search.model.problem import Problem
from tests.data_sets import data_file
from tests.search import BACKENDS
from tests.strategies import lut_from_columns

SETS = [
    "dynas_ofa_mbv3_acc_macs_2d",
    "dynas_ofa_mbv3_acc_macs_params_3d",
    "jmetal_ZDT3",
    "moocore_example1_2d_int",
    "moocore_input1_2d",
    "moocore_lin_S_3d",
]


def units_of(points: NDArray[np.float64], sense: Sequence[str] | str, backend: str) -> NDArray[np.int64]:
    """Return points ``(n, d)`` as kernels take them, ``(d, n)``; what is maximised is negated."""
    senses = [sense] * points.shape[1] if isinstance(sense, str) else sense
    columns = {f"m{m}": [(-column if senses[m] == "max" else column).tolist()] for m, column in enumerate(points.T)}
    lut = lut_from_columns(columns)
    front = qabwnas.Frontier.build(lut, lut.metric_names, backend=backend)
    problem = Problem.of(lut, lut.metric_names, select_backend(backend))
    pruned = select_backend(backend).prune(problem.values, problem.is_max, 1)
    assert sorted(front.candidates[:, 0].tolist()) == pruned.tolist()
    return problem.values


def ranks_of(values: NDArray[np.int64], backend: str) -> list[int]:
    """Return how many times the non-dominated points are taken away before a point is one of them; ``(d, n)``."""
    ranks = np.full(values.shape[1], -1)
    rank = 0
    while (ranks < 0).any():
        left = np.flatnonzero(ranks < 0)
        rest = np.ascontiguousarray(values[:, left])
        ranks[left[with_duplicates(rest, backend)]] = rank
        rank += 1
    return ranks.tolist()


def with_duplicates(values: NDArray[np.int64], backend: str) -> NDArray[np.int64]:
    kept = values[:, first_of_duplicates(values, backend)]
    return np.flatnonzero((values[:, :, np.newaxis] == kept[:, np.newaxis, :]).all(axis=0).any(axis=1))


def first_of_duplicates(values: NDArray[np.int64], backend: str) -> list[int]:
    return select_backend(backend).prune(values, np.zeros(len(values), dtype=np.uint8), 1).tolist()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", SETS)
def test_point_sets(name: str, backend: str) -> None:
    expected = json.loads(data_file(f"nondominated/{name}.expected.json").read_text())
    with data_file(f"nondominated/{name}.csv").open(newline="") as stream:
        header, *rows = list(csv.reader(stream))
    assert header == expected["objectives"]
    assert len(rows) == expected["points"]
    values = units_of(np.array(rows, dtype=np.float64), expected["sense"], backend)
    assert first_of_duplicates(values, backend) == expected["nondominated_first_of_duplicates"]
    assert with_duplicates(values, backend).tolist() == expected["nondominated_keep_all_duplicates"]
    if "rank_of_each_point" in expected:
        assert ranks_of(values, backend) == expected["rank_of_each_point"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_published_answers(backend: str) -> None:
    cases: list[dict[str, Any]] = json.loads(data_file("nondominated/moocore_published_answers.json").read_text())[
        "cases"
    ]
    assert len(cases) == 13
    for case in cases:
        values = units_of(np.array(case["points"], dtype=np.float64), case["sense"], backend)
        if "first_of_duplicates" in case:
            assert first_of_duplicates(values, backend) == np.flatnonzero(case["first_of_duplicates"]).tolist()
        if "keep_duplicates" in case:
            assert with_duplicates(values, backend).tolist() == np.flatnonzero(case["keep_duplicates"]).tolist()
        if "rank" in case:
            assert ranks_of(values, backend) == case["rank"]


def test_every_set_is_tested() -> None:
    folder = data_file("nondominated")
    assert sorted(path.stem for path in folder.glob("*.csv")) == SETS
