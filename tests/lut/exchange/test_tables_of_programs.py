"""Tables as other programs write them (docs/tables.md): imported with the documented command, read back, searched."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from qabwnas.cli.main import main
from qabwnas.errors import InputError
from qabwnas.lut.lut import Lut

TABLES = Path(__file__).parent / "tables"
DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "tables.md"
COMMANDS = re.findall(
    r"\]\(\S*/tables/(\S+)\) \| `qabwnas (.+?)` \|$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE
)


def call(arguments: list[str]) -> Result:
    return CliRunner().invoke(main, arguments, prog_name="qabwnas")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(TABLES, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_table_is_documented() -> None:
    assert sorted(name for name, _ in COMMANDS) == sorted(path.name for path in TABLES.glob("[!.]*"))


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(("name", "command"), COMMANDS, ids=[name for name, _ in COMMANDS])
def test_documented_import(name: str, command: str) -> None:
    arguments = shlex.split(command)
    assert arguments[2] == name
    result = call(arguments)
    assert (result.exit_code, result.stderr) == (0, "")
    lut = Lut.open("LUT.h5")
    numbers = {
        block.name: {metric.name: block.column(metric.name).tolist() for metric in lut.metrics[:2]}
        for block in lut.blocks
    }
    order = ["stage1", "stage2"] if name != "duckdb-copy.csv" else ["stage2", "stage1"]
    assert list(numbers) == order
    assert [(metric.name, metric.unit) for metric in lut.metrics] == [
        ("loss", ""), ("latency_us", "us"), ("size_bytes", "bytes"),
    ]  # fmt: skip
    found = {}
    for block in lut.blocks:
        known = block.measured("size_bytes")
        sizes = [
            size if known is None or known[c] else None for c, size in enumerate(block.column("size_bytes").tolist())
        ]
        columns = block.column("loss").tolist(), block.column("latency_us").tolist(), sizes
        for c, values in enumerate(zip(*columns, strict=True)):
            found[block.name, lut.describe(block.name, c).split()[-1]] = values
    assert found == {
        ("stage1", "k3e3"): (0.25, 1204.5, 1000),
        ("stage1", "k5e6"): (0.125, 2310.25, 2500),
        ("stage2", "k3e3"): (0.5, 980, 1500),
        ("stage2", "k5e6"): (0.375, 1500.75, None),
    }
    (answer,) = json.loads(call(["search", "LUT.h5", "--budget", "latency_us=3ms", "--json"]).stdout)["answers"]
    assert answer["totals"] == {"loss": 0.625, "latency_us": 2705.25}
    chosen = {block: lut.describe(block, candidate).split()[-1] for block, candidate in answer["choice"].items()}
    assert chosen == {"stage1": "k3e3", "stage2": "k5e6"}


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("excel-semicolon.csv", "line 2: Notes: 'baseline' is not a decimal number: --ignore 'Notes' leaves"),
        ("excel-semicolon.csv --ignore note", "line 1: --ignore 'note': there is no such column among Block"),
        ("excel-semicolon.csv --ignore notes --delimiter ,", "line 2: 3 cells, but the header has 1: is --delimiter"),
        ("excel-semicolon.csv --ignore notes --decimal .", "line 2: Loss: '0,25' is not a number with the decimal"),
        ("excel-trailing.csv --candidate loss", "line 1: the columns 'Candidate' and 'Loss' are both 'candidate'"),
        ("excel-cp1252.csv", "line 1: not UTF-8 text: --encoding 'cp1252' reads"),
        ("excel-cp1252.csv --encoding latin9999", "the encoding 'latin9999': Python knows none of this"),
        ("pandas.csv --unit latency_us=ms", "line 1: --unit 'latency_us': the unit is not ms, because the name"),
        ("pandas.csv --unit loss=", "--unit 'loss': '' is not a unit"),
        ("r-write-csv.csv", "line 5: size_bytes: 'NA' is not a decimal number: --na 'NA' reads it as not measured"),
        ("r-write-csv2.csv --na N/A", "line 5: size_bytes: 'NA' is not a decimal number: --na 'NA' reads"),
        ("duckdb-copy.csv", "line 1: there is no column 'block': --block says which column of stage, id"),
        ("duckdb-copy.csv --block stage", "line 1: there is no column 'candidate': --candidate says which"),
        ("duckdb-copy.csv --block stage --candidate stage", "line 1: --candidate 'stage': another option is"),
        ("database-export.csv --block stage --candidate choice --na (null)", "line 2: LATENCY_US: '1.204,50' has"),
        ("database-export.csv --block stage --candidate choice --decimal ,", "line 2: LATENCY_US: '1.204,50' is"),
        ("mysql-batch.tsv", "line 5: size_bytes: 'NULL' is not a decimal number: --na 'NULL' reads it as"),
        ("mysql-batch.tsv --thousands x", "--thousands 'x': none of"),
        ("mysql-batch.tsv --format hawq --na NULL", "the format hawq does not use the options of"),
    ],
)  # fmt: skip
def test_one_line_names_place_and_option(arguments: str, message: str) -> None:
    result = call(["lut", "import", *arguments.split(), "-o", "LUT.h5"])
    assert result.exit_code == 1
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not Path("LUT.h5").exists()


HEADER = "block;candidate;loss;size_bytes\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEADER + "a;0;1,234;1\n", "line 2: loss: '1,234' has a decimal comma or a separator of thousands: give dec"),
        (
            HEADER + "a;0;1,5;1\na;1;1.5;1\n",
            "line 3: loss: '1.5' has a point, and '1,5' in line 2 a comma: decimal= and",
        ),
        (HEADER + "a;0;1,2,3;1\n", "line 2: loss: '1,2,3' has several signs"),
        (HEADER + "a;k;1;1\na;k;1;1\n", "line 3: candidate: 'k' is in block 'a' twice"),
        ("b,c;d\n1,2;3\n", "line 1: the delimiter may be ',' or ';': delimiter= chooses it"),
        (",block,candidate,loss\nx,a,0,1\n", "line 1: column 1 has no name, and does not number the rows"),
    ],
)
def test_what_is_not_guessed(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="t.csv: ") as caught:
        Lut.from_csv(path)
    assert message in str(caught.value)
