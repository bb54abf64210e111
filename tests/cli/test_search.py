"""``search`` and ``backends``: whole outputs, exit codes, and errors in one line."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from qabwnas.search.engine.backend import LIMIT, Backend
from tests.cli import BACKEND, run

ARCHIVES = Path(__file__).resolve().parents[1] / "archives"
POPULATED = str(ARCHIVES / "v1" / "lut-populated.h5")

pytestmark = pytest.mark.usefixtures("folder")


def test_search_prints_the_proved_best() -> None:
    result = run("search", "lut.h5", "--budget", "size_bytes=1.3kB", "--budget", "latency_ms=400us", "--top", "2")
    assert result.exit_code == 0
    assert re.sub(r"[0-9.]+ ms\)", "T ms)", result.stdout) == (
        f"optimal (direct, {BACKEND}, T ms)\n"
        "#1  loss 0.55  size_bytes 1250  latency_ms 0.4\n"
        "    block0  1  #1\n"
        "    block1  0  #0\n"
        "#2  loss 0.8  size_bytes 1150  latency_ms 0.3\n"
        "    block0  0  #0\n"
        "    block1  0  #0\n"
    )
    assert result.stderr == ""


def test_search_as_json() -> None:
    result = run("search", "lut.h5", "--minimize", "loss", "--budget", "latency_ms=0.3", "--json")
    content = json.loads(result.stdout, parse_float=Decimal)
    seconds = content.pop("seconds")
    assert seconds > 0
    assert content == {
        "status": "optimal",
        "minimized": "loss",
        "method": "direct",
        "backend": BACKEND,
        "bound": Decimal("0.45"),
        "gap": 0,
        "answers": [
            {
                "objective": Decimal("0.45"),
                "totals": {"loss": Decimal("0.45"), "size_bytes": 1750, "latency_ms": Decimal("0.3")},
                "choice": {"block0": 1, "block1": 1},
            }
        ],
        "budgets": {"latency_ms": {"budget": Decimal("0.3")}},
    }


def without_time(output: str) -> str:
    return re.sub(r"[0-9.]+ ms\)", "T ms)", output)


def test_a_weighted_search_within_bits_and_operations() -> None:
    scope = ("--bits", "homogeneous", "--pin", "first/1=skip", "--forbid", "second=k3e2", "--weight", "second=2.5")
    result = run("search", POPULATED, "--minimize", "nsr", *scope, "--budget", "size_bytes=5300")
    assert without_time(result.output) == (
        f"optimal (direct, {BACKEND}, T ms)\n"
        "#1  weighted nsr 57  nsr 37.875  size_bytes 5099  peak_activation_bytes 512\n"
        "    first   2  k3e2 skip w4a4\n"
        "    second  1  k5e2 w4a4\n"
    )
    as_json = json.loads(run("search", POPULATED, "--minimize", "nsr", *scope, "--json").stdout)
    assert (as_json["minimized"], as_json["bound"], as_json["gap"]) == ("weighted nsr", 57, 0)
    assert as_json["answers"][0]["objective"] == 57
    assert as_json["answers"][0]["totals"]["nsr"] == 37.875


def test_answers_at_a_distance() -> None:
    options = ("--minimize", "nsr", "--bits", "8", "--top", "3", "--min-distance", "2")
    result = run("search", POPULATED, *options)
    assert without_time(result.output) == (
        f"optimal (direct, {BACKEND}, T ms)\n"
        "#1  nsr 2.875  size_bytes 5296  peak_activation_bytes 512  latency_ms[a/b 100%] 0.1\n"
        "    first   6  k3e2 k3e2 w8a8\n"
        "    second  2  k3e2 w8a8\n"
        "#2  nsr 27.875  size_bytes 5298  peak_activation_bytes 512  latency_ms[a/b 100%] 0.3\n"
        "    first   7  k3e2 k5e2 w8a8\n"
        "    second  3  k5e2 w8a8\n"
    )


def test_what_an_answer_rests_on() -> None:
    arguments = ("search", "lut.h5", "--budget", "size_bytes=1.3kB", "--budget", "latency_ms=410us", "--explain")
    result = run(*arguments, "--method", "front")
    assert without_time(result.output) == (
        f"optimal (front, {BACKEND}, T ms)\n"
        "#1  loss 0.55  size_bytes 1250  latency_ms 0.4\n"
        "    block0  1  #1\n"
        "    block1  0  #0\n"
        "budget size_bytes 1300, 50 unused: binds; with 1750 (450 more) loss is 0.45 (0.1 less)\n"
        "budget latency_ms 0.41, 0.01 unused: does not bind\n"
    )
    content = json.loads(run(*arguments, "--json").stdout, parse_float=Decimal)
    assert content["budgets"] == {
        "size_bytes": {
            "binds": True,
            "budget": 1300,
            "slack": 50,
            "next_budget": 1750,
            "growth": 450,
            "next_objective": Decimal("0.45"),
            "gain": Decimal("0.1"),
        },
        "latency_ms": {
            "binds": False,
            "budget": Decimal("0.41"),
            "slack": Decimal("0.01"),
            "next_budget": None,
            "growth": None,
            "next_objective": None,
            "gain": None,
        },
    }


@pytest.mark.parametrize("n_found", [1, 0])
def test_a_search_that_a_limit_stops(monkeypatch: pytest.MonkeyPatch, n_found: int) -> None:
    """Kernels may count nodes as they like, so the limit is put between them and the search."""
    whole = Backend.top

    def stopped(*arguments: Any) -> tuple[int, Any, Any, int, int]:
        assert arguments[8] == 50
        _, totals, choice, bound, n_nodes = whole(*arguments)
        return LIMIT, totals[:n_found], choice[:n_found], bound - 5, n_nodes

    monkeypatch.setattr(Backend, "top", stopped)
    options = ("search", "lut.h5", "--node-limit", "50", "--time-limit", "9", "--explain")
    result = run(*options)
    as_json = run(*options, "--json")
    content = json.loads(as_json.stdout, parse_float=Decimal)
    assert content["bound"] == Decimal("0.25")
    if n_found:
        assert without_time(result.stdout).splitlines()[:2] == [
            f"feasible (direct, {BACKEND}, T ms): no subnet has loss below 0.25, a gap of 0.166667",
            "#1  loss 0.3  size_bytes 1950  latency_ms 0.5",
        ]
        assert (result.exit_code, result.stderr) == (0, "")
        assert (content["status"], content["gap"]) == ("feasible", Decimal("0.166667"))
    else:
        assert without_time(result.stdout) == f"unknown (direct, {BACKEND}, T ms)\n"
        message = "error: no subnet was found within the limits; none has loss below 0.25\n"
        assert (result.exit_code, result.stderr) == (as_json.exit_code, as_json.stderr) == (1, message)
        assert (content["status"], content["gap"], content["answers"]) == ("unknown", None, [])


def test_nothing_fits() -> None:
    result = run("search", "lut.h5", "--budget", "size_bytes=1149")
    assert result.exit_code == 3
    assert result.stderr == "no subnet fits: the smallest size_bytes is 1150\n"
    as_json = run("search", "lut.h5", "--budget", "size_bytes=1149", "--json")
    assert as_json.exit_code == 3
    assert json.loads(as_json.stdout)["smallest"] == {"size_bytes": 1150}


@pytest.mark.parametrize(
    ("arguments", "exit_code", "message"),
    [
        (["none.h5"], 1, "error: none.h5: No such file or directory"),
        (["lut.h5", "--budget", "size=1"], 1, "error: metric 'size' is not in the LUT, which has loss, size_bytes"),
        (["lut.h5", "--budget", "size_byte=1MB"], 1, "error: metric 'size_byte' is not in the LUT, which has loss"),
        (["lut.h5", "--budget", "size_bytes=1ms"], 1, "error: size_bytes: '1ms': the unit 'ms' is not one of B, bytes"),
        (["lut.h5", "--budget", "size_bytes"], 2, "Error: --budget 'size_bytes' is not of the form METRIC=VALUE"),
        (["lut.h5", "--budget", "loss=1", "--budget", "loss=2"], 2, "Error: --budget 'loss' is given twice"),
        (["lut.h5", "--top", "0"], 2, "Error: Invalid value for '--top'"),
        (["lut.h5", "--weight", "block0"], 2, "Error: --weight 'block0' is not of the form BLOCK=FACTOR"),
        (["lut.h5", "--weight", "a=1", "--weight", "a=2"], 2, "Error: --weight 'a' is given twice"),
        (["lut.h5", "--weight", "block0=-1"], 1, "error: weight 'block0': -1 is negative"),
        (["lut.h5", "--bits", "8"], 1, "error: bits '8': the LUT does not say the bit widths of block 'block0'"),
        (["lut.h5", "--pin", "block0=#3"], 1, "error: pin 'block0=#3': block0 has candidates #0 to #2"),
        (["lut.h5", "--time-limit", "0"], 1, "error: time_limit: 0.0 is not a number of seconds above 0"),
        (
            ["lut.h5", "--method", "front", "--top", "2"],
            1,
            "error: method: a front gives one answer and observes no limits",
        ),
    ],
)
def test_wrong_searches(arguments: list[str], exit_code: int, message: str) -> None:
    result = run("search", *arguments)
    assert result.exit_code == exit_code
    assert message in result.stderr.splitlines()[-1]
    assert result.stdout == ""


def test_backends() -> None:
    content = json.loads(run("backends", "--json").stdout)
    assert content["selected"] == BACKEND
    backend = content["backends"][BACKEND]
    assert (backend["available"], backend["cause"]) == (True, None)
    assert f"* {BACKEND}" in run("backends").stdout


@pytest.mark.parametrize(("lut", "objective"), [("lut.h5", "loss"), (str(ARCHIVES / "v1" / "lut-populated.h5"), "nsr")])
def test_a_search_loads_neither_torch_nor_numba(lut: str, objective: str) -> None:
    """Neither of an imported table, nor of one that populating a search space wrote, as the demo does."""
    if BACKEND != "cpp":
        pytest.skip("the compiled core is not what searches here")
    code = (
        "import sys\nfrom qabwnas.cli.main import main\n"
        f"main(['search', {lut!r}, '--minimize', {objective!r}, '--budget', 'size_bytes=1e6'], standalone_mode=False)\n"
        "print(sorted({'torch', 'numba', 'yaml', 'scipy'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.startswith("optimal (direct, cpp")
    assert found.stdout.splitlines()[-1] == "[]"
