"""``batch``: columns that are copied, in CSV and Parquet, and standard input and output."""

from __future__ import annotations

import csv
import io
import random
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from qabwnas.search.batch import csv as batch_csv
from tests.cli import run
from tests.processes import PATIENCE

ARGUMENTS = ("--keep", "id,note", "--repeat-budgets")


def table(path: str) -> list[list[str]]:
    with open(path, newline="", encoding="utf-8") as stream:
        return list(csv.reader(stream))


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("notes", [("x", "ü", "", " y "), ("a,b", '"', "x", "")])
def test_copied_columns_are_those_of_the_csv_module(
    monkeypatch: pytest.MonkeyPatch, line_end: str, notes: tuple[str, ...]
) -> None:
    monkeypatch.setattr(batch_csv, "BYTES_PER_CHUNK", 50)
    draw = random.Random(0)
    sizes = ["1300", "1.1kB", "", "1"]
    rows = [[f"i{i}", draw.choice(sizes), draw.choice(notes), draw.choice(["0.5", ""])] for i in range(200)]
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=line_end).writerows([["id", "size_bytes", "note", "latency_ms"], *rows])
    Path("budgets.csv").write_bytes(text.getvalue().removesuffix(line_end).encode())
    Path("plain.csv").write_text(
        "".join(f"{row[1]},{row[3]}\n" for row in [["", "size_bytes", "", "latency_ms"], *rows])
    )
    assert run("batch", "lut.h5", "plain.csv", "-o", "plain-answers.csv").exit_code == 0
    result = run("batch", "lut.h5", "budgets.csv", "-o", "answers.csv", *ARGUMENTS)
    assert result.exit_code == 0, result.output
    head = ["id", "budget size_bytes", "note", "budget latency_ms"]
    plain = table("plain-answers.csv")
    assert table("answers.csv") == [copied + row for copied, row in zip([head, *rows], plain, strict=True)]


@pytest.mark.usefixtures("folder")
def test_parquet_keeps_the_types_of_copied_columns() -> None:
    budgets = pa.table(
        {"id": pa.array([3, None, 5], pa.uint8()), "size_bytes": [1300.0, None, 1.0], "note": ["x", "", "z"]}
    )
    pq.write_table(budgets, "budgets.parquet")
    assert run("batch", "lut.h5", "budgets.parquet", "-o", "answers.parquet", *ARGUMENTS).exit_code == 0
    answers = pq.read_table("answers.parquet")
    assert answers.column_names[:4] == ["id", "budget size_bytes", "note", "status"]
    copied = answers.select(["id", "budget size_bytes", "note"]).rename_columns(budgets.column_names)
    assert copied.equals(budgets)
    assert answers["status"].to_pylist() == ["optimal", "optimal", "infeasible"]


@pytest.mark.usefixtures("folder")
def test_a_batch_reads_and_writes_pipes() -> None:
    Path("budgets.csv").write_text("id,size_bytes\na,1300\nb,1\n")
    assert run("batch", "lut.h5", "budgets.csv", "-o", "answers.csv", "--keep", "id").exit_code == 0
    command = [sys.executable, "-m", "qabwnas", "batch", "lut.h5", "-", "-o", "-", "--keep", "id"]
    done = subprocess.run(command, input=Path("budgets.csv").read_bytes(), capture_output=True, timeout=PATIENCE)
    assert done.returncode == 0
    assert done.stdout == Path("answers.csv").read_bytes()
    assert done.stderr.endswith(b"1 optimal, 1 infeasible, written to standard output\n")


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("text", "arguments", "error"),
    [
        (
            "id,size_bytes\na,1\n",
            "--keep ident",
            "budgets.csv: line 1: there is no column 'ident' to keep among id, size_bytes",
        ),
        ("id,size_bytes\na,1,2\n", "--keep id", "budgets.csv: line 2: 3 cells, expected 2"),
        ("id,size_bytes\na,1\nb,x\n", "--keep id", "budgets.csv: line 3: size_bytes: 'x' is not a number"),
        ("id\n1\n", "--keep id", "budgets.csv: line 1: expected the names of the budgeted metrics"),
        (
            "status,size_bytes\n1,1\n",
            "--keep status",
            "budgets.csv: line 1: the column 'status' cannot be kept: the answers have one of that name",
        ),
    ],
)  # fmt: skip
def test_wrong_columns_are_one_line(text: str, arguments: str, error: str) -> None:
    Path("budgets.csv").write_text(text)
    result = run("batch", "lut.h5", "budgets.csv", "-o", "answers.csv", *arguments.split())
    assert (result.exit_code, result.stderr) == (1, f"error: {error}\n")
    assert not Path("answers.csv").exists()
