"""``session``: one JSON answer per line, in order, equal to those of the library; errors are answers."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import qabwnas
from qabwnas.cli.main import main
from qabwnas.cli.result_json import answer_content
from qabwnas.lut.lut import Lut
from qabwnas.search import Frontier
from qabwnas.search.constraints.scope import Scope
from tests.processes import PATIENCE

COMMAND = [sys.executable, "-m", "qabwnas", "session", "lut.h5"]


def answers(*requests: dict[str, Any] | str, lut: str = "lut.h5") -> list[dict[str, Any]]:
    """Return the answers of one session; a request may be the text of a line."""
    lines = [each if isinstance(each, str) else json.dumps(each) for each in requests]
    result = CliRunner().invoke(main, ["session", lut], input="\n".join(lines) + "\n", prog_name="qabwnas")
    assert (result.exit_code, result.stderr) == (0, ""), result.exception
    return [json.loads(line, parse_float=Decimal) for line in result.stdout.splitlines()]


@pytest.mark.usefixtures("folder")
def test_answers_equal_those_of_search_in_order() -> None:
    lut = Lut.open("lut.h5")
    sizes = [1100, 1149, 1250, 1350, 1950, 2000]
    found = answers(*({"id": size, "budgets": {"size_bytes": size}, "top": 3} for size in sizes))
    assert [answer["id"] for answer in found] == sizes
    for size, answer in zip(sizes, found, strict=True):
        result = qabwnas.search(lut, budgets={"size_bytes": size}, top=3)
        assert answer["status"] == result.status
        assert answer["answers"] == [answer_content(each) for each in result.answers]
        assert answer.get("smallest", {}) == result.smallest


@pytest.mark.usefixtures("folder")
def test_an_answer_is_that_of_search_json() -> None:
    block = Lut.open("lut.h5").block_names[0]
    line = f"search lut.h5 --budget size_bytes=1.3kB --forbid {block}=#0 --explain --json"
    printed = CliRunner().invoke(main, line.split(), prog_name="qabwnas")
    (answer,) = answers({"budgets": {"size_bytes": "1.3kB"}, "scope": {"forbid": [f"{block}=#0"]}, "explain": True})
    expected = json.loads(printed.stdout, parse_float=Decimal)
    assert answer | {"seconds": 0} == expected | {"seconds": 0}


@pytest.mark.usefixtures("folder")
def test_fronts_are_queried_and_follow_replacements() -> None:
    lut = Lut.open("lut.h5")
    block, *_ = lut.block_names
    front = {"minimize": ["loss", "size_bytes"]}
    query = {"command": "query", **front, "budgets": {"size_bytes": 1300}}
    built, before, replaced, after, block_replaced, last = answers(
        {"command": "front", **front},
        query,
        {"command": "replace_column", "metric": "loss", "columns": {block: [0.01, 0.25, 0.1]}},
        query,
        {
            "command": "replace_block",
            "block": block,
            "tables": [{"columns": {"loss": [7, 0.001], "size_bytes": [1, 2], "latency_ms": [1, None]}}],
        },
        query,
    )
    expected = Frontier.build(lut, front["minimize"])
    assert built["points"] == len(expected)
    (point,) = expected.query({"size_bytes": 1300}).tolist()
    assert before["answers"][0]["choice"] == expected.choice(point)
    assert replaced == {"replaced": {"metric": "loss", "blocks": [block]}}
    assert after["answers"][0]["totals"]["loss"] == Decimal("0.31")
    assert block_replaced == {"replaced": {"block": block}}
    assert last["answers"][0]["totals"] == {"loss": Decimal("0.301"), "size_bytes": 1052}


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("hello", "not a JSON object on one line: Expecting value: line 1 column 1 (char 0)"),
        ("[1]", "not a JSON object, but [1]"),
        ("\udcff", "not a JSON object on one line: 'utf-8' codec can't decode byte 0xff in position 0"),
        ('{"budgets": {"size_bytes": NaN}}', "not a JSON object on one line: NaN is not a number of JSON"),
        ('{"top": 1, "top": 2}', "not a JSON object on one line: 'top' is given twice"),
        ('{"budgts": {}}', "'search' has no field 'budgts'; did you mean 'budgets'?"),
        ('{"command": "stop"}', "command: 'stop' is not one of search, front, query, replace_block, replace_column"),
        ('{"budgets": {"size": 1}}', "metric 'size' is not in the LUT, which has loss, size_bytes, latency_ms"),
        ('{"budgets": {"size_bytes": "1.5ms"}}', "size_bytes: '1.5ms': the unit 'ms' is not one of"),
        ('{"budgets": [1]}', "budgets: [1] is not an object"),
        ('{"explain": 1}', "explain: 1 is neither true nor false"),
        ('{"scope": {"bit": []}}', "a scope has only weights, bits, pin, forbid and skip_unmeasured"),
        ('{"command": "front"}', "a front needs 'minimize', a list of metrics; the first is the objective"),
        ('{"command": "query", "minimize": ["loss", "size_bytes"]}', "query: give budgets"),
        ('{"command": "replace_column", "metric": "loss"}', "'columns' is missing"),
        ('{"command": "replace_block", "block": "x", "tables": []}', "block 'x' is not in the LUT"),
    ],
)
def test_a_broken_request_is_one_answer(line: str, error: str) -> None:
    with_id = line.replace("{", '{"id": [null], ', 1) if line.startswith("{") else line
    done = subprocess.run(
        COMMAND, input=f"{with_id}\n\n{{}}\n".encode(errors="surrogateescape"), capture_output=True, timeout=PATIENCE
    )
    broken, sound = map(json.loads, done.stdout.splitlines())
    assert (done.returncode, done.stderr) == (0, b"")
    assert broken["error"].startswith(error)
    parsed = line.startswith("{") and "not a JSON" not in error
    assert broken == ({"id": [None]} if parsed else {}) | {"error": broken["error"]}
    assert sound["status"] == "optimal"


@pytest.mark.usefixtures("folder")
def test_answers_come_at_once_and_interrupts_and_closed_pipes_are_quiet() -> None:
    for ending in ("interrupt", "close"):
        with subprocess.Popen(
            COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as session:
            assert session.stdin is not None
            assert session.stdout is not None
            assert session.stderr is not None
            for number in range(3):
                session.stdin.write(b'{"id": %d}\n' % number)
                session.stdin.flush()
                assert json.loads(session.stdout.readline())["id"] == number
            if ending == "interrupt":
                session.send_signal(signal.SIGINT)
            else:
                session.stdout.close()
                session.stdin.write(b"{}\n")
                session.stdin.flush()
            assert session.wait(PATIENCE) == (130 if ending == "interrupt" else 1)
            assert session.stderr.read() == b""


def test_a_table_is_searched_without_an_import(folder: Path) -> None:
    Lut.open("lut.h5").to_csv(folder / "table.csv")
    (of_file,), (of_table,) = answers({}), answers({}, lut="table.csv")
    assert of_table["answers"] == of_file["answers"]


@pytest.mark.usefixtures("folder")
def test_weights_and_distance_are_those_of_search() -> None:
    lut = Lut.open("lut.h5")
    block = lut.block_names[1]
    (answer,) = answers({"scope": {"weights": {block: "0.5"}}, "top": 2, "min_distance": 2, "minimize": "loss"})
    result = qabwnas.search(lut, minimize="loss", scope=Scope({block: "0.5"}), top=2, min_distance=2)
    assert answer["minimized"] == "weighted loss"
    assert answer["answers"] == [answer_content(each) for each in result.answers]


@pytest.mark.parametrize(
    ("language", "interpreter"), [("sh", ["sh", "-c"]), ("python", [sys.executable, "-c"]), ("js", ["node", "-e"])]
)
def test_the_examples_of_the_documentation_run(
    folder: Path, monkeypatch: pytest.MonkeyPatch, language: str, interpreter: list[str]
) -> None:
    if shutil.which(interpreter[0]) is None:
        pytest.skip(f"{interpreter[0]} is not installed")
    command = folder / "bin" / "qabwnas"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m qabwnas "$@"\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(command.parent), prepend=os.pathsep)
    text = (Path(__file__).resolve().parents[2] / "docs" / "session.md").read_text(encoding="utf-8")
    example = text.split(f"```{language}\n")[1].split("```")[0]
    done = subprocess.run([*interpreter, example], capture_output=True, text=True, timeout=PATIENCE, check=True)
    lines = done.stdout.splitlines()
    assert len(lines) == 2
    assert all("optimal" in line for line in lines), done.stdout
    assert done.stderr == ""
