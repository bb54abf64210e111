"""The energy of one image in picojoules, from figures for a 45 nm process (Horowitz, ISSCC 2014)."""

from __future__ import annotations

from qabwnas.costs import CostMetric, OperatorCost
from qabwnas.space import BitWidths

MULTIPLICATION_PJ, ADDITION_PJ = 3.1, 0.1
"""Of 32-bit integers; a multiplication grows with the product of the bit widths."""


def energy(dram_pj_per_byte: float = 160.0) -> CostMetric:
    """Return the metric: multiply-accumulates, and one read of every weight from memory."""

    def of(operator: OperatorCost, widths: BitWidths) -> float:
        multiplication = MULTIPLICATION_PJ * widths.weights * widths.activations / 32**2
        weight_bytes = operator.weights * widths.weights / 8
        return round(operator.macs * (multiplication + ADDITION_PJ) + weight_bytes * dram_pj_per_byte)

    return CostMetric("energy_pj", "pJ", "sum", of)
