"""An exported model is run, and held to what was simulated and predicted: a mismatch is an error, not a note."""

from __future__ import annotations

from collections.abc import Sequence

import onnx
from torch import Tensor, nn

from qabwnas.deploy.agreement import Agreement, agreement, as_exported, output_step
from qabwnas.deploy.size import packed_bytes
from qabwnas.errors import MismatchError

WITHIN_A_STEP = 0.99
"""The share of outputs that have to be within a quantisation step of an exact simulation."""
SCORE_TOLERANCE = 0.01
"""By how much the scores of the simulated and the executed network may differ."""


def check_outputs(
    network: nn.Module, model: onnx.ModelProto, executed: nn.Module, batches: Sequence[Tensor]
) -> Agreement:
    """Return how far the executed model is from the fake-quantised ``network`` that it was exported from.

    What must agree are the outputs with those of the same network with biases in 32 bits, as the model has them: from
    biases in float, single roundings fall elsewhere (qabwnas/quant/README.md).

    Raises:
        MismatchError: less than ``WITHIN_A_STEP`` of the outputs are within a quantisation step.
    """
    step = output_step(network)
    exact = agreement(executed, as_exported(network, model), batches, step)
    if not exact.within_a_step >= WITHIN_A_STEP:
        raise MismatchError(
            f"ONNX Runtime does not answer what was simulated: {exact.within_a_step:.2%} of the outputs are within a "
            f"step ({step:.4g}), {WITHIN_A_STEP:.0%} should be; the largest difference is {exact.largest:.4g}"
        )
    return agreement(executed, network, batches, step)


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
