"""An exported model is run, and held to what was simulated and predicted: a mismatch is an error, not a note."""

from __future__ import annotations

from collections.abc import Sequence

import onnx
from torch import Tensor, nn

from qabwnas.deploy.agreement import Agreement, agreement, output_step, with_float_biases
from qabwnas.deploy.size import packed_bytes
from qabwnas.errors import MismatchError

WITHIN_A_STEP = 0.99
"""The share of outputs that have to be within a quantisation step of the simulation."""
SCORE_TOLERANCE = 0.01
"""By how much the scores of the simulated and the executed network may differ."""


def check_outputs(simulated: nn.Module, executed: nn.Module, batches: Sequence[Tensor]) -> Agreement:
    """Return how far the executed model is from ``simulated``, the fake-quantised network.

    In a deep network single values that fall on the other side of a tie move others, layer after layer. So it is also
    enough to be as near as ``simulated`` is to itself with biases in float, which differs in roundings alone.

    Raises:
        MismatchError: less than ``WITHIN_A_STEP`` of the outputs are within a quantisation step, and the mean
            difference is larger than what other roundings explain.
    """
    step = output_step(simulated)
    found = agreement(executed, simulated, batches, step)
    roundings = agreement(with_float_biases(simulated), simulated, batches, step).mean
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
