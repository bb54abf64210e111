"""Fields: unknown and missing names, and values of another type."""

from __future__ import annotations

import pytest

from qabwnas.errors import InputError
from qabwnas.io.fields import Fields, parse_integer
from qabwnas.io.yaml_reader import parse_yaml


def test_unknown_fields_name_the_nearest_known_one() -> None:
    fields = Fields({"seed": 1, "budget": 5, "zzz": 1}, "f.yaml")
    assert fields.integer("seed") == 1
    with pytest.raises(InputError, match="f.yaml: budgets: missing; did you misspell it as 'budget'\\?$"):
        fields.value("budgets")
    with pytest.raises(InputError, match="f.yaml: budget: unknown field; did you mean 'budgets'\\?$"):
        fields.end()
    assert fields.optional("budget") == 5
    with pytest.raises(InputError, match="f.yaml: zzz: unknown field$"):
        fields.end()


def test_names_that_yaml_reads_as_other_types_need_quotes() -> None:
    with pytest.raises(InputError, match="f.yaml: name: True is not a name; put it in quotes"):
        Fields(parse_yaml("name: on", "f.yaml"), "f.yaml").text("name")


def test_integers_may_have_an_exponent() -> None:
    assert parse_integer("steps", 8e4) == 80000
    for content in (1.5, float("inf"), float("nan"), True, "3"):
        with pytest.raises(InputError, match="steps: .* is not a whole number of 1 or more"):
            parse_integer("steps", content)
