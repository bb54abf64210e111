"""``bench``: the table of a small LUT, its JSON and picture, and baselines that cannot run."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from qabwnas.bench import baselines, compare
from qabwnas.cli.main import main
from qabwnas.errors import QabwnasError
from qabwnas.search.engine.backend import select_backend
from tests.search import BACKENDS
from tests.strategies import lut_from_columns

SOLVERS = {"HiGHS": "scipy", "CBC": "pulp", "CP-SAT": "ortools"}
METHODS = [
    "exact search, cpp",
    "exact search, numba",
    "DNA traversal, published",
    "DNA traversal, repaired",
    "brute force",
    *SOLVERS,
    "random search",
    "evolutionary search",
]

pytestmark = pytest.mark.usefixtures("folder")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a LUT of two blocks, in which the test runs."""
    monkeypatch.chdir(tmp_path)
    columns = {
        "loss": [[0.5, 0.25, 0.1], [0.3, 0.2]],
        "size_bytes": [[100.0, 200.0, 400.0], [1000.0, 1500.0]],
        "latency_ms": [[0.101, 0.2, 0.4], [0.2, 0.1]],
    }
    lut_from_columns(columns).save("lut.h5")
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ("bench", *arguments, "--repeats", "1"))


@pytest.mark.skipif("cpp" not in BACKENDS, reason="the compiled core was not built")
def test_the_table_of_one_budget(folder: Path) -> None:
    for solver, package in SOLVERS.items():
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed, so that {solver} is left out of the table")
    result = run("lut.h5", "--budget", "size_bytes=1.3kB", "--json", "bench.json", "--plot", "bench.html")
    assert result.exit_code == 0, result.output
    head, *lines = result.stdout.splitlines()
    assert head == "smallest loss with size_bytes ≤ 1300; 6 networks"
    cells = [re.split(r" {2,}", line) for line in lines]
    assert cells[0] == ["method", "status", "loss", "gap", "time", "× exact", "note"]
    expected = {method: ["optimal", "0.55", "0.00%"] for method in METHODS}
    expected |= {"random search": ["feasible", "0.55", "0.00%"], "evolutionary search": ["feasible", "0.55", "0.00%"]}
    expected |= {"DNA traversal, published": ["feasible", "0.55", "0.00%"]}
    assert {row[0]: row[1:4] for row in cells[1:]} == expected
    assert [row[0] for row in cells[1:]] == METHODS
    assert all(re.fullmatch(r"[0-9.,]+ (µs|ms|s)", row[4]) for row in cells[1:])
    assert result.stderr.splitlines() == [f"{method} …" for method in METHODS]

    content = json.loads(Path("bench.json").read_text(), parse_float=Decimal)
    assert content["lut"] == "lut.h5"
    assert {"processor", "cores", "python", "packages", "commit"} <= set(content["machine"])
    (case,) = content["cases"]
    assert (case["minimize"], case["budgets"], case["networks"]) == ("loss", {"size_bytes": 1300}, 6)
    assert [method["method"] for method in case["methods"]] == METHODS
    exact = case["methods"][0]
    assert (exact["status"], exact["value"], exact["choice"]) == ("optimal", Decimal("0.55"), [1, 0])
    assert exact["times_exact"] == 1
    assert Path("bench.html").read_bytes().startswith(b"<!doctype html>")
    assert sorted(path.name for path in folder.iterdir()) == ["bench.json", "bench.html", "lut.h5"]


def test_the_default_is_tight_budgets_on_one_cost_and_on_all() -> None:
    result = run("lut.h5")
    assert result.exit_code == 0, result.output
    one, every = result.stdout.split("\n\n")
    assert one.startswith("smallest loss with size_bytes ≤ 1260; 6 networks\n")
    assert every.startswith("smallest loss with size_bytes ≤ 1260, latency_ms ≤ 0.28; 6 networks\n")
    note = "not run  DNA's traversal takes one budget, not on the objective; given: size_bytes, latency_ms"
    assert len(re.findall(note, re.sub(" {2,}", "  ", every))) == 2


def test_nothing_fits() -> None:
    result = run("lut.h5", "--budget", "size_bytes=1")
    assert result.exit_code == 0, result.output
    statuses = {line.split("  ")[0]: line for line in result.stdout.splitlines()[2:]}
    assert "infeasible" in statuses["brute force"]
    assert "unknown" in statuses["random search"]


def test_a_peer_that_is_missing_or_stopped_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(0)
    columns = {name: [generator.random(30).round(3).tolist() for _ in range(9)] for name in ("loss", "cost")}
    lut_from_columns(columns).save("large.h5")
    monkeypatch.setattr(compare, "find_spec", lambda _: None)
    result = run("large.h5", "--time-limit", "0.2")
    assert result.exit_code == 0, result.output
    lines = {line.split("  ")[0]: line for line in result.stdout.splitlines()}
    assert lines["CP-SAT"].endswith("not installed: ortools (pip install 'qabwnas[bench]')")
    assert re.search(r"(unknown|feasible) .* stopped after [0-9.]+ s$", lines["brute force"])
    assert re.search(
        r"^brute force: [0-9.e+]+ networks per second; extrapolated, not measured: 1e\+14 networks in .*, "
        r"7e\+16 networks in .*, 1\.97e\+13 networks in ",
        result.stdout.splitlines()[-1],
    )


@pytest.mark.parametrize(
    ("arguments", "exit_code", "message"),
    [
        (["none.h5"], 1, "error: none.h5: No such file or directory"),
        (["lut.h5", "--minimize", "size"], 1, "error: metric 'size' is not in the LUT, which has loss"),
        (["lut.h5", "--budget", "size_bytes"], 2, "Error: --budget 'size_bytes' is not of the form METRIC=VALUE"),
        (["lut.h5", "--budget", "loss=1"], 1, "error: there is no cost other than 'loss' to put a budget on"),
        (["lut.h5", "--json", "lut.h5"], 1, "error: lut.h5: JSON is written: the name should end in .json"),
    ],
)
def test_wrong_calls(arguments: list[str], exit_code: int, message: str) -> None:
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (exit_code, "")
    assert message in result.stderr.splitlines()[-1]


def test_exact_methods_that_disagree_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    lut = lut_from_columns({"loss": [[2.0, 1.0]], "cost": [[1.0, 2.0]]})
    right = baselines.brute_force

    def wrong(problem: object, budgets: object, *arguments: object, **limits: object) -> baselines.BaselineResult:
        found = right(problem, budgets, *arguments, **limits)  # type: ignore[arg-type]
        return type(found)("optimal", 3, found.choice, 3, found.evaluations, found.seconds)

    monkeypatch.setattr(baselines, "brute_force", wrong)
    with pytest.raises(QabwnasError, match="exact methods disagree, in units of the objective: .* brute force 3"):
        compare.compare(lut, budgets={"cost": 2}, repeats=1)
    assert select_backend().name in BACKENDS
