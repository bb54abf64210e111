"""How far an exported model's answers are from torch's."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn

from qabwnas.quant.activations import FakeQuantise
from qabwnas.quant.ptq import operators_of

M = TypeVar("M", bound=nn.Module)
Forward = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Agreement:
    """The differences between the outputs of two networks.

    Attributes:
        largest, mean: of the absolute differences.
        within_a_step: the share of elements that differ by one quantisation step of the output or less, 0 … 1.
    """

    largest: float
    mean: float
    within_a_step: float


@torch.inference_mode()
def agreement(one: Forward, other: Forward, batches: Iterable[Tensor], step: float) -> Agreement:
    """Compare two networks on the same inputs; ``step`` is the quantisation step of their output."""
    differences = torch.cat([(one(batch) - other(batch)).abs().flatten() for batch in batches]).double()
    within = differences <= step * 1.001  # differences of multiples of a step are not quite multiples
    return Agreement(float(differences.max()), float(differences.mean()), float(within.double().mean()))


def output_step(module: nn.Module) -> float:
    """Return the quantisation step of a frozen module's output, which its last operator writes; 0 if it is float."""
    slots = [operator.output for _, operator in operators_of(module)]
    return float(slots[-1].grid.scale) if slots and isinstance(slots[-1], FakeQuantise) else 0.0


def with_float_biases(module: M) -> M:
    """Return a copy of a frozen module whose biases are not rounded: the same noise, drawn anew."""
    module = copy.deepcopy(module)
    for _, operator in operators_of(module):
        operator.weights = None
    return module
