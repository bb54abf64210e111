"""The teacher as a choice of candidates of the space: what budgets in per cent refer to."""

from __future__ import annotations

import numpy as np

from qabwnas.lut.lut import Lut, LutBlock
from qabwnas.pipeline.config.config import Config
from qabwnas.pipeline.config.teacher import ModuleTeacher
from qabwnas.space import INT8, BitWidths

TEACHER_WIDTHS = INT8
"""The bit widths of the teacher that budgets in per cent refer to, stem and head included."""


def teacher_codes(config: Config) -> list[int] | None:
    """Return the code of the teacher's operations in every block, or ``None`` if the space does not have them."""
    if isinstance(config.teacher, ModuleTeacher):
        return None
    codes = []
    for block, operations in zip(config.space.blocks, config.teacher.operations, strict=True):
        offered = [layer.operations for layer in block.layers]
        if len(operations) != len(offered) or any(o not in of for o, of in zip(operations, offered, strict=True)):
            return None
        codes.append(block.encode(operations))
    return codes


def teacher_choice(config: Config, lut: Lut, widths: BitWidths) -> dict[str, int] | None:
    """Return block name → candidate of the teacher's operations at these bit widths; ``None`` if the LUT lacks one."""
    codes = teacher_codes(config)
    if codes is None:
        return None
    choice = {}
    for block, code in zip(lut.blocks, codes, strict=True):
        candidate = _candidate(block, code, widths)
        if candidate is None:
            return None
        choice[block.name] = candidate
    return choice


def _candidate(block: LutBlock, code: int, widths: BitWidths) -> int | None:
    """Return the candidate with these operations and bit widths, ``None`` if the LUT does not have it."""
    for start, table in zip(block.starts, block.tables, strict=False):
        if table.rows is None:
            if table.widths == widths:
                return start + code
        elif widths in table.rows.choices.bit_widths:
            choices = table.rows.choices
            row_code = choices.encode(code, [widths] * choices.block.n_layers)
            row = int(np.searchsorted(table.rows.codes, row_code))
            if row < table.n_rows and table.rows.codes[row] == row_code:
                return start + row
    return None
