"""Stage 6: the best network under every budget. Writes ``answers.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qabwnas.atomic import atomic_path
from qabwnas.lut.lut import Lut
from qabwnas.lut.store import open_lut
from qabwnas.pipeline import lut
from qabwnas.pipeline.budgets import resolve_budget
from qabwnas.pipeline.config import Config
from qabwnas.pipeline.stage import Stage, Workplace
from qabwnas.search.search import search
from qabwnas.space import BitWidths, Policy

FILE_NAME = "answers.json"


@dataclass(frozen=True)
class Found:
    """The network that was found under a budget.

    Attributes:
        budgets: metric → upper bound, resolved to a number.
        codes: the code of the chosen operations of every block; ``None`` where nothing fits.
        widths: the chosen bit widths of every block.
        totals: metric → exact total.
        smallest: where nothing fits, metric → the smallest total that the other budgets allow.
    """

    budgets: dict[str, str]
    codes: list[int] | None
    widths: list[str]
    totals: dict[str, str]
    smallest: dict[str, str | None]

    @property
    def policy(self) -> Policy:
        return Policy(tuple(BitWidths.parse(name) for name in self.widths))


def _settings(config: Config) -> dict[str, Any]:
    return {"minimize": config.minimize, "budgets": list(config.budgets)}


def _make(place: Workplace) -> list[str]:
    table = open_lut(place.folder / lut.FILE_NAME)
    answers = [vars(_find(place.config, table, budgets)) for budgets in place.config.budgets]
    with atomic_path(place.folder / FILE_NAME) as temporary:
        temporary.write_text(json.dumps(answers, indent=2) + "\n", encoding="utf-8")
    return [FILE_NAME]


def _find(config: Config, table: Lut, budgets: Mapping[str, str]) -> Found:
    bounds = {metric: resolve_budget(config, metric, budget) for metric, budget in budgets.items()}
    texts = {metric: str(bound) for metric, bound in bounds.items()}
    result = search(table, minimize=config.minimize, budgets=bounds)
    if not result.answers:
        smallest = {metric: None if least is None else str(least) for metric, least in result.smallest.items()}
        return Found(texts, None, [], {}, smallest)
    answer = result.answers[0]
    rows = [table.block(name).locate(candidate) for name, candidate in answer.choice.items()]
    return Found(
        budgets=texts,
        codes=[code for _, code in rows],
        widths=[found.widths.name for found, _ in rows if found.widths is not None],
        totals={metric: str(total) for metric, total in answer.totals.items()},
        smallest={},
    )


def load_answers(folder: Path) -> list[Found]:
    """Return what was found under every budget of a run."""
    return [Found(**answer) for answer in json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))]


STAGE = Stage("answers", ("lut",), _settings, _make)
