"""The configurations that come with the package, and the schema of configurations."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from qabwnas.pipeline.config.config import config_schema, config_to_json
from qabwnas.pipeline.config.examples import example_files, example_names, example_text
from qabwnas.pipeline.config.load import load_config, parse_config
from qabwnas.pipeline.config.task import CITYSCAPES_VARIABLE
from tests.pipeline.tiny import TINY

jsonschema = pytest.importorskip("jsonschema")


@pytest.fixture(autouse=True)
def cityscapes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CITYSCAPES_VARIABLE, "data")


def validate(content: Any) -> None:
    jsonschema.Draft202012Validator(config_schema()).validate(content)


def test_there_are_examples() -> None:
    assert example_names() == ("cityscapes", "digits", "fashion", "street-small")


@pytest.mark.parametrize("name", example_names())
def test_examples_are_valid_with_their_space_beside_them(name: str, tmp_path: Path) -> None:
    """Also their budgets: a network of the space keeps them."""
    for file_name, text in example_files(name).items():
        (tmp_path / file_name).write_text(text)
    config = load_config(tmp_path / "config.yaml")
    assert config == parse_config(yaml.safe_load(example_text(name)))
    assert parse_config(config_to_json(config)) == config


@pytest.mark.parametrize("name", example_names())
def test_every_section_of_an_example_is_explained(name: str) -> None:
    for text in example_files(name).values():
        lines = text.splitlines()
        sections = [index for index, line in enumerate(lines) if line and line[0] not in " #-"]
        unexplained = [lines[i] for i in sections if not lines[i - 1].startswith("#") and " #" not in lines[i]]
        assert [line for line in unexplained if not line.startswith("front:")] == []


@pytest.mark.parametrize("name", example_names())
def test_the_schema_takes_examples(name: str) -> None:
    content = yaml.safe_load(example_text(name))
    validate(content)
    validate(config_to_json(parse_config(content)))


def test_the_schema_is_one_of_draft_2020_12_in_which_every_field_is_described() -> None:
    schema = config_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    for section in (schema, *schema["$defs"].values()):
        assert section["description"]
        for name, field in section["properties"].items():
            assert field.keys() & {"description", "const", "$ref"}, (section["title"], name)


@pytest.mark.parametrize(
    "change",
    [
        {"seed": -1},
        {"sed": 3},
        {"task": {"name": "cityscapes"}},
        {"teacher": {"operations": ["k3e2"]}},
        {"minimize": 3},
        {"task": "mnist"},
        {"task": {"root": "data"}},
        {"metrics": ["energy"]},
        {"budgets": []},
        {"budgets": [{"size_bytes": None}]},
        {"supernet": {"training": TINY["supernet"]["training"], "distill": "kept"}},
        {"networks": {"training": {"steps": 0, "batch": 1, "learning_rate": 1}}},
        {"networks": {"training": TINY["networks"]["training"], "distillation": 2}},
        {"front_points": None},
    ],
)
def test_the_schema_refuses(change: dict[str, Any]) -> None:
    validate(TINY)
    with pytest.raises(jsonschema.ValidationError):
        validate(TINY | change)


def test_the_schema_takes_own_code_with_any_settings() -> None:
    metrics = ["mynet.costs.ENERGY", {"name": "mynet.costs.energy", "scale": 2}]
    for task in ("mynet.tasks.Shapes", {"name": "mynet.tasks.Shapes", "size": [16, 24]}):
        validate(TINY | {"task": task, "metrics": metrics, "minimize": "energy_pj"})
