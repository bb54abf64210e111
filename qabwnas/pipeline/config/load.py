"""Read the configuration of a run from YAML. All errors of a file are reported at once, one line per field."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from qabwnas.errors import InputError, MultipleInputError
from qabwnas.io.yaml_reader import parse_yaml, read_yaml
from qabwnas.measure.sample import check_sample
from qabwnas.pipeline.bundle_tables import check_policy
from qabwnas.pipeline.config.config import ADAPTER, Config, config_schema, metric_names
from qabwnas.pipeline.config.examples import example_text
from qabwnas.pipeline.config.latency import MeasuredDevice
from qabwnas.pipeline.config.run_format import current_names
from qabwnas.pipeline.config.smoke import SCENES
from qabwnas.pipeline.config.task import CITYSCAPES_VARIABLE
from qabwnas.pipeline.config.teacher import ModuleTeacher
from qabwnas.pipeline.config.values import FieldError, bounds_of
from qabwnas.pipeline.stages.budgets import check_budget, check_budgets
from qabwnas.pipeline.stages.quantisation import ptq_settings
from qabwnas.pipeline.stages.teacher_network import make_module, measured_parts

MESSAGES = {
    "missing": "missing",
    "int_type": "{input!r} is not a whole number",
    "float_type": "{input!r} is not a number",
    "finite_number": "{input!r} is not a finite number",
    "greater_than_equal": "{input!r} is less than {ge}",
    "greater_than": "{input!r} is not more than {gt:g}",
    "less_than_equal": "{input!r} is more than {le}",
    "less_than": "{input!r} is not less than {lt}",
    "bool_type": "{input!r} is neither true nor false",
    "string_type": "{input!r} is not a text; put it between quotes",
    "string_too_short": "is empty",
    "string_pattern_mismatch": "{input!r} is not of the form package.function",
    "path_not_file": "there is no file {input}",
    "tuple_type": "not a list",
    "too_short": "not a list of {min_length} or more entries",
    "too_long": "has {actual_length} entries, not {max_length}",
    "dict_type": "not a mapping",
    "dataclass_type": "not a mapping of fields",
    "model_attributes_type": "not a mapping of fields",
    "invalid_key": "a name of a field is a text; put it between quotes",
}
"""What is said for each kind of error of pydantic; other kinds keep pydantic's message."""


def load_config(
    path: str | os.PathLike[str], data: Path | None = None, sample: int | None = None, *, draws: bool = False
) -> Config:
    """Return the configuration in a YAML file. The file of a space is found from the configuration's folder.

    ``data`` replaces the folder of the data in the file, and ``sample`` the number of measured rows per block. With
    ``draws``, scenes are drawn if nothing says where Cityscapes is.

    Raises:
        InputError: the file cannot be read, fields in it are wrong, or no network keeps its budgets. The message has
            one line per wrong field.
    """
    path = Path(path)
    content = read_yaml(path)
    if data is not None:
        content = with_root(content, data, str(path))
    elif draws:
        content = _with_scenes(content)
    if sample is not None and isinstance(content, dict):
        content = content | {"sample": sample}
    config = parse_config(content, str(path), path.parent)
    check_budgets(config, str(path))
    return config


def stored_config(path: Path) -> Config:
    """Return the configuration that a run folder holds, also one of an earlier version; raises as :func:`parse_config`.

    It is not checked whether the budgets can be met: older runs answer that nothing fits.
    """
    content = read_yaml(path)
    return parse_config(current_names(content) if isinstance(content, Mapping) else content, str(path), path.parent)


def demo_config() -> Config:
    """Return the configuration of ``qabwnas demo``."""
    return parse_config(parse_yaml(example_text("digits"), "digits.yaml"), "digits.yaml")


def with_root(content: Any, root: Path, where: str) -> Any:
    """Return the YAML values of a configuration with another ``root`` of the data, and nothing to draw.

    Raises:
        InputError: the task has no data in a folder.
    """
    task = content.get("task") if isinstance(content, Mapping) else None
    if isinstance(task, str) and task != "digits":
        task = {"name": task}
    if not isinstance(task, Mapping):
        raise InputError(f"{where}: task: has no data in a folder")
    kept = {name: value for name, value in task.items() if name != "scenes"}
    return {**content, "task": {**kept, "root": str(root.absolute())}}


def _with_scenes(content: Any) -> Any:
    """Return the YAML values of a configuration with scenes to draw, if its task is Cityscapes without data."""
    task = content.get("task") if isinstance(content, Mapping) else None
    if not isinstance(task, Mapping) or task.get("name") != "cityscapes" or CITYSCAPES_VARIABLE in os.environ:
        return content
    if task.get("root") is not None or task.get("scenes") is not None:
        return content
    return {**content, "task": {**task, "scenes": vars(SCENES)}}


def parse_config(content: Any, where: str = "config", folder: Path = Path()) -> Config:
    """Return the configuration that nested YAML values describe. Relative paths start at ``folder``.

    Raises:
        InputError: fields are missing, unknown or wrong. The message has one line per field, ``where: field: …``.
    """
    try:
        config = ADAPTER.validate_python(content, context={"folder": folder})
    except ValidationError as error:
        raise MultipleInputError(*(f"{where}: {line}" for line in _lines(error, content))) from error
    if problems := [f"{where}: {field}: {error}" for field, error in _problems(config)]:
        raise MultipleInputError(*problems)
    return config


def _problems(config: Config) -> Iterator[tuple[str, InputError]]:
    """Give what is wrong with a configuration of valid fields: metrics, a module that cannot be used, budgets, …"""
    known = metric_names(config)
    for field, name in _metrics(config):
        if name not in known:
            close = get_close_matches(name, known, n=1)
            hint = f"; is {close[0]!r} meant?" if close else ""
            yield field, InputError(f"{name!r} is not one of {', '.join(known)}{hint}")
    n_front = len(config.front)
    if config.minimize in known and (
        config.minimize not in config.front or n_front < 2 or len(set(config.front)) < n_front
    ):
        yield "front", InputError(f"needs {config.minimize!r} and other metrics, each once")
    for index, device in enumerate(config.latency):
        if isinstance(device, MeasuredDevice):
            try:
                check_policy(config.space)
            except InputError as error:
                yield f"latency[{index}].measure", error
    try:
        check_sample(config.space, config.sample)
    except InputError as error:
        yield "sample", error
    try:
        ptq_settings(config)
    except InputError as error:
        yield "quantisation.observer", error
    if isinstance(config.teacher, ModuleTeacher):
        try:
            make_module(config.teacher.module, config.teacher.folder)
        except InputError as error:
            yield "teacher.module", error
            return
        try:
            measured_parts(config)
        except InputError as error:
            yield "teacher", error
            return
    for index, budgets in enumerate(config.budgets):
        for metric, budget in bounds_of(budgets).items():
            if metric not in known:
                continue  # it has a line already
            try:
                check_budget(config, metric, budget)
            except InputError as error:
                yield f"budgets[{index}]", error


def _metrics(config: Config) -> Iterator[tuple[str, str]]:
    """Give every metric that the configuration names, with its field."""
    yield "minimize", config.minimize
    yield from (("front", name) for name in config.front if name != config.minimize)
    for index, budgets in enumerate(config.budgets):
        yield from ((f"budgets[{index}].{name}", name) for name in bounds_of(budgets))


def _lines(error: ValidationError, content: Any) -> Iterator[str]:
    """Give one line per error: the path of the field as the file has it, and what is wrong."""
    for details in error.errors(include_url=False):
        if details["type"] == "too_short" and len(details["input"]) >= details["ctx"]["min_length"]:
            continue  # its entries are wrong, and have lines of their own
        path, message = _path(details, content), _message(details, content)
        yield f"{path}: {message}" if path else message


def _path(details: ErrorDetails, content: Any) -> str:
    path = ""
    for place, name in enumerate(details["loc"]):
        is_last = place == len(details["loc"]) - 1
        if isinstance(name, int) and isinstance(content, list):
            path, content = f"{path}[{name}]", content[name] if name < len(content) else None
        elif isinstance(content, Mapping) and (name in content or (is_last and name != "[key]")):
            path, content = f"{path}.{name}" if path else str(name), content.get(name)
        # else it names a branch of a union or a key, and the file has no such place
    cause = details.get("ctx", {}).get("error")
    if not isinstance(cause, FieldError):
        return path
    return f"{path}{cause.field}" if cause.field.startswith("[") else f"{path}.{cause.field}"


def _message(details: ErrorDetails, content: Any) -> str:
    kind, context = details["type"], details.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    if kind == "literal_error":
        choices = str(context["expected"]).replace(" or ", ", ").replace("'", "")
        return f"{details['input']!r} is not one of {choices}"
    if kind == "unexpected_keyword_argument":
        *section, name = details["loc"]
        close = get_close_matches(str(name), sorted(_unused(section, content)), n=1)
        return f"unknown field{f'; is {close[0]!r} meant?' if close else ''}"
    return MESSAGES[kind].format(input=details["input"], **context) if kind in MESSAGES else details["msg"]


def _unused(section: list[int | str], content: Any) -> set[str]:
    """Return the fields of a section, by the place of an error in it, that the file does not use."""
    schema = config_schema()
    found = [schema]
    for name in section:
        if isinstance(name, int):
            content = content[name]
            continue
        fields = [each["properties"][name] for each in found if name in each["properties"]]
        if fields:
            found = [part for field in fields for part in _parts(field, schema)]
            content = content[name]
        else:  # the name of a branch of a union
            found = [each for each in found if name in (each["title"], each["properties"].get("name", {}).get("const"))]
    return {field for each in found for field in each["properties"]} - set(content)


def _parts(schema: dict[str, Any], whole: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the schemas of the sections that a field may hold."""
    if "$ref" in schema:
        return _parts(whole["$defs"][schema["$ref"].rpartition("/")[2]], whole)
    options = schema.get("anyOf", schema.get("oneOf", [schema["items"]] if "items" in schema else []))
    return [schema] if "properties" in schema else [part for option in options for part in _parts(option, whole)]
