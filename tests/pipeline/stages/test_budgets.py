"""Budgets that cannot be met are refused before anything is trained, and those that just can are not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from qabwnas.cli.main import main
from qabwnas.costs import COSTS, network_costs
from qabwnas.errors import InputError
from qabwnas.pipeline.config.config import Config
from qabwnas.pipeline.config.load import load_config, parse_config
from qabwnas.pipeline.stages.budgets import cost_lut, smallest_totals
from qabwnas.search.api import search
from qabwnas.space import Policy
from tests.pipeline.config.test_teacher import MODULE
from tests.pipeline.tiny import SPACE, TINY

KINDS: dict[str, dict[str, Any]] = {
    "blocks": {},
    "one bit width": {"bit_widths": [8]},
    "float": {"bit_widths": [32]},
    "mixed": {"bit_widths": ["w4a8", 3, 8]},
    "layers": {"policy": "layer"},
    "sampled layers": {"policy": "layer", "sample": 3},
    "module": {"teacher": MODULE},
}
METRICS = [cost.name for cost in COSTS]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(SPACE))
    return tmp_path


def load(folder: Path, budgets: list[dict[str, Any]], **change: Any) -> Config:
    (folder / "config.yaml").write_text(yaml.safe_dump(TINY | change | {"budgets": budgets}))
    return load_config(folder / "config.yaml")


@pytest.mark.parametrize("kind", KINDS)
def test_the_smallest_is_what_a_search_finds_and_what_a_budget_may_be(folder: Path, kind: str) -> None:
    config = parse_config(TINY | KINDS[kind] | {"budgets": [{"nsr": 1}]}, folder=folder)
    lut = cost_lut(config)
    smallest = smallest_totals(lut)
    assert list(smallest) == METRICS
    for metric, least in smallest.items():
        assert search(lut, minimize=metric).answers[0].totals[metric] == least
        load(folder, [{metric: int(least)}, {"nsr": 1e-9}], **KINDS[kind])
        with pytest.raises(InputError) as caught:
            load(folder, [{"nsr": 1}, {"nsr": 2, metric: int(least) - 1}], **KINDS[kind])
        path = folder / "config.yaml"
        unit = next(cost.unit for cost in COSTS if cost.name == metric)
        text = f"{int(least) - 1} cannot be met; the smallest network takes {least} {unit}"
        assert str(caught.value) == f"{path}: budgets[1].{metric}: {text}"


def test_the_smallest_network_is_counted_as_any_other(folder: Path) -> None:
    config = parse_config(TINY | {"budgets": [{"nsr": 1}], "bit_widths": [4]}, folder=folder)
    cheapest = tuple(block.decode(0) for block in config.space.blocks)  # k3e1 throughout
    costs = network_costs(config.space, cheapest, Policy(config.space.bit_widths * 2))
    assert {name: int(total) for name, total in smallest_totals(cost_lut(config)).items()} == {
        name: int(costs[name]) for name in METRICS
    }


def test_shares_and_units_are_told_in_numbers(folder: Path) -> None:
    with pytest.raises(InputError, match=r"budgets\[0\].size_bytes: 1% \([0-9]+ bytes\) cannot be met; the smallest "):
        load(folder, [{"size_bytes": "1%"}])
    with pytest.raises(InputError, match=r"budgets\[0\].macs: 0.01k \(10 MACs\) cannot be met; the smallest "):
        load(folder, [{"macs": "0.01k"}])
    with pytest.raises(InputError, match=r"budgets\[0\].size_bytes: -5 cannot be met; the smallest network takes"):
        load(folder, [{"size_bytes": -5}])


def test_budgets_that_exclude_each_other(folder: Path) -> None:
    """The operation with the fewest weights has the larger maps here, so that both cannot be smallest."""
    space = SPACE | {"operations": ["k3e6", "k31e1"]}
    (folder / "tiny.yaml").write_text(yaml.safe_dump(space))
    teacher = TINY["teacher"] | {"operations": ["k3e6 k3e6", "k3e6"]}
    config = parse_config(TINY | {"teacher": teacher, "budgets": [{"nsr": 1}]}, folder=folder)
    least = {name: int(total) for name, total in smallest_totals(cost_lut(config)).items()}
    budgets = {"peak_activation_bytes": least["peak_activation_bytes"], "size_bytes": least["size_bytes"]}
    found = search(cost_lut(config), minimize="size_bytes", budgets=budgets)
    assert not found.answers
    needed = {name: f"{total} bytes" for name, total in found.smallest.items()}
    with pytest.raises(InputError) as caught:
        load(folder, [budgets], teacher=teacher)
    assert str(caught.value) == (
        f"{folder / 'config.yaml'}: budgets[0]: peak_activation_bytes ≤ {least['peak_activation_bytes']} bytes and "
        f"size_bytes ≤ {least['size_bytes']} bytes cannot be met together; they can with "
        f"peak_activation_bytes {needed['peak_activation_bytes']} or size_bytes {needed['size_bytes']}"
    )
    load(folder, [budgets | {"size_bytes": int(found.smallest["size_bytes"] or 0)}], teacher=teacher)


@pytest.mark.parametrize("command", ["run", "distill", "populate"])
def test_nothing_is_written_before(folder: Path, command: str) -> None:
    (folder / "config.yaml").write_text(yaml.safe_dump(TINY | {"budgets": [{"size_bytes": 1}]}))
    result: Result = CliRunner().invoke(main, [command, str(folder / "config.yaml"), "-o", str(folder / "run")])
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert not (folder / "run").exists()
