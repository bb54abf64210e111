"""How candidates are calibrated and quantised when they are measured, and the words for it in a LUT's provenance."""

from __future__ import annotations

from dataclasses import dataclass

from qabwnas.quant.ptq import PAPER, PtqSettings


@dataclass(frozen=True)
class MeasureSettings:
    """The settings of a measurement, the same for all rows of a LUT; the defaults are those of the paper.

    Attributes:
        ptq: how ranges and biases are found.
        recalibrated: whether batch norms get the statistics of each candidate, instead of the running ones of the
            supernet.
    """

    ptq: PtqSettings = PAPER
    recalibrated: bool = True

    def to_json(self) -> dict[str, str]:
        """Return what a LUT's provenance says; a LUT is never continued with other words."""
        corrected = ", corrected for the mean error of rounded weights" if self.ptq.bias_correction else ""
        return {
            "batch_norm": "recalibrated for each candidate" if self.recalibrated else "as trained in the supernet",
            "weights": "symmetric, per output channel, min-max",
            "activations": f"asymmetric, per tensor, {self.ptq.observer().description}",
            "biases": f"whole units of an accumulator{corrected}",
        }


PAPER_SETTINGS = MeasureSettings()
