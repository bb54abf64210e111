"""``schema``: real outputs satisfy the schemas, and the schemas know every field."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import jsonschema  # type: ignore[import-untyped]
import pytest
from click.testing import CliRunner

from qabwnas.cli.main import main
from qabwnas.cli.schema import SCHEMAS
from qabwnas.cli.session_requests import FIELDS
from qabwnas.lut.lut import Lut
from qabwnas.pipeline.config.load import load_config
from qabwnas.pipeline.run import STAGES, run_stages
from tests.cli import run
from tests.pipeline.tiny import write_config

OF_SESSIONS = {"session-request", "session-answer"}
OUTPUTS = [
    ("search", "search lut.h5 --budget size_bytes=1300 --explain --margin size_bytes=5% --json"),
    ("search", "search lut.h5 --budget size_bytes=1 --json"),
    ("search", "search lut.h5 --budget size_bytes=1100:1500 --budget latency_ms==0.5 --explain --json"),
    ("search", "search lut.h5 --maximize latency_ms --budget size_bytes=60% --explain --json"),
    ("search", "search lut.h5 --budget latency_ms>=1000 --json"),
    ("front", "front lut.h5 --minimize loss,size_bytes -o other.h5 --json"),
    ("lut-info", "lut info lut.h5 --json"),
    ("lut-info", "lut info front.h5 --json"),
    ("backends", "backends --json"),
]
OUTPUTS_OF_RUNS = [
    ("status", "status {run} --json"),
    ("status", "status {archive} --json"),
    ("report", "report {run} --json"),
    ("report", "report {run} --effort --json"),
    ("export", "export {run} --answer 1 -o {folder} --json"),
]
FILES = [
    ("bench", "bench lut.h5 --repeats 1 --json file.json"),
    ("bench", "bench lut.h5 --budget size_bytes=1 --repeats 1 --json file.json"),
]
ARCHIVE = Path(__file__).parents[1] / "archives" / "run-v1" / "independent"


def with_json(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield the name of every command below one that has ``--json``, with dashes: ``lut-info``."""
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from with_json(below, (*path, name))
    elif any("--json" in option.opts for option in command.params):
        yield "-".join(path)


def test_every_command_with_json_has_a_schema_and_a_validated_output() -> None:
    names = set(with_json(main))
    assert names == set(SCHEMAS) - OF_SESSIONS
    assert names == {name for name, _ in (*OUTPUTS, *OUTPUTS_OF_RUNS, *FILES)}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run."""
    folder = tmp_path_factory.mktemp("schema")
    run_stages(STAGES, load_config(write_config(folder)), folder / "run")
    return folder / "run"


def validator(name: str) -> jsonschema.Draft202012Validator:
    schema = json.loads(run("schema", name).stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def check(name: str, content: dict[str, Any]) -> None:
    schema = validator(name)
    schema.validate(content)
    assert not schema.is_valid(content | {"unknown": 1})


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(("name", "line"), OUTPUTS)
def test_outputs_satisfy_their_schemas(name: str, line: str) -> None:
    within = "size_bytes=1100:1500"
    assert run("front", "lut.h5", "--minimize", "loss,size_bytes", "--within", within, "-o", "front.h5").exit_code == 0
    check(name, json.loads(run(*line.split()).stdout))


@pytest.mark.usefixtures("torch_threads")
@pytest.mark.parametrize(("name", "line"), OUTPUTS_OF_RUNS)
def test_outputs_about_runs_satisfy_their_schemas(name: str, line: str, finished: Path, tmp_path: Path) -> None:
    words = [word.format(run=finished, archive=ARCHIVE, folder=tmp_path / "export") for word in line.split()]
    check(name, json.loads(run(*words).stdout))


@pytest.mark.parametrize(("name", "line"), FILES)
def test_files_satisfy_their_schemas(name: str, line: str, folder: Path) -> None:
    assert run(*line.split()).exit_code == 0
    check(name, json.loads((folder / "file.json").read_text(encoding="utf-8")))


def test_requests_and_answers_of_a_session_satisfy_theirs(folder: Path) -> None:
    block = Lut.open(folder / "lut.h5").block_names[0]
    front = {"minimize": ["loss", "size_bytes"], "within": {"size_bytes": [None, "1.9kB"]}, "epsilon": 0}
    columns = {"loss": [1, 2], "size_bytes": [1, None], "latency_ms": [1, 0.5]}
    requests: list[dict[str, Any]] = [
        {"id": 1, "budgets": {"size_bytes": "1.3kB"}, "top": 2, "scope": {"weights": {block: 2}}},
        {"command": "search", "budgets": {"size_bytes": 1300}, "explain": True, "time_limit": 9.5},
        {"maximize": "latency_ms", "budgets": {"size_bytes": [None, 1500]}, "explain": True},
        {"budgets": {"size_bytes": "1100:1500", "latency_ms>=": 0.1}, "explain": True},
        {"budgets": {"size_bytes": "60%"}, "scope": {"skip_unmeasured": True}},
        {"budgets": {"size_bytes": 1}},
        {"budgets": {"size": 1}},
        {"command": "front", **front},
        {"id": None, "command": "query", **front, "budgets": {"size_bytes": 1300}},
        {"command": "query", **front, "budgets": {"size_bytes": 1}},
        {"command": "replace_column", "metric": "loss", "columns": {block: [1, 2, 3.5]}},
        {"id": {"a": []}, "command": "replace_block", "block": block, "tables": [{"columns": columns}]},
    ]
    request_schema, answer_schema = validator("session-request"), validator("session-answer")
    for request in requests:
        request_schema.validate(request)
    result = CliRunner().invoke(
        main, ["session", "lut.h5"], input="".join(json.dumps(each) + "\n" for each in requests)
    )
    answers = [json.loads(line) for line in result.stdout.splitlines()]
    for answer in answers:
        answer_schema.validate(answer)
    assert ["error" in answer for answer in answers] == [i == 6 for i in range(len(requests))]


def test_the_schema_of_requests_has_the_fields_of_every_command() -> None:
    listed = {
        each["properties"]["command"]["const"]: set(each["properties"]) - {"id", "command"}
        for each in json.loads(run("schema", "session-request").stdout)["oneOf"]
    }
    assert listed == FIELDS


def test_every_schema_is_listed() -> None:
    folder = Path(__file__).resolve().parents[2] / "qabwnas" / "cli" / "schemas"
    assert {path.stem for path in folder.glob("*.json")} == set(SCHEMAS)
