"""The program around the commands: help, exit codes, one line an error, and nothing loaded that is not used."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from qabwnas.cli.command import Command, Group
from qabwnas.cli.main import COMMANDS, main
from qabwnas.errors import FormatError, MultipleInputError
from qabwnas.version import __version__
from tests.processes import PATIENCE

HELP = """\
Usage: qabwnas [OPTIONS] COMMAND [ARGS]...

  Search block-wise networks and their bit widths under budgets.

  Exit codes: 0 done, 1 error, 2 wrong usage, 3 no subnet fits the budgets.

Options:
  --debug     Show the traceback of an error; anywhere on the line.
  --version   Show the version and exit.
  -h, --help  Show this message and exit.

Commands:
"""


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> list[BaseException]:
    """Make ``qabwnas backends`` raise what the test puts into the list."""
    errors: list[BaseException] = []

    @click.command()
    def command() -> None:
        raise errors[0]

    monkeypatch.setattr("qabwnas.cli.backends.command", command)
    return errors


def test_help_lists_every_command() -> None:
    result = CliRunner().invoke(main, ["--help"], prog_name="qabwnas")
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {text}\n" for name, text in COMMANDS.items()]
    assert result.output == HELP + "".join(lines)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_listed_command_is_there(name: str) -> None:
    command = import_module(f"qabwnas.cli.{name.replace('-', '_')}").command
    assert isinstance(command, click.Command)
    assert command.name == name
    result = CliRunner().invoke(main, [name, "--help"], prog_name="qabwnas")
    assert result.exit_code == 0
    assert result.output.startswith(f"Usage: qabwnas {name} ")


def test_version() -> None:
    result = CliRunner().invoke(main, ["--version"])
    assert (result.exit_code, result.output) == (0, f"qabwnas {__version__}\n")


def test_wrong_usage_exits_with_2() -> None:
    result = CliRunner().invoke(main, ["sarch"], prog_name="qabwnas")
    assert result.exit_code == 2
    assert "No such command 'sarch'" in result.stderr
    assert result.stdout == ""


def all_commands() -> list[tuple[tuple[str, ...], click.Command]]:
    """Every command and group with the words that call it, the program itself first."""
    found: list[tuple[tuple[str, ...], click.Command]] = [((), main)]
    for words, command in found:
        if isinstance(command, click.Group):
            context = click.Context(command)
            names = command.list_commands(context)
            found.extend(((*words, name), part) for name in names if (part := command.get_command(context, name)))
    return found


@pytest.mark.parametrize(
    ("words", "command"), [pytest.param(*found, id=" ".join(found[0]) or "qabwnas") for found in all_commands()]
)
def test_no_option_is_taken_twice_but_those_that_add_up(words: tuple[str, ...], command: click.Command) -> None:
    assert isinstance(command, Command | Group)
    for option in command.params:
        if not isinstance(option, click.Option) or option.is_eager:
            continue
        given = [option.opts[0]] if option.is_flag else [option.opts[0], "5"]
        result = CliRunner().invoke(main, [*words, *given, *given], prog_name="qabwnas")
        refused = f"Error: {'/'.join(option.opts)} is given twice.\n"
        assert (refused in result.stderr) == (not option.multiple), option.name
        assert result.exit_code == 2


def test_an_option_given_twice_in_other_ways_is_refused_too(folder: Path) -> None:
    for arguments in (
        ["front", "lut.h5", "-o", "a.h5", "--output", "b.h5", "--minimize", "loss,size_bytes"],
        ["front", "lut.h5", "-o", "a.h5", "-ob.h5", "--minimize", "loss,size_bytes"],
        ["front", "lut.h5", "-o", "a.h5", "--minimize=loss,size_bytes", "--minimize=loss,latency_ms"],
        ["search", "--top", "2", "lut.h5", "--top", "2"],
        ["lut", "export", "lut.h5", "-o", "a.csv", "--force", "--force"],
        ["--debug", "--debug", "backends"],
        ["front", "lut.h5", "-o", "a.h5", "--minimize", "loss,latency_ms", *["--within", "latency_ms=:1"] * 2],
        ["search", "lut.h5", "--budget", "size_bytes=1000", "--budget", "size_bytes=2000"],
        ["search", "lut.h5", "--weight", "block0=1", "--weight", "block0=2"],
    ):
        result = CliRunner().invoke(main, arguments, prog_name="qabwnas")
        assert (result.exit_code, result.stdout) == (2, ""), arguments
        assert "is given twice" in result.stderr
    assert [path.name for path in folder.iterdir()] == ["lut.h5"]
    for arguments in (["front", "lut.h5", "-o", "a.h5", "--minimize", "loss,loss"], ["search", "lut.h5", "--help"]):
        result = CliRunner().invoke(main, arguments, prog_name="qabwnas")
        assert result.exit_code == (0 if "--help" in arguments else 1)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (FormatError("lut.h5: damaged\n  twice"), "error: lut.h5: damaged twice\n"),
        (MultipleInputError("c.yaml: seed: a\nb", "c.yaml: d"), "error: c.yaml: seed: a b\nerror: c.yaml: d\n"),
        (FileNotFoundError(errno.ENOENT, "No such file", "lut.h5"), "error: lut.h5: No such file\n"),
        (OSError(errno.ENOSPC, "No space left on device"), "error: [Errno 28] No space left on device\n"),
    ],
)  # fmt: skip
def test_an_error_is_one_line(failing: list[BaseException], error: Exception, line: str) -> None:
    failing.append(error)
    result = CliRunner().invoke(main, ["backends"])
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", line)


@pytest.mark.parametrize(("arguments", "environment"), [(["--debug"], {}), ([], {"QABWNAS_DEBUG": "1"})])
def test_debug_lets_the_error_through(
    failing: list[BaseException], arguments: list[str], environment: dict[str, str]
) -> None:
    failing.append(FormatError("lut.h5: damaged"))
    result = CliRunner().invoke(main, [*arguments, "backends"], env=environment)
    assert result.exception is failing[0]


def test_a_slip_in_the_program_is_not_hidden(failing: list[BaseException]) -> None:
    failing.append(ZeroDivisionError())
    assert CliRunner().invoke(main, ["backends"]).exception is failing[0]


def test_an_exit_code_of_a_command_stands(failing: list[BaseException]) -> None:
    failing.append(click.exceptions.Exit(3))
    assert CliRunner().invoke(main, ["backends"]).exit_code == 3


def test_interrupted_in_one_line(failing: list[BaseException]) -> None:
    failing.append(KeyboardInterrupt())
    result = CliRunner().invoke(main, ["backends"])
    assert (result.exit_code, result.stdout, result.stderr) == (130, "", "error: interrupted\n")


def start(*arguments: object, **options: int) -> subprocess.Popen[str]:
    code = "from qabwnas.cli.main import main; main(prog_name='qabwnas')"
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], stderr=subprocess.PIPE, text=True, **options
    )


def test_a_real_run_that_fails(tmp_path: Path) -> None:
    process = start("lut", "info", tmp_path / "none.h5", stdout=subprocess.PIPE)
    assert process.communicate(timeout=PATIENCE) == ("", f"error: {tmp_path}/none.h5: No such file or directory\n")
    assert process.returncode == 1


def test_a_real_run_with_the_traceback(tmp_path: Path) -> None:
    process = start("--debug", "lut", "info", tmp_path / "none.h5", stdout=subprocess.PIPE)
    _, errors = process.communicate(timeout=PATIENCE)
    assert errors.startswith("Traceback (most recent call last):\n")
    assert process.returncode == 1


def test_a_reader_that_has_read_enough_is_not_an_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    process = start("backends", stdout=writing)
    os.close(writing)
    assert process.communicate(timeout=PATIENCE)[1] == ""


def test_ctrl_c_ends_a_real_run_in_one_line(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    os.mkfifo(table)
    process = start("lut", "import", table, "-o", tmp_path / "lut.h5")
    with table.open("w"):  # returns once the program has opened it too, and then waits for what is never written
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=PATIENCE)[1] == "error: interrupted\n"
    assert process.returncode == 130
    assert sorted(path.name for path in tmp_path.iterdir()) == ["table.csv"]
