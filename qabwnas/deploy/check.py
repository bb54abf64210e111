"""An exported model is run, and held to what was simulated and predicted: a mismatch is an error, not a note."""

from __future__ import annotations

from collections.abc import Sequence

import onnx
from torch import Tensor, nn

from qabwnas.deploy.agreement import Agreement, agreement, exact_simulation, output_step
from qabwnas.deploy.size import packed_bytes
from qabwnas.errors import MismatchError

WITHIN_A_STEP = 0.99
"""The share of outputs that have to be within a quantisation step of the simulation."""
SCORE_TOLERANCE = 0.01
"""By how much the scores of the simulated and the executed network may differ."""


def check_outputs(simulated: nn.Module, executed: nn.Module, batches: Sequence[Tensor]) -> Agreement:
    """Return how far the executed model is from ``simulated``, the fake-quantised network.

    In a deep network even sums in another order move single values to the next step, and those move others. So it is
    also enough to be as near to sums in float64 as ``simulated``, which has them in float32.

    Raises:
        MismatchError: less than ``WITHIN_A_STEP`` of the outputs are within a quantisation step, and the mean
            difference from sums in float64 is larger than that of ``simulated``.
    """
    step = output_step(simulated)
    found = agreement(executed, simulated, batches, step)
    if found.within_a_step < WITHIN_A_STEP:
        exact = exact_simulation(simulated)
        doubles = [batch.double() for batch in batches]
        roundings = agreement(lambda x: simulated(x.float()), exact, doubles, step).mean
        difference = agreement(lambda x: executed(x.float()), exact, doubles, step).mean
        if not difference <= roundings:
            raise MismatchError(
                f"ONNX Runtime does not answer what was simulated: {found.within_a_step:.2%} of the outputs are within "
                f"a step ({step:.4g}), {WITHIN_A_STEP:.0%} should be; from exact sums they are {difference:.4g} away "
                f"on average, where float32 explains {roundings:.4g}"
            )
    return found


def check_size(model: onnx.ModelProto, predicted: float) -> None:
    """Raise MismatchError unless the model's constants, packed to their bits, weigh what was predicted, to the byte."""
    packed = packed_bytes(model)
    if packed != predicted:
        raise MismatchError(f"the model holds {packed} bytes, and {predicted:.0f} were predicted")


def check_scores(simulated: float, executed: float, name: str) -> None:
    """Raise MismatchError where the two scores differ by more than ``SCORE_TOLERANCE``."""
    if not abs(simulated - executed) <= SCORE_TOLERANCE:
        raise MismatchError(
            f"{name}: {executed:.2%} in ONNX Runtime, {simulated:.2%} as simulated; "
            f"they may differ by {SCORE_TOLERANCE:.0%}"
        )
