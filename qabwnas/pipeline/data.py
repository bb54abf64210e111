"""Stage 1: look at the data. Writes ``data.json``: how many images every split has, and its digest.

All that is learnt and measured depends on it, so that a run is not continued on other data unnoticed.
"""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

from qabwnas.atomic import atomic_path
from qabwnas.data.digits import load_digits
from qabwnas.data.splits import Split, Splits
from qabwnas.errors import StaleError
from qabwnas.pipeline.config import Config
from qabwnas.pipeline.stage import Stage, Workplace
from qabwnas.train.classification import Classification
from qabwnas.train.task import Task

FILE_NAME = "data.json"


def _settings(config: Config) -> dict[str, Any]:
    return {"task": config.task.name}


def _make(place: Workplace) -> list[str]:
    described = _describe(_task(place.config, place.folder).splits)
    with atomic_path(place.folder / FILE_NAME) as temporary:
        temporary.write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")
    return [FILE_NAME]


def load_task(config: Config, folder: Path) -> Task:
    """Return the task of a run with its data.

    Raises:
        InputError: the data are gone or damaged.
        StaleError: they are not those that the run began with; the message names the split.
    """
    task = _task(config, folder)
    before = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))
    now = _describe(task.splits)
    for name in now:
        if before.get(name) != now[name]:
            raise StaleError(f"{folder}: the {name} split is not what it was; delete {FILE_NAME} to begin anew")
    return task


def _task(config: Config, folder: Path) -> Task:  # noqa: ARG001 - where drawn data lie
    return Classification(load_digits())


def _describe(splits: Splits) -> dict[str, dict[str, Any]]:
    parts: dict[str, Split] = {field.name: getattr(splits, field.name) for field in fields(splits)}
    return {name: {"images": len(split), "digest": split.digest()} for name, split in parts.items()}


STAGE = Stage("data", (), _settings, _make)
