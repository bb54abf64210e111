"""Stage 6: the exact front of the LUT. Writes ``front.h5``."""

from __future__ import annotations

from typing import Any

from qabwnas.pipeline.config.config import Config
from qabwnas.pipeline.stages.latency import latency_settings, searched_lut
from qabwnas.pipeline.stages.stage import Stage, StageContext
from qabwnas.search.frontier import Frontier

FILE_NAME = "front.h5"


def _settings(config: Config) -> dict[str, Any]:
    return {"front": list(config.front), **latency_settings(config)}


def _make(context: StageContext) -> list[str]:
    table = searched_lut(context.config, context.folder)
    Frontier.build(table, list(context.config.front)).save(context.folder / FILE_NAME)
    return [FILE_NAME]


STAGE = Stage("front", ("lut", "latency"), _settings, _make)
