"""The control of a comparison: the teacher itself, retrained from its own weights as found networks are.

Found networks are trained for longer than the teacher was. The control shows how much of a difference comes from that.
"""

from __future__ import annotations

from qabwnas.pipeline.config.config import Config
from qabwnas.pipeline.stages.answers import FoundNetwork
from qabwnas.pipeline.stages.teacher_choice import TEACHER_WIDTHS
from qabwnas.report.result import CONTROL
from qabwnas.space import FLOAT, BitWidths


def teacher_widths(config: Config) -> list[BitWidths]:
    """Return the bit widths that the teacher is scored at, widest first; they include those of the search."""
    return sorted({FLOAT, TEACHER_WIDTHS, *config.space.bit_widths}, reverse=True)


def teacher_name(widths: BitWidths) -> str:
    """Return the name of the teacher at these bit widths: ``teacher INT8``, ``teacher w4a8``, ``teacher FP32``."""
    if widths.is_float:
        return "teacher FP32"
    return f"teacher INT{widths.weights}" if widths.weights == widths.activations else f"teacher {widths.name}"


def control_name(widths: BitWidths) -> str:
    """Return the name of the retrained teacher at these bit widths: ``teacher INT8, retrained``."""
    return f"{teacher_name(widths)}, retrained"


def control_networks(config: Config) -> list[FoundNetwork]:
    """Return the retrained teacher at every bit width that the teacher is scored at; empty without a control."""
    if not config.networks.control:
        return []
    n_blocks = len(config.space.blocks)
    return [
        FoundNetwork(
            control_name(widths), CONTROL, codes=[], widths=[widths.name] * n_blocks, fixed=config.fixed_bits.name
        )
        for widths in teacher_widths(config)
        if not widths.is_float
    ]
