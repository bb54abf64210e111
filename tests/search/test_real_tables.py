"""Real tables with proved answers: every expected optimum, and every expected front, on every backend."""

from __future__ import annotations

import csv
import json
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

import qabwnas
from qabwnas.search import select_backend
from qabwnas.search.model.totals import totals_in
from tests.data_sets import data_file
from tests.search import BACKENDS

TABLES = ["hawqv3_resnet18", "spaceevo_pixel4_160", "spaceevo_pixel4_192", "spaceevo_pixel4_224"]
FRONTS = {
    "hawqv3_resnet18": [
        "front_loss_vs_size_MiB",
        "front_loss_vs_gbops",
        "front_loss_vs_latency_ms_nvidia_t4",
        "front_3d_loss_size_latency",
        "front_4d",
    ]
} | {
    table: ["front_loss_vs_flops_M", "front_loss_vs_params_M", "front_loss_vs_latency_ms_pixel4_cpu_int8_tflite"]
    for table in TABLES[1:]
}


def expected_cases(table: str) -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = json.loads(data_file(f"expected/{table}.expected.json").read_text())["cases"]
    return cases


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("table", TABLES)
def test_optima(table: str, backend: str) -> None:
    lut = qabwnas.Lut.from_csv(data_file(f"tables/{table}.csv"))
    cases = expected_cases(table)
    assert len(cases) == 20
    for case in cases:
        result = qabwnas.search(lut, budgets=case["budgets"], backend=backend)
        assert result.status == case["status"]
        if result.status == "infeasible":
            continue
        answer = result.answers[0]
        assert answer.totals["loss"] == Decimal(case["optimal_loss"])
        if case["unique_optimum"]:
            assert list(answer.choice.values()) == case["one_optimal_selection"]
            assert {name: answer.totals[name] for name in case["totals"]} == {
                name: Decimal(total) for name, total in case["totals"].items()
            }
        for name, budget in case["budgets"].items():
            assert answer.totals[name] <= Decimal(budget)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("table", TABLES)
def test_smallest_budget_of_infeasible_cases(table: str, backend: str) -> None:
    """The smallest total that an infeasible search names is feasible as a budget, and is the smallest."""
    lut = qabwnas.Lut.from_csv(data_file(f"tables/{table}.csv"))
    cases = [case for case in expected_cases(table) if case["status"] == "infeasible"]
    assert cases
    for case in cases:
        result = qabwnas.search(lut, budgets=case["budgets"], backend=backend)
        for name, smallest in result.smallest.items():
            if smallest is not None:
                budgets = case["budgets"] | {name: smallest}
                assert qabwnas.search(lut, budgets=budgets, backend=backend).status == "optimal"
                assert Decimal(case["budgets"][name]) < smallest


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("table", "front"), [(table, front) for table in TABLES for front in FRONTS[table]])
def test_fronts(table: str, front: str, backend: str) -> None:
    lut = qabwnas.Lut.from_csv(data_file(f"tables/{table}.csv"))
    with data_file(f"expected/{table}__{front}.csv").open(newline="") as stream:
        metrics, *rows = list(csv.reader(stream))
    frontier = qabwnas.Frontier.build(lut, metrics, backend=backend)
    found = [tuple(frontier.totals(i).values()) for i in range(len(frontier))]
    assert sorted(found) == sorted(tuple(Decimal(cell) for cell in row) for row in rows)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("instance", ["I01", "I02", "I03"])
def test_multiple_choice_knapsacks(instance: str, backend: str) -> None:
    lut = qabwnas.Lut.from_csv(data_file(f"mmkp/{instance}.csv"))
    expected = json.loads(data_file("mmkp/expected_mmkp.json").read_text())[instance]
    result = qabwnas.search(lut, budgets=expected["budgets"], backend=backend)
    assert result.status == "optimal"
    assert result.answers[0].totals["loss"] == -Decimal(expected["ours"]["value"])


@pytest.mark.parametrize("backend", BACKENDS)
def test_published_bit_allocations(backend: str) -> None:
    """The optimum at each of HAWQ-V3's published budgets, from a search and from a query of the front."""
    lut = qabwnas.Lut.from_csv(data_file("tables/hawqv3_resnet18.csv"))
    cases = json.loads(data_file("expected/hawqv3_resnet18_published.json").read_text())["cases"]
    assert len(cases) == 9
    for case in cases:
        column, budget = case["constraint_column"], case["budget"]
        (answer,) = qabwnas.search(lut, budgets={column: budget}, backend=backend).answers
        assert list(answer.choice.values()) == case["optimal_selection_merged_table"]
        assert answer.totals == {name: Decimal(total) for name, total in case["optimal_totals"].items()}
        frontier = qabwnas.Frontier.build(lut, ["loss", column], backend=backend)
        point = int(frontier.query({column: float(budget)}, backend=backend)[0])
        assert frontier.choice(point) == answer.choice


def test_known_networks_of_a_table_without_losses() -> None:
    """Latencies of known networks, fixed part included, come out as their authors state them (to 1e-7)."""
    known = json.loads(data_file("expected/hwnas_fbnet_cifar100.known_totals.json").read_text())
    fixed = {f"latency_ms[{name}]": float(value) for name, value in known["fixed_part_ms"].items()}
    lut = qabwnas.Lut.from_csv(data_file("tables/hwnas_fbnet_cifar100.csv"), fixed=fixed)
    assert "loss" not in lut.metric_names
    choice = np.array([network["selection"] for network in known["known_totals"]], dtype=np.int32)
    for name in fixed:
        device = name.removeprefix("latency_ms[").removesuffix("]")
        totals = totals_in(lut, name, choice, select_backend())
        for total, network in zip(totals, known["known_totals"], strict=True):
            assert abs(total - Decimal(network["totals_including_fixed_part"][device])) < Decimal("1e-6")
