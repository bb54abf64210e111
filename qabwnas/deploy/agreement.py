"""How far an exported model's answers are from torch's."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from qabwnas.errors import InputError
from qabwnas.quant.apply import operators_of, weighted_layer
from qabwnas.quant.fake import FakeQuantise

M = TypeVar("M", bound=nn.Module)


@dataclass(frozen=True)
class Agreement:
    """The differences between the outputs of two modules.

    Attributes:
        largest, mean: of the absolute differences.
        within_a_step: the share of elements that differ by one quantisation step of the output or less, 0 … 1.
    """

    largest: float
    mean: float
    within_a_step: float


@torch.inference_mode()
def agreement(one: nn.Module, other: nn.Module, batches: Iterable[Tensor], step: float) -> Agreement:
    """Compare two modules on the same inputs; ``step`` is the quantisation step of their output."""
    differences = torch.cat([(one(batch) - other(batch)).abs().flatten() for batch in batches]).double()
    within = differences <= step * 1.001  # differences of multiples of a step are not quite multiples
    return Agreement(float(differences.max()), float(differences.mean()), float(within.double().mean()))


def output_step(module: nn.Module) -> float:
    """Return the quantisation step of a frozen module's output, which its last operator writes; 0 if it is float."""
    slots = [operator.output for _, operator in operators_of(module)]
    return float(slots[-1].grid.scale) if slots and isinstance(slots[-1], FakeQuantise) else 0.0


@torch.no_grad()
def as_exported(module: M, model: onnx.ModelProto) -> M:
    """Return a copy of a frozen module with the weights and biases that ``model``, its export, holds.

    Integer run-times hold biases at S_x · S_w in 32 bits, where the module holds floats. In the copy they are rounded
    likewise, so that nothing but the order of sums is left between it and an exact integer execution.

    Raises:
        InputError: the model holds no weights for an operator.
    """
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    module = copy.deepcopy(module)
    for path, operator in operators_of(module):
        layer = weighted_layer(operator)
        if layer is not None:
            for kind in ("weight", "bias"):
                name = f"{path}.{kind}"
                if name not in constants:
                    raise InputError(f"the model holds no {name}")
                setattr(layer, kind, nn.Parameter(_real(constants, name)))
    return module


def _real(constants: dict[str, np.ndarray], name: str) -> Tensor:
    values = constants[name]
    if f"{name}_scale" not in constants:
        return torch.from_numpy(values.copy())
    scales = constants[f"{name}_scale"].astype(np.float64).reshape(-1, *[1] * (values.ndim - 1))
    return torch.from_numpy((values * scales).astype(np.float32))
