"""docs/stability.md states the public names, errors and exit codes as they are."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

import qabwnas
from qabwnas import errors
from qabwnas.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "stability.md").read_text(encoding="utf-8")


def section(start: str, end: str) -> str:
    return TEXT[TEXT.index(start) : TEXT.index(end)]


def test_the_public_names_are_listed() -> None:
    listed = re.findall(r"`(\w+)`", section("The names in Python:", "Schemas of JSON"))
    assert sorted(listed) == sorted(qabwnas.__all__)


def test_the_errors_and_their_bases_are_listed() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (?:`(\w+)`)? ?\|", section("## Errors", "`QabwnasWarning` is"), re.MULTILINE)
    listed = {name: base or "QabwnasError" for name, base in rows}
    kinds = {name: kind for name, kind in vars(errors).items() if isinstance(kind, type)}
    raised = {
        name: kind.__bases__[-1].__name__
        for name, kind in kinds.items()
        if issubclass(kind, errors.QabwnasError) and kind is not errors.QabwnasError
    }
    assert listed == raised


@pytest.mark.parametrize(
    ("name", "base"), [("QabwnasWarning", UserWarning), ("RoundingWarning", errors.QabwnasWarning)]
)
def test_the_warnings_have_the_bases_of_the_document(name: str, base: type[Warning]) -> None:
    assert getattr(qabwnas, name).__bases__ == (base,)
    assert re.search(rf"`{name}` is a `{base.__name__}`", TEXT)


def test_the_exit_codes_are_those_of_the_help() -> None:
    context = click.Context(main)
    codes = re.search(r"Exit codes: (.*)\.", main.get_help(context).replace("\n", " "))
    assert codes is not None
    [row] = re.findall(r"^\| exit codes \| (.*) \|$", TEXT, re.MULTILINE)
    for code in ("0 done", "1 error", "2 wrong usage", "3 no subnet fits"):
        assert code in codes[1]
        assert code in row
