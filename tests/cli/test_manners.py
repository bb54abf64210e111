"""Manners of all commands: help, suggestions, ``--debug``, completion, and tables and fronts as inputs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.shell_completion import BashComplete

from qabwnas.cli.main import COMMANDS, main
from qabwnas.lut.lut import Lut
from tests.cli import run


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_short_help(name: str) -> None:
    assert run(name, "-h").stdout == run(name, "--help").stdout != ""


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("line", "code", "end"),
    [
        ("serch lut.h5", 2, "Error: No such command 'serch'. Did you mean 'search'?\n"),
        ("lut inf lut.h5", 2, "Error: No such command 'inf'. Did you mean 'info'?\n"),
        ("zzz", 2, "Error: No such command 'zzz'.\n"),
        ("search lut.h5 --minimze loss", 2, "'--minimize')\n"),
        ("search lut.h5 --budget sizebytes=1", 1, "; did you mean 'size_bytes'?\n"),
        (
            "search lut.h5 --minimize x",
            1,
            "error: metric 'x' is not in the LUT, which has loss, size_bytes, latency_ms\n",
        ),
    ],
)
def test_misspelt_names_get_a_suggestion(line: str, code: int, end: str) -> None:
    result = run(*line.split())
    assert result.exit_code == code
    assert result.stderr.replace("?)", ")").endswith(end), result.stderr


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("line", ["--debug search no.h5", "search --debug no.h5", "lut info no.h5 --debug"])
def test_debug_is_taken_anywhere(line: str) -> None:
    assert isinstance(run(*line.split()).exception, FileNotFoundError)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("line", "incomplete", "words"),
    [
        ("search lut.h5 --budget", "si", ["size_bytes="]),
        ("search lut.h5 --minimize", "l", ["loss", "latency_ms"]),
        ("front lut.h5 --minimize", "loss,s", ["loss,size_bytes"]),
        ("search lut.h5 --minimize loss --budget", "si", ["size_bytes="]),
        ("search no.h5 --budget", "si", []),
        ("search --budget", "si", []),
    ],
)
def test_shells_complete_metrics(line: str, incomplete: str, words: list[str]) -> None:
    complete = BashComplete(main, {}, "qabwnas", "_QABWNAS_COMPLETE")
    assert [item.value for item in complete.get_completions(line.split(), incomplete)] == words


@pytest.mark.usefixtures("folder")
def test_shells_complete_blocks() -> None:
    complete = BashComplete(main, {}, "qabwnas", "_QABWNAS_COMPLETE")
    found = complete.get_completions(["search", "lut.h5", "--pin"], "")
    assert [item.value for item in found] == [f"{name}=" for name in Lut.open("lut.h5").block_names]


@pytest.mark.usefixtures("folder")
def test_tables_are_searched_like_their_import() -> None:
    assert run("lut", "export", "lut.h5", "-o", "table.csv").exit_code == 0
    answers = []
    for source in ("lut.h5", "table.csv"):
        found = json.loads(run("search", source, "--budget", "size_bytes=1300", "--json").stdout)["answers"]
        assert (
            run("front", source, "--minimize", "loss,size_bytes", "-o", "f.h5", "--csv", "f.csv", "--force").exit_code
            == 0
        )
        Path("budgets.csv").write_text("size_bytes\n1300\n1\n")
        assert run("batch", source, "budgets.csv", "-o", "answers.csv", "--force").exit_code == 0
        answers.append((found, Path("f.csv").read_text(), Path("answers.csv").read_text()))
    assert answers[0] == answers[1]


@pytest.mark.usefixtures("folder")
def test_info_describes_a_front() -> None:
    within = "size_bytes=:1.5kB"
    assert run("front", "lut.h5", "--minimize", "loss,size_bytes", "--within", within, "-o", "front.h5").exit_code == 0
    lines = run("lut", "info", "front.h5").stdout.splitlines()
    assert lines[0] == "format   qabwnas-front"
    assert lines[-1].split() == ["size_bytes", "bytes", "sum", "lower", "1150", "1450", ":1500"]
