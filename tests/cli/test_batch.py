"""``batch``: how far it is, its limits, and Ctrl-C while rows are searched and a front is built."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pytest

from qabwnas.cli import batch
from qabwnas.cli.batch import ProgressLine, progress_text
from qabwnas.search.batch import concurrent_front
from qabwnas.search.batch.answers import BatchProgress
from tests.cli import BACKEND, run
from tests.processes import PATIENCE, python
from tests.search import BACKENDS
from tests.search.batch import finish_fronts_when_they_start
from tests.strategies import lut_from_columns


@pytest.mark.parametrize(
    ("progress", "text"),
    [
        (BatchProgress(0, 0, 20, is_building=True), "0 of 20 budgets, building a front"),
        (BatchProgress(1234, 0, 1_000_000), "1,234 of 1,000,000 budgets"),
        (BatchProgress(1200, 34, 20_000), "1,234 of 20,000 budgets, 34 by the front"),
        (BatchProgress(7, 0, None), "7 budgets answered"),
    ],
)
def test_progress_as_text(progress: BatchProgress, text: str) -> None:
    assert progress_text(progress) == text


@pytest.mark.parametrize("on_terminal", [True, False])
def test_progress_is_one_line_on_a_terminal_and_rare_elsewhere(
    capsys: pytest.CaptureFixture[str], on_terminal: bool
) -> None:
    now = 0.0
    line = ProgressLine(on_terminal, lambda: now)
    for tenth in range(610):
        now = tenth / 10
        line(BatchProgress(1000 - tenth, 0, None))
    line.clear()
    out, err = capsys.readouterr()
    assert out == ""
    if on_terminal:
        assert err.startswith("\r995 budgets answered\r994 budgets answered")
        assert err.endswith(" \r")
        assert "\n" not in err
    else:
        assert err == "700 budgets answered\n400 budgets answered\n"


def test_a_quick_batch_says_nothing_of_its_progress(folder: Path) -> None:
    Path("budgets.csv").write_text("size_bytes\n1300\n")
    result = run("batch", "lut.h5", "budgets.csv", "-o", "answers.csv")
    assert (result.stdout, result.stderr) == (
        f"1 budgets (direct, {BACKEND}): 1 optimal, 0 infeasible, written to answers.csv\n",
        "",
    )
    assert sorted(path.name for path in folder.iterdir()) == ["answers.csv", "budgets.csv", "lut.h5"]


@pytest.mark.parametrize("least", [0.0, 1e9])
def test_a_front_beyond_the_limit_is_an_error_only_where_it_is_asked_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch, least: float
) -> None:
    monkeypatch.setattr(concurrent_front, "MIN_SECONDS", least)
    Path("budgets.csv").write_text("size_bytes\n1300\n1149\n")
    limited = ("batch", "lut.h5", "budgets.csv", "--max-memory", "1B", "-o", "answers.csv")
    wrong = run(*limited, "--method", "front")
    assert wrong.exit_code == 1
    assert wrong.stderr.startswith("error: the front over loss, size_bytes takes more than 1 bytes")
    assert sorted(path.name for path in folder.iterdir()) == ["budgets.csv", "lut.h5"]
    for method in ("auto", "direct"):
        result = run(*limited, "--method", method, "--force")
        assert result.stdout == f"2 budgets (direct, {BACKEND}): 1 optimal, 1 infeasible, written to answers.csv\n"


@pytest.mark.parametrize("value", ["0B", "many", "-1GiB"])
def test_wrong_limits_write_nothing(folder: Path, value: str) -> None:
    Path("budgets.csv").write_text("size_bytes\n1300\n")
    wrong = run("batch", "lut.h5", "budgets.csv", "-o", "answers.csv", "--max-memory", value)
    assert wrong.exit_code == 1
    assert wrong.stderr.startswith("error: max")
    assert len(wrong.stderr.splitlines()) == 1
    assert sorted(path.name for path in folder.iterdir()) == ["budgets.csv", "lut.h5"]


def test_both_methods_are_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    monkeypatch.setattr(batch, "QUIET_SECONDS", (0.0, 0.0))
    finish_fronts_when_they_start(monkeypatch)
    Path("budgets.csv").write_text("\n".join(["size_bytes", *(f"{1100 + n / 100:.2f}" for n in range(50_000))]))
    result = run("batch", "lut.h5", "budgets.csv", "-o", "answers.csv")
    n_direct, n_front = (int(text.split()[0]) for text in result.stdout.partition("(")[2].split(", ")[:2])
    assert n_direct + n_front == 50_000
    assert min(n_direct, n_front) > 0
    assert result.stdout == (
        f"50000 budgets ({n_direct} direct, {n_front} front, {BACKEND}): 45000 optimal, 5000 infeasible, "
        "written to answers.csv\n"
    )
    assert result.stderr.splitlines()[-1] == f"50,000 of 50,000 budgets, {n_front:,} by the front"


# Progress is written at once, so that the test need not guess when the work has begun.
RUN = """
import sys
from qabwnas.cli import batch
from qabwnas.cli.main import main
batch.QUIET_SECONDS = (0.0, 0.0)
main(sys.argv[1:])
"""


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_ctrl_c_ends_the_searches_and_the_front(tmp_path: Path, backend: str, suffix: str) -> None:
    """Neither of the two would end within an hour."""
    if suffix == "parquet":
        pytest.importorskip("pyarrow")
    generator = np.random.default_rng(0)
    names = [f"m{m}" for m in range(6)]
    lut_from_columns({name: generator.integers(0, 10**9, (30, 30)).astype(float).tolist() for name in names}).save(
        tmp_path / "lut.h5"
    )
    lines = [",".join(names[1:]), *(",".join([str(10**10 + n)] * 5) for n in range(100_000))]
    (tmp_path / "budgets.csv").write_text("\n".join(lines))
    words = ["batch", "lut.h5", "budgets.csv", "--minimize=m0", f"--output=answers.{suffix}"]
    environment = os.environ | {"QABWNAS_BACKEND": backend, "PYTHONPATH": str(Path(__file__).parents[2])}
    with python(RUN, *words, cwd=tmp_path, env=environment) as process:
        assert process.stderr is not None
        while "building a front" not in (line := process.stderr.readline()):
            assert line, "it ended"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (130, "")
    *said, last = err.splitlines()
    assert last == "error: interrupted"
    assert [line for line in said if " of 100,000 budgets" not in line] == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["budgets.csv", "lut.h5"]
