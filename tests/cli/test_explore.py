"""``qabwnas explore`` as a process: its address, its page, its end, and what it refuses in one line."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

import qabwnas
from qabwnas.cli.main import main
from qabwnas.explore.server import bind

PROGRAM = [sys.executable, "-m", "qabwnas", "explore"]


@contextmanager
def explorer(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the command on a free port, and give the process and the address that it prints."""
    command = [*PROGRAM, *arguments, "--port", "0", "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            found = re.search(r"open (http://127\.0\.0\.1:\d+) \(Ctrl-C ends it\)$", line.rstrip())
            assert found, line
            yield process, found[1]
        finally:
            process.kill()


def test_the_page_is_served_until_ctrl_c_and_requests_are_not_logged(folder: Path) -> None:  # noqa: ARG001
    with explorer("lut.h5") as (process, address):
        with urllib.request.urlopen(address) as response:
            assert b"qabwnas explorer" in response.read()
        foreign = urllib.request.Request(address, headers={"Host": "evil.example"})
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(foreign)
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate()
        assert (process.returncode, rest, errors) == (0, "", "the explorer has ended\n")


def test_a_table_is_imported_in_memory(folder: Path) -> None:  # noqa: ARG001
    qabwnas.Lut.open("lut.h5").to_csv("table.csv")
    with explorer("table.csv") as (_, address), urllib.request.urlopen(f"{address}/_dash-layout") as response:
        page = json.dumps(json.load(response))
    assert "table.csv" in page
    assert "5 candidates" in page


def test_a_front_and_a_run_are_opened(folder: Path) -> None:
    qabwnas.Frontier.build("lut.h5", ["loss", "size_bytes"]).save("front.h5")
    run = folder / "run"
    run.mkdir()
    (run / "lut.h5").write_bytes((folder / "lut.h5").read_bytes())
    for name in ("front.h5", "run"):
        with explorer(name) as (_, address), urllib.request.urlopen(f"{address}/_dash-layout") as response:
            page = json.dumps(json.load(response))
            assert (f"qabwnas retrain {name} --answer answer.json" in page) == (name == "run")


def refused(*arguments: str) -> str:
    done = CliRunner().invoke(main, ["explore", *arguments])
    assert done.exit_code == 1
    assert done.output.count("\n") == 1
    return done.output


def test_foreign_files_are_refused_in_one_line(folder: Path) -> None:
    (folder / "text.h5").write_text("not HDF5")
    (folder / "empty").mkdir()
    (folder / "table.csv").write_text("block,candidate,loss\na,0,fast\n")
    assert refused("missing.h5") == "error: missing.h5: No such file or directory\n"
    assert refused("text.h5").startswith("error: text.h5: ")
    assert refused("empty") == "error: empty: not a run with a LUT: it has no lut.h5\n"
    assert refused("table.csv").startswith("error: table.csv: line 2: loss: 'fast' is not a decimal number")


def test_a_port_in_use_is_named(folder: Path) -> None:  # noqa: ARG001
    with bind(0) as listener:
        port = listener.getsockname()[1]
        message = f"error: port {port} is in use; choose another one with --port\n"
        assert refused("lut.h5", "--no-browser", "--port", str(port)) == message


def test_a_port_is_free_again_at_once() -> None:
    with bind(0) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            pass
    with bind(port):
        pass


def test_a_missing_package_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    monkeypatch.setattr("qabwnas.cli.command.find_spec", lambda name: None if name == "dash" else name)
    assert refused("lut.h5") == "error: needs dash: pip install 'qabwnas[explore]'\n"
