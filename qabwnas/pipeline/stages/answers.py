"""Stage 6: the best network under every budget, and points of fronts. Writes ``answers.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qabwnas.io.atomic import atomic_path
from qabwnas.lut.lut import Lut
from qabwnas.pipeline.config.config import Config
from qabwnas.pipeline.stages import lut
from qabwnas.pipeline.stages.budgets import resolve_budget
from qabwnas.pipeline.stages.found import Found
from qabwnas.pipeline.stages.front_points import front_points
from qabwnas.pipeline.stages.stage import Stage, Workplace
from qabwnas.report.result import BUDGET
from qabwnas.search.api import search

FILE_NAME = "answers.json"


def _settings(config: Config) -> dict[str, Any]:
    return {"minimize": config.minimize, "budgets": list(config.budgets), "front_points": config.front_points}


def _make(place: Workplace) -> list[str]:
    table = Lut.open(place.folder / lut.FILE_NAME)
    answers = [vars(_find(place.config, table, budgets)) for budgets in place.config.budgets]
    if place.config.front_points:
        answers += map(vars, front_points(table, place.config.space.bit_widths, place.config.front_points))
    with atomic_path(place.folder / FILE_NAME) as temporary:
        temporary.write_text(json.dumps(answers, indent=2) + "\n", encoding="utf-8")
    return [FILE_NAME]


def _find(config: Config, table: Lut, budgets: Mapping[str, str]) -> Found:
    bounds = {metric: resolve_budget(config, metric, budget) for metric, budget in budgets.items()}
    texts = {metric: str(bound) for metric, bound in bounds.items()}
    name = ", ".join(f"{metric} ≤ {bound}" for metric, bound in texts.items())
    result = search(table, minimize=config.minimize, budgets=bounds)
    if not result.answers:
        smallest = {metric: None if least is None else str(least) for metric, least in result.smallest.items()}
        return Found(name, BUDGET, texts, smallest=smallest)
    answer = result.answers[0]
    return Found.of_choice(name, BUDGET, table, answer.choice, answer.totals, texts)


def load_answers(folder: Path) -> list[Found]:
    """Return the networks of a run: one for each of its budgets, then the points of fronts."""
    return [Found(**answer) for answer in json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))]


STAGE = Stage("answers", ("lut",), _settings, _make)
