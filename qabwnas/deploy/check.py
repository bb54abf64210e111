"""An exported model is run, and held to what was simulated and predicted: a mismatch is an error, not a note.

The simulation that outputs and scores must agree with has its biases in 32 bits, as the model has them. From that with
biases in float, single roundings fall elsewhere, the more of them the deeper the network (qabwnas/quant/README.md).
"""

from __future__ import annotations

from collections.abc import Sequence

import onnx
from torch import Tensor, nn

from qabwnas.deploy.agreement import Agreement, agreement, output_step
from qabwnas.deploy.size import packed_bytes
from qabwnas.errors import MismatchError

WITHIN_A_STEP = 0.99
"""The share of outputs that have to be within a quantisation step of an exact simulation."""
SCORE_TOLERANCE = 0.01
"""By how much the scores of the simulated and the executed network may differ."""


def check_outputs(exact: nn.Module, simulated: nn.Module, executed: nn.Module, batches: Sequence[Tensor]) -> Agreement:
    """Return how far the executed model is from ``exact``, its simulation (:func:`.agreement.as_exported`).

    In a deep network even sums in another order move single values to the next step, and those move others. So it is
    also enough to be as near as ``simulated``, the network with biases in float, which differs in roundings alone.

    Raises:
        MismatchError: less than ``WITHIN_A_STEP`` of the outputs are within a quantisation step, and the mean
            difference is larger than that of ``simulated``.
    """
    step = output_step(exact)
    found = agreement(executed, exact, batches, step)
    roundings = agreement(simulated, exact, batches, step).mean
    if not (found.within_a_step >= WITHIN_A_STEP or found.mean <= roundings):
        raise MismatchError(
            f"ONNX Runtime does not answer what was simulated: {found.within_a_step:.2%} of the outputs are within a "
            f"step ({step:.4g}), {WITHIN_A_STEP:.0%} should be; the mean difference is {found.mean:.4g}, where "
            f"other roundings explain {roundings:.4g}"
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
