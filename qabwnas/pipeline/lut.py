"""Stage 4: measure every candidate of every block at every bit width. Writes ``lut.h5``.

Every finished block is kept as a LUT of its own until all are there, so that a kill loses one block at most.
"""

from __future__ import annotations

from typing import Any

from qabwnas.lut.lut import Lut, LutBlock, Metric, Table
from qabwnas.lut.store import open_lut, save_lut
from qabwnas.measure.populate import SETTINGS, make_lut, populate_block, provenance
from qabwnas.pipeline.config import Config
from qabwnas.pipeline.data import load_task
from qabwnas.pipeline.stage import Stage, Workplace
from qabwnas.pipeline.supernet import load_supernet
from qabwnas.pipeline.teacher import load_teacher
from qabwnas.pipeline.teacher_network import measured_parts
from qabwnas.space import Policy
from qabwnas.train.feed import images

FILE_NAME = "lut.h5"


def _settings(config: Config) -> dict[str, Any]:
    return {"bit_widths": [widths.name for widths in config.space.bit_widths], "measure": SETTINGS}


def _make(place: Workplace) -> list[str]:
    space = place.config.space
    splits = load_task(place.config, place.folder).splits
    calibration, validation = images(splits.calibration), images(splits.validation)
    teacher = load_teacher(place.config, place.folder)
    supernet = load_supernet(place.config, place.folder)
    tables: list[tuple[Table, ...]] = []
    for b, block in enumerate(space.blocks):
        part = place.scratch / f"block{b}.h5"
        if not part.exists():
            measured = tuple(populate_block(teacher, supernet, space, b, calibration, validation))
            metrics = tuple(Metric(name) for name in measured[0].columns)
            save_lut(Lut(metrics, (LutBlock(block.name, measured),)), part)
        tables.append(open_lut(part).blocks[0].tables)
    origin = provenance(teacher, supernet, calibration, validation)
    save_lut(make_lut(space, tables, Policy.fixed, origin, measured_parts(place.config)), place.folder / FILE_NAME)
    return [FILE_NAME]


STAGE = Stage("lut", ("data", "teacher", "supernet"), _settings, _make)
