"""Messages name the options of a table in the form in which their reader can give them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

import qabwnas
from qabwnas.cli.main import main
from qabwnas.errors import InputError
from qabwnas.lut.lut import Lut

NOTES = "block,candidate,loss,note\na,0,1.5,fast\n"
MISSING = "block,candidate,loss\na,0,n/a\n"
COMMA = 'block,candidate,loss\na,0,"1,500"\n'
LATIN = "block,candidate,loss\na,Größe,1\n".encode("cp1252")
SEVERAL = "a,b;c\n1,2;3\n"


def error_of(*arguments: str | Path) -> str:
    result = CliRunner().invoke(main, list(map(str, arguments)))
    assert result.exit_code == 1
    return result.stderr


def imported(path: Path) -> str:
    return error_of("lut", "import", path, "-o", path.with_name("lut.h5"))


def searched(path: Path) -> str:
    return error_of("search", path)


def answered(path: Path) -> str:
    return error_of("batch", path, path, "-o", path.with_name("answers.csv"))


def in_python(read: Callable[[Path], object]) -> Callable[[Path], str]:
    def message(path: Path) -> str:
        with pytest.raises(InputError) as caught:
            read(path)
        return str(caught.value)

    return message


CSV, SEARCH = in_python(Lut.from_csv), in_python(qabwnas.search)


@pytest.mark.parametrize(
    ("content", "say", "hint"),
    [
        (NOTES, imported, ": --ignore 'note' leaves the column out"),
        (NOTES, searched, ": --ignore 'note' of qabwnas lut import leaves the column out"),
        (NOTES, answered, ": --ignore 'note' of qabwnas lut import leaves the column out"),
        (NOTES, CSV, ": ignore=['note'] leaves the column out"),
        (NOTES, SEARCH, ": ignore=['note'] of Lut.from_csv leaves the column out"),
        (MISSING, imported, ": --na 'n/a' reads it as not measured"),
        (MISSING, CSV, ": na=['n/a'] reads it as not measured"),
        (COMMA, searched, ": give --decimal ',' or --thousands ',' of qabwnas lut import"),
        (COMMA, CSV, ": give decimal=',' or thousands=','"),
        (LATIN, imported, ": --encoding 'cp1252' reads the text of older Windows programs"),
        (LATIN, SEARCH, ": encoding='cp1252' of Lut.from_csv reads the text of older Windows programs"),
        (SEVERAL, CSV, ": delimiter= chooses it"),
        (SEVERAL, searched, ": --delimiter of qabwnas lut import chooses it"),
    ],
)
def test_hints(content: str | bytes, say: Callable[[Path], str], hint: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    message = say(path).rstrip("\n")
    assert message.endswith(hint)
    assert "\n" not in message


def test_a_dataframe_has_no_options_of_text() -> None:
    polars = pytest.importorskip("polars")
    advised = {"n/a": "ignore=['loss'] leaves the column out", "1,500": "turn the column into numbers"}
    for cell, advice in advised.items():
        frame = polars.DataFrame({"block": ["a"], "candidate": [0], "loss": [cell], "size_bytes": [1]})
        with pytest.raises(InputError, match=f"{re.escape(advice)}$"):
            Lut.from_dataframe(frame)
