"""What commands write to: names that fit, no input, and with --force only files of the same kind."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from qabwnas.cli.main import main
from qabwnas.cli.output import content_of
from qabwnas.search.front.file import is_front

pytestmark = pytest.mark.usefixtures("files")


def run(line: str) -> Result:
    return CliRunner().invoke(main, line.split(), prog_name="qabwnas")


def refused(line: str) -> str:
    """Return why a command refuses; it leaves all files as they are."""
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    result = run(line)
    assert (result.exit_code, result.stdout) == (1, ""), result.output
    assert {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()} == before
    return result.stderr.removeprefix("error: ").removesuffix("\n")


@pytest.fixture
def files(folder: Path) -> None:
    assert folder == Path.cwd()
    for line in (
        "lut export lut.h5 -o table.csv",
        "front lut.h5 --minimize loss,size_bytes -o front.h5 --csv front.csv",
    ):
        assert run(line).exit_code == 0
    Path("budgets.csv").write_text("size_bytes\n1300\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("lut import table.csv -o lut.csv", "lut.csv: a LUT is written: the name should end in .h5, .hdf5 or .hdf"),
        ("lut import table.csv -o lut.PT", "lut.PT: a LUT is written: the name should end in .h5, .hdf5 or .hdf"),
        ("lut merge lut.h5 -o new.json", "new.json: a LUT is written: the name should end in .h5, .hdf5 or .hdf"),
        ("lut export lut.h5 -o x.h5", "x.h5: a table is written: the name should end in .csv, .csv.gz or .parquet"),
        ("lut export lut.h5 -o x.txt", "x.txt: a table is written: the name should end in .csv, .csv.gz or .parquet"),
        (
            "front lut.h5 --minimize loss,size_bytes -o front.csv",
            "front.csv: a front is written: the name should end in .h5, .hdf5 or .hdf",
        ),
        (
            "front lut.h5 --minimize loss,size_bytes -o new.h5 --csv x.csv.gz",
            "x.csv.gz: CSV is written: the name should end in .csv",
        ),
        (
            "batch lut.h5 budgets.csv -o x.xlsx",
            "x.xlsx: a table is written: the name should end in .csv or .parquet",
        ),
        ("batch lut.h5 budgets.csv -o x", "x: a table is written: the name should end in .csv or .parquet"),
        ("bench lut.h5 --json x.h5", "x.h5: JSON is written: the name should end in .json"),
        ("plot front.h5 -o x.h5", "x.h5: a figure is written: the name should end in .html, .png, .svg or .pdf"),
        (
            "latency estimate lut.h5 jetson-nano -o x.yaml",
            "x.yaml: a LUT is written: the name should end in .h5, .hdf5 or .hdf",
        ),
        ("lut import table.csv -o -", "-: cannot write to standard output: give the name of a file"),
        ("lut import table.csv -o /dev/null --force", "/dev/null: is a device or a pipe, not a file"),
        ("front lut.h5 --minimize loss,size_bytes -o new --csv ./new", "new: would be written twice"),
        # Inputs, whatever they are called.
        ("lut import table.csv -o table.csv --force", "table.csv: a LUT is written: the name should end in .h5"),
        ("batch front.h5 budgets.csv -o budgets.csv --force", "budgets.csv: is an input of this command"),
        ("batch front.h5 budgets.csv -o ./budgets.csv --force", "budgets.csv: is an input of this command"),
        ("front lut.h5 --minimize loss,size_bytes -o lut.h5 --force", "lut.h5: is an input of this command"),
        # Files of another kind.
        ("lut import table.csv -o front.h5 --force", "front.h5: is a front, but this command writes a LUT"),
        ("front lut.h5 --minimize loss,size_bytes -o lut2 --force", "lut2: is a LUT, but this command writes a front"),
        ("lut import table.csv -o notes --force", "notes: is text, but this command writes a LUT"),
        ("lut import table.csv -o teacher --force", "teacher: is a ZIP archive, but this command writes a LUT"),
        ("bench lut.h5 --json package.json --force", "package.json: is JSON of the format other, but this command"),
    ],
)  # fmt: skip
def test_what_is_refused(line: str, message: str) -> None:
    Path("notes").write_text("mine\n", encoding="utf-8")
    Path("package.json").write_text('{"format": "other"}', encoding="utf-8")
    Path("teacher").write_bytes(b"PK\x03\x04 weights")
    Path("lut2").write_bytes(Path("lut.h5").read_bytes())
    assert refused(line).startswith(message)


@pytest.mark.parametrize("make", [os.symlink, os.link])
def test_a_link_to_an_input_is_refused(make: object) -> None:
    make("budgets.csv", "same.csv")  # type: ignore[operator]
    message = "same.csv: is an input of this command, and is not overwritten"
    assert refused("batch front.h5 budgets.csv -o same.csv --force") == message


def test_force_replaces_files_of_the_same_kind() -> None:
    Path("empty.h5").touch()
    Path("damaged.h5").write_bytes(Path("lut.h5").read_bytes()[:1000])
    for line in (
        "lut import table.csv -o lut.h5 --force",
        "lut import table.csv -o empty.h5 --force",
        "lut import table.csv -o damaged.h5 --force",
        "lut import table.csv -o other.name",
        "lut merge lut.h5 empty.h5 -o lut.h5 --force",
        "lut export lut.h5 -o table.csv --force",
        "front lut.h5 --minimize loss,size_bytes -o front.h5 --csv front.csv --force",
        "batch lut.h5 budgets.csv -o answers.CSV",
        "batch lut.h5 budgets.csv -o answers.CSV --force",
    ):
        assert run(line).exit_code == 0, line
    assert is_front("front.h5")


def test_a_lut_may_get_a_column_in_its_place() -> None:
    result = run("latency import results.json lut.h5 -o lut.h5 --force")
    assert result.stderr == "error: results.json: No such file or directory\n"


def test_a_link_is_written_through() -> None:
    Path("disk").mkdir()
    Path("link.h5").symlink_to("disk/new.h5")
    assert run("lut import table.csv -o link.h5").exit_code == 0
    assert Path("link.h5").is_symlink()
    Path("far.h5").symlink_to("none/new.h5")
    assert refused("lut import table.csv -o far.h5") == f"far.h5: there is no folder {Path.cwd() / 'none'}"
    Path("loop.h5").symlink_to("loop.h5")
    assert refused("lut import table.csv -o loop.h5") == "loop.h5: Too many levels of symbolic links"


def test_a_folder_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), "closed/.lut-1234.h5")

    monkeypatch.setattr(tempfile, "mkstemp", refuse)  # no folder refuses root, as whom tests may run
    assert refused("lut import table.csv -o new.h5") == "new.h5: Permission denied"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", None),
        (b"block,candidate\n", "text"),
        ("Größe,Gerät\n".encode("latin-1"), "text"),
        (b"[not json", "text"),
        (b"\xef\xbb\xbf{}", "JSON"),
        (b'{"format": "qabwnas-latency"}', "JSON of the format qabwnas-latency"),
        (b"\x80\x02}q\x00.", "a binary file"),
        (b"<?xml version='1.0'?><svg/>", "an SVG picture"),
        (b"<?xml version='1.0'?><a/>", "an XML file"),
    ],
)
def test_what_a_file_is(content: bytes, words: str | None) -> None:
    Path("file").write_bytes(content)
    assert content_of(Path("file")) == words
