"""Ctrl-C in long work: every searching command ends in one line, with exit code 130, and leaves no file.

How soon kernels end is measured by benchmarks/bench_interrupts.py.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pytest

from qabwnas.lut.lut import Lut, LutBlock, Metric, Table
from tests.processes import PATIENCE, python, wait_for_work
from tests.search import BACKENDS

# The command is first run small, so that all that the long work needs is loaded and compiled. "started" is printed from
# inside the second run, as soon as it has read its LUT: an interrupt from then on is the command's to answer.
RUN = """
import sys
from qabwnas.cli.main import main
small, large = (sys.argv[1:].index(mark) + 1 for mark in ("SMALL", "LARGE"))
main(sys.argv[small + 1 : large], standalone_mode=False)
from qabwnas.lut.lut import Lut
opened = Lut.open
def announced(*arguments, **options):
    lut = opened(*arguments, **options)
    print("started", flush=True)
    return lut
Lut.open = announced
main(sys.argv[large + 1 :])
"""
N_METRICS = 12
# A little less than what random subnets take, of eleven metrics: few subnets fit, and no bound tells where.
TIGHT = [f"--budget=m{m}=1.35e10" for m in range(1, N_METRICS)]

SEARCH = ["search", "{lut}", "--minimize=m0", *TIGHT]
BATCH = ["batch", "{lut}", "{budgets}", "--minimize=m0", "--method=direct", "--output={answers}"]
COMMANDS = {  # with the LUT of the long work, and how many budgets
    "one search": (SEARCH, "hard", 1),
    "many answers": ([*SEARCH, "--top=1000"], "hard", 1),
    "a front": (["front", "{lut}", "--minimize=m0,m1,m2,m3", "--output={front}"], "hard", 1),
    "a batch of one search": (BATCH, "hard", 1),
    "a batch of many searches": (BATCH, "easy", 300_000),
}


def made_lut(n_blocks: int, n_rows: int) -> Lut:
    generator = np.random.default_rng(0)
    names = [f"m{m}" for m in range(N_METRICS)]
    blocks = tuple(
        LutBlock(f"b{b}", (Table({n: generator.integers(0, 10**9, n_rows).astype(float) for n in names}),))
        for b in range(n_blocks)
    )
    return Lut(tuple(map(Metric, names)), blocks)


def write_budgets(path: Path, n: int) -> None:
    """Write a row of tight budgets, or many rows with one budget each."""
    if n == 1:
        lines = [",".join(f"m{m}" for m in range(1, N_METRICS)), ",".join(["1.35e10"] * (N_METRICS - 1))]
    else:
        lines = ["m1", *(str(4 * 10**9 + i) for i in range(n))]
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("what", COMMANDS)
def test_ctrl_c_ends_long_work(tmp_path: Path, what: str, backend: str) -> None:
    words, lut, n_budgets = COMMANDS[what]
    made_lut(*{"hard": (30, 30), "easy": (8, 20)}[lut]).save(tmp_path / "large.h5")
    made_lut(3, 4).save(tmp_path / "small.h5")
    write_budgets(tmp_path / "large.csv", n_budgets)
    write_budgets(tmp_path / "small.csv", n_budgets if n_budgets == 1 else 3)
    arguments = []
    for size in ("small", "large"):
        files = {"lut": f"{size}.h5", "budgets": f"{size}.csv", "answers": f"{size}.answers.csv"}
        files["front"] = f"{size}.front.h5"
        arguments += [size.upper(), *(word.format(**files) for word in words)]
    with python(
        RUN,
        *arguments,
        cwd=tmp_path,
        env=os.environ | {"QABWNAS_BACKEND": backend, "PYTHONPATH": str(Path(__file__).parents[2])},
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        while process.stdout.readline() != "started\n":
            assert process.poll() is None
        wait_for_work(process)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out, err) == (130, "", "error: interrupted\n")
    left = {path.name for path in tmp_path.iterdir()} - {"small.answers.csv", "small.front.h5"}
    assert left == {"small.h5", "large.h5", "small.csv", "large.csv"}
