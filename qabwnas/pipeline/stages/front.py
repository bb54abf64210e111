"""Stage 5: the exact front of the LUT. Writes ``front.h5``."""

from __future__ import annotations

from typing import Any

from qabwnas.lut.lut import Lut
from qabwnas.pipeline.config.config import Config
from qabwnas.pipeline.stages import lut
from qabwnas.pipeline.stages.stage import Stage, StageContext
from qabwnas.search.frontier import Frontier

FILE_NAME = "front.h5"


def _settings(config: Config) -> dict[str, Any]:
    return {"front": list(config.front)}


def _make(context: StageContext) -> list[str]:
    table = Lut.open(context.folder / lut.FILE_NAME)
    Frontier.build(table, list(context.config.front)).save(context.folder / FILE_NAME)
    return [FILE_NAME]


STAGE = Stage("front", ("lut",), _settings, _make)
