"""``batch``: headings and cells ask everything that ``search`` can, in CSV and Parquet; wrong ones are one line."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from qabwnas.lut.lut import Lut, Metric
from qabwnas.search.batch import csv as batch_csv
from tests.cli import run
from tests.strategies import lut_from_columns

# Heading, cells, and each cell as the --budget of a search.
COLUMNS: list[tuple[str, list[str], list[str]]] = [
    ("size_bytes", ["0.4kB", "60%", ""], ["size_bytes=0.4kB", "size_bytes=60%", ""]),
    ("size_bytes<=", ["400", "250", "3"], ["size_bytes=400", "size_bytes=250", "size_bytes=3"]),
    ("latency_ms>=", ["0.5", "300us", "70%"], ["latency_ms>=0.5", "latency_ms>=300us", "latency_ms>=70%"]),
    ("latency_ms==", ["0.5", "0.4001", ""], ["latency_ms==0.5", "latency_ms==0.4001", ""]),
    ("latency_ms=", ["0.3:0.5", ":400us", "0.6"], ["latency_ms=0.3:0.5", "latency_ms=:400us", "latency_ms=0.6"]),
    ("peak_bytes>=", ["40", "60", ""], ["peak_bytes>=40", "peak_bytes>=60", ""]),
    ("size_bytes+code_bytes", ["400", "0.6kB", "50%"], [f"size_bytes+code_bytes={v}" for v in ("400", "0.6kB", "50%")]),
    ("size_bytes+peak_bytes<=", ["400", "350", ""], ["size_bytes+peak_bytes=400", "size_bytes+peak_bytes=350", ""]),
    ("accuracy>=", ["0.5", "80%", "7"], ["accuracy>=0.5", "accuracy>=80%", "accuracy>=7"]),
]


@pytest.fixture(autouse=True)
def lut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lut:
    monkeypatch.chdir(tmp_path)
    columns = {
        "loss": [[0.5, 0.25, 0.1], [0.3, 0.2]],
        "size_bytes": [[100.0, 200.0, 300.0], [50.0, 90.0]],
        "code_bytes": [[90.0, 50.0, 20.0], [70.0, 110.0]],
        "peak_bytes": [[10.0, 60.0, 40.0], [30.0, 20.0]],
        "latency_ms": [[0.1, 0.2, 0.4], [0.2, 0.1]],
        "accuracy": [[0.1, 0.3, 0.45], [0.1, 0.25]],
    }
    metrics = [
        Metric("loss"), Metric("size_bytes", "bytes", fixed=50.0), Metric("code_bytes", "bytes"),
        Metric("peak_bytes", "bytes", "max"), Metric("latency_ms", "ms"), Metric("accuracy", higher_is_better=True),
    ]  # fmt: skip
    lut = lut_from_columns(columns, metrics)
    lut.save("lut.h5")
    return lut


def write(path: str, columns: dict[str, list[str]]) -> None:
    if path.endswith(".parquet"):
        pq.write_table(pa.table(columns), path)
        return
    with open(path, "w", newline="") as stream:
        csv.writer(stream).writerows([list(columns), *zip(*columns.values(), strict=True)])


def read(path: str) -> list[dict[str, Any]]:
    if path.endswith(".parquet"):
        rows = pq.read_table(path).to_pylist()
        return [{key: "" if value is None else str(value) for key, value in row.items()} for row in rows]
    with open(path, newline="") as stream:
        return list(csv.DictReader(stream))


def searched(budgets: list[str], *options: str) -> dict[str, Any] | None:
    arguments = [argument for budget in budgets if budget for argument in ("--budget", budget)]
    result = run("search", "lut.h5", *options, *arguments, "--json")
    assert result.exit_code in (0, 3), result.output
    answers = json.loads(result.stdout)["answers"]
    return answers[0] if answers else None


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize("options", [(), ("--maximize", "accuracy"), ("--maximize", "latency_ms")])
@pytest.mark.parametrize("chosen", [[c] for c in range(len(COLUMNS))] + [[2, 7], [5, 6, 8], [1, 4, 5, 7]])
def test_rows_are_searches(
    suffix: str, options: tuple[str, ...], chosen: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_csv, "BYTES_PER_CHUNK", 20)
    columns = [COLUMNS[c] for c in chosen]
    write(f"budgets.{suffix}", {heading: cells for heading, cells, _ in columns})
    result = run("batch", "lut.h5", f"budgets.{suffix}", "-o", f"answers.{suffix}", *options)
    assert result.exit_code == 0, result.output
    for n, row in enumerate(read(f"answers.{suffix}")):
        answer = searched([texts[n] for *_, texts in columns], *options)
        assert row["status"] == ("infeasible" if answer is None else "optimal")
        if answer is not None:
            named = {name for heading, *_ in columns for name in heading.rstrip("<=>").split("+")}
            assert named < set(row)
            assert {block: row[block] for block in answer["choice"]} == {k: str(v) for k, v in answer["choice"].items()}
            totals = {name: float(row[name]) for name in row if name in answer["totals"]}
            assert totals == {name: float(answer["totals"][name]) for name in totals}


def test_numbers_of_parquet_are_lower_bounds_too(lut: Lut) -> None:
    pq.write_table(pa.table({"latency_ms>=": [0.5, None], "size_bytes==": [240, None]}), "budgets.parquet")
    assert run("batch", "lut.h5", "budgets.parquet", "-o", "answers.parquet").exit_code == 0
    rows = read("answers.parquet")
    assert [row["status"] for row in rows] == ["infeasible", "optimal"]
    assert searched(["latency_ms>=0.5", "size_bytes==240"]) is None
    assert lut.n_subnets == 6


def test_shares_of_a_reference() -> None:
    write("budgets.csv", {"size_bytes": ["100%", "90% of block0=2,block1=1"]})
    reference = "block0=1,block1=0"
    assert run("batch", "lut.h5", "budgets.csv", "-o", "answers.csv", "--reference", reference).exit_code == 0
    bounds = 300, 396  # of 300, and 90% of 440
    assert all(float(row["size_bytes"]) <= bound for row, bound in zip(read("answers.csv"), bounds, strict=True))
    assert searched(["size_bytes=100%"], "--reference", reference)["choice"] == {  # type: ignore[index]
        block: int(read("answers.csv")[0][block]) for block in ("block0", "block1")
    }


KNOWN = "which has loss, size_bytes, code_bytes, peak_bytes, latency_ms, accuracy; did you mean 'size_bytes'?"
WRONG = """
siz_bytes>= | 1 | | line 1: metric 'siz_bytes' is not in the LUT, KNOWN
size_bytes> | 1 | | line 1: metric 'size_bytes>' is not in the LUT, KNOWN
size_bytes+latency_ms | 1 | | line 1: budget 'size_bytes+latency_ms': 'size_bytes' is in bytes, 'latency_ms' in ms; \
only metrics of one unit can be added
size_bytes,size_bytes<= | 1,1 | | line 1: the columns 'size_bytes' and 'size_bytes<=' are the same bound
latency_ms>=,latency_ms== | 1,1 | | line 1: the columns 'latency_ms>=' and 'latency_ms==' are the same bound
accuracy | 1 | | line 1: column 'accuracy': higher 'accuracy' is better: say accuracy>=VALUE, or accuracy<=VALUE
size_bytes+peak_bytes>= | 1 | | line 1: column 'size_bytes+peak_bytes>=': a lower bound on a sum that includes a \
maximum is not supported
latency_ms | 5:20 | | line 2: latency_ms: '5:20' is a range: call the column 'latency_ms=', or give two columns, \
'latency_ms>=' and 'latency_ms<='
latency_ms= | 20:5 | | line 2: latency_ms=: no total lies from 20 to 5
latency_ms>= | 5kB | | line 2: latency_ms>=: '5kB': the unit 'kB' is not one of ns, us, µs, μs, ms, s
latency_ms>= | x% | | line 2: latency_ms>=: 'x%' is not a number
size_bytes | 5% of teacher | | line 2: size_bytes: there is no reference 'teacher': the LUT has none; give \
BLOCK=CANDIDATE,…
peak_bytes>= | 1 | --method front | line 1: a front does not answer lower bounds on a maximum over blocks
""".replace("KNOWN", KNOWN)


@pytest.mark.parametrize("line", WRONG.strip().splitlines())
def test_wrong_headings_and_cells_are_one_line(line: str) -> None:
    headings, cells, options, error = (part.strip() for part in line.split("|"))
    Path("budgets.csv").write_text(f"{headings}\n{cells}\n")
    result = run("batch", "lut.h5", "budgets.csv", "-o", "answers.csv", *options.split())
    assert (result.exit_code, result.stderr) == (1, f"error: budgets.csv: {error}\n")
    assert not Path("answers.csv").exists()


def test_a_front_takes_sums_shares_and_what_is_maximised() -> None:
    assert run("front", "lut.h5", "--minimize", "loss,accuracy,size_bytes,peak_bytes", "-o", "front.h5").exit_code == 0
    write("budgets.csv", {"size_bytes+peak_bytes": ["300", "60", ""], "accuracy>=": ["20%", "", "0.6"]})
    result = run("batch", "front.h5", "budgets.csv", "-o", "answers.csv")
    assert result.exit_code == 0, result.output
    rows = read("answers.csv")
    budgets = [["size_bytes+peak_bytes=300", "accuracy>=20%"], ["size_bytes+peak_bytes=60"], ["accuracy>=0.6"]]
    for row, texts in zip(rows, budgets, strict=True):
        answer = searched(texts)
        assert row["status"] == ("infeasible" if answer is None else "optimal")
        if answer is not None:
            assert float(row["loss"]) == float(answer["objective"])
            assert float(row["accuracy"]) == float(answer["totals"]["accuracy"]) > 0
    wrong = run("batch", "front.h5", "budgets.csv", "-o", "other.csv", "--maximize", "loss")
    assert (wrong.exit_code, wrong.stderr) == (1, "error: maximize: the front minimises 'loss': give the LUT\n")
    best = run("batch", "front.h5", "budgets.csv", "-o", "other.csv", "--maximize", "accuracy")
    assert best.exit_code == 0
    assert float(read("other.csv")[2]["accuracy"]) == 0.7
