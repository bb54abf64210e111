"""YAML as users expect it: numbers of YAML 1.2, no repeated keys, and errors in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from qabwnas.errors import InputError
from qabwnas.io.yaml_reader import parse_yaml, read_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("1E-3", 0.001),
        ("1e3", 1000.0),
        ("-1.5e+2", -150.0),
        (".5", 0.5),
        ("1.", 1.0),
        ("+5", 5),
        ("1_000", 1000),
        ("010", 10),
        ("08", 8),
        ("0o17", 15),
        ("0x1F", 31),
        ("-.inf", -float("inf")),
        ("1:30", "1:30"),
        ("2026-11-28", "2026-11-28"),
        ("1e", "1e"),
        ("'1e-3'", "1e-3"),
        ("50%", "50%"),
        ("yes", True),
        ("off", False),
        ("~", None),
    ],
)
def test_scalars(text: str, value: Any) -> None:
    found = parse_yaml(f"a: {text}", "f.yaml")["a"]
    assert (type(found), found) == (type(value), value)


def test_numbers_of_json_are_numbers() -> None:
    assert parse_yaml('{"a": 1e-05, "b": [1E+2, -0.0]}', "f.json") == {"a": 1e-05, "b": [100.0, 0.0]}


def test_mappings_are_merged_and_their_keys_replaced() -> None:
    text = "a: &a {p: 1, q: 2}\nb: {<<: *a, q: 3}\nc: {<<: [*a, {r: 4}], p: 5}\nd: *a\n"
    found = parse_yaml(text, "f.yaml")
    assert (found["b"], found["d"]) == ({"p": 1, "q": 3}, {"p": 1, "q": 2})
    assert found["c"] == {"p": 5, "q": 2, "r": 4}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", "f.yaml: line 3: 'a' is given twice, first in line 1"),
        ("x:\n  y: {b: 1, 'b': 1}\n", "f.yaml: line 2: 'b' is given twice, first in line 2"),
        ("- {a: 1}\n- {a: 1, c: 2, \"c\": 3}\n", "f.yaml: line 2: 'c' is given twice, first in line 2"),
        ("a: &a {b: 1, b: 2}\nc: {<<: *a}\n", "f.yaml: line 1: 'b' is given twice, first in line 1"),
        ("a:\n\tb: 1\n", "f.yaml: not YAML: line 2: while scanning for the next token found character"),
        ("a: [1\n", "f.yaml: not YAML: line 2: while parsing a flow sequence expected ',' or ']'"),
        ("a: 1\n---\nb: 2\n", "f.yaml: not YAML: line 2: expected a single document"),
        ("a: *b\n", "f.yaml: not YAML: line 1: found undefined alias 'b'"),
        ("a: !!int x\n", "f.yaml: not YAML: invalid literal"),
        ("a: !!python/object:os.system {}\n", "f.yaml: not YAML: line 1: could not determine a constructor"),
        ("a: " + "[" * 5000, "f.yaml: not YAML: nested too deeply"),
        ("a: " + "1" * 5000, "f.yaml: not YAML: Exceeds the limit"),
        ("a: \0", "f.yaml: not YAML: unacceptable character"),
    ],
)  # fmt: skip
def test_errors_are_one_line(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_yaml(text, "f.yaml")
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_files_of_other_encodings(tmp_path: Path) -> None:
    (tmp_path / "mark.yaml").write_bytes("\ufeffa: 1\n".encode())
    assert read_yaml(tmp_path / "mark.yaml") == {"a": 1}
    (tmp_path / "wide.yaml").write_bytes("a: 1\n".encode("utf-16"))
    with pytest.raises(InputError, match="wide.yaml: cannot be read: not UTF-8 text"):
        read_yaml(tmp_path / "wide.yaml")
    with pytest.raises(InputError, match="cannot be read"):
        read_yaml(tmp_path)
