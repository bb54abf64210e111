"""The runner's arithmetic on samples that are known, and what it does with those that are there."""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path

import pytest

from qabwnas.deploy import runner
from qabwnas.deploy.bundle import write_bundle
from qabwnas.space import BitWidths
from tests.spaces import TINY

SAMPLES = {
    "empty": [0.1, 0.1, 0.1, 0.1, 0.1],
    "a": [1.2, 1.0, 1.6, 1.2, 1.4],
    "b": [3.0, 7.0, 3.0, 2.0, 5.5],
    "nearly nothing": [0.05, 0.06, 0.06, 0.065, 0.07],
}


def test_parts_add_up_without_the_start_of_each() -> None:
    assert runner.timing(["a", "b", "a"], SAMPLES) == pytest.approx(
        {"median_ms": 5.4, "fastest_quarter_ms": 1.1 + 2.5 + 1.1, "minimum_ms": 4.0, "spread_ms": 0.2 + 2.5 + 0.2}
    )
    assert runner.timing(["a", "b"], SAMPLES, "empty") == pytest.approx(
        {"median_ms": 4.0, "fastest_quarter_ms": 3.4, "minimum_ms": 2.8, "spread_ms": 2.7}
    )
    assert runner.timing(["nearly nothing"], SAMPLES, "empty")["median_ms"] == 0
    assert runner.timing([], SAMPLES, "empty") == {
        "median_ms": 0, "fastest_quarter_ms": 0, "minimum_ms": 0, "spread_ms": 0,
    }  # fmt: skip
    fixed = runner.fixed_timing({"empty": "empty", "fixed": ["a", "b"]}, SAMPLES)
    assert fixed["median_ms"] == pytest.approx(4.1)


def test_a_median_is_known_when_its_interval_is_narrow() -> None:
    assert not runner.is_narrow([1.0] * 10, 0.02, 200)
    assert runner.is_narrow([1.0] * 11, 0.02, 200)
    # Of 25 samples the interval reaches five ranks to either side.
    samples = [1 + 0.01 * i for i in range(25)]
    assert runner.half_width(samples) == pytest.approx((samples[18] - samples[7]) / 2 / samples[12], rel=0.1)
    assert not runner.is_narrow(samples, 0.02, 200)
    assert runner.is_narrow(samples, 0.02, 25)


def test_notes_tell_of_wide_intervals_outliers_and_throttling() -> None:
    samples = {"steady": [1.0] * 12, "hot": [1.0] * 4 + [1.5] * 4 + [2.0] * 3 + [9.0]}
    notes = runner.notes({"empty": "steady", "wholes": []}, samples, 0.02)
    assert notes == [
        "1 of 2 medians have intervals wider than ±2%; the widest is that of hot, ±33%",
        "1 of 24 samples are above 1.5 × their median",
        "the last third of the samples takes +50.0% of the first: more than a few % is throttling",
    ]


def test_notes_tell_whether_layers_add_up() -> None:
    wholes = [{"model": "a and b", "models": ["a", "b"]}, {"model": "a and a", "models": ["a", "a"]}]
    samples = {**SAMPLES, "a and b": [3.5, 3.5, 3.5], "a and a": [2.0, 2.0, 2.0]}
    manifest = {"empty": "empty", "wholes": wholes}
    assert runner.excess_of_wholes(manifest, samples) == pytest.approx([3.4 / 3.4 - 1, 1.9 / 2.0 - 1])
    assert runner.notes(manifest, samples, 1.0)[-1] == (
        "2 whole candidates of blocks beside the sums of their layers: -2.5% on average, from -5.0% to +0.0%"
    )


def test_samples_of_something_else_are_refused_and_others_continued(tmp_path: Path) -> None:
    write_bundle(TINY, {block.name: [BitWidths(8, 8)] for block in TINY.blocks}, tmp_path)
    first = runner.measure(tmp_path, 1, 2, 0.02)
    assert {len(times) for times in first.values()} == {2}
    more = runner.measure(tmp_path, 1, 3, 0.02)
    assert all(more[name][:2] == times and len(more[name]) == 3 for name, times in first.items())
    with pytest.raises(
        runner.OtherSamplesError, match=r"samples.json: was measured with something else; delete it to begin anew"
    ):
        runner.measure(tmp_path, 2, 3, 0.02)
    assert json.loads((tmp_path / "samples.json").read_text())["samples"] == more


def test_rounds_and_loads_are_in_orders_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"model {n}" for n in range(6)]
    models = {name: {"file": name, "shape": [1], "dtype": "float32", "levels": 0} for name in names}
    (tmp_path / "manifest.json").write_text(json.dumps({"models": models}))
    loaded: list[str] = []
    timed: list[str] = []

    class Run:
        def __init__(self, path: Path, *_: object) -> None:
            self._name = path.name
            loaded.append(path.name)

        def sample(self) -> float:
            timed.append(self._name)
            return float(len(timed))  # whose intervals never are narrow

    monkeypatch.setattr(runner, "_Run", Run)
    runner.measure(tmp_path, 1, 2 * runner.ROUNDS_A_LOAD + 1, 0.02)
    for found, n in ((loaded, 3), (timed, 2 * runner.ROUNDS_A_LOAD + 1)):
        orders = [tuple(found[i : i + 6]) for i in range(0, len(found), 6)]
        assert len(orders) == n
        assert all(sorted(each) == names for each in orders)
        assert len(set(orders)) > 1


def test_the_runner_needs_nothing_but_numpy_and_onnxruntime() -> None:
    tree = ast.parse(Path(runner.__file__).read_text(encoding="utf-8"))
    modules = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    modules |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in modules} - set(sys.stdlib_module_names) == {"numpy", "onnxruntime"}
