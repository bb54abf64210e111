"""Quantise modules that are built of :mod:`~qabwnas.quant.operators`, in two steps.

``observe`` makes a copy whose output slots hold range observers; calibration data is then run through it in float.
``freeze`` makes from that, any number of times, a copy at given bit widths: batch norm folded, weights rounded, and
every operator's output rounded to a grid over its observed range.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import TypeVar

import torch
from torch import Tensor, nn

from qabwnas.errors import InputError
from qabwnas.quant.fake import FakeQuantise, channel_grid
from qabwnas.quant.fold import fold_batch_norm
from qabwnas.quant.observer import MinMaxObserver
from qabwnas.quant.operators import Input, Operator, Weighted, entered
from qabwnas.space import BitWidths

M = TypeVar("M", bound=nn.Module)


def observe(module: M) -> M:
    """Return a copy in evaluation mode with a min-max observer in every output slot."""
    observed = copy.deepcopy(module).eval()
    for part in observed.modules():
        if isinstance(part, Operator):
            part.output = MinMaxObserver()
    return observed


@torch.no_grad()
def freeze(observed: M, widths: BitWidths, *, symmetric_weights: bool = True) -> M:
    """Return a copy of an observed module, after calibration, at the given bit widths.

    Weights have a grid for each output channel, activations an asymmetric one for each tensor; biases stay float32,
    which an integer run-time's 32-bit biases match to half a unit of its accumulator. ``FLOAT`` only folds.

    Raises:
        InputError: no calibration data has passed through an operator, or something not finite has, or a weight is
            not finite; the message names the operator by its place in the module.
    """
    frozen = copy.deepcopy(observed)
    freeze_in_place(frozen, widths, symmetric_weights=symmetric_weights)
    return frozen


@torch.no_grad()
def freeze_in_place(observed: nn.Module, widths: BitWidths, *, symmetric_weights: bool = True) -> None:
    """Do the same to the observed module itself; raises as :func:`freeze`."""
    fold_batch_norm(observed)
    for name, part in observed.named_modules():
        if isinstance(part, Operator):
            try:
                _freeze_operator(part, widths, symmetric_weights)
            except InputError as error:
                raise InputError(f"{name}: {error}") from error


def quantise(
    module: nn.Module, widths: BitWidths, batches: Iterable[Tensor], *, symmetric_weights: bool = True
) -> nn.Module:
    """Return ``module`` at the given bit widths, with an :class:`Input` in front, calibrated in float on ``batches``.

    Raises InputError as :func:`freeze` does.
    """
    observed = observe(entered(module))
    with torch.no_grad():
        for batch in batches:
            observed(batch)
    return freeze(observed, widths, symmetric_weights=symmetric_weights)


def _freeze_operator(operator: Operator, widths: BitWidths, symmetric_weights: bool) -> None:
    if widths.is_float:
        operator.output = nn.Identity()
        return
    if isinstance(operator, Weighted):
        _round_weights(operator, widths.weights, symmetric_weights)
    assert isinstance(operator.output, MinMaxObserver), "freeze() takes what observe() made"
    # What enters a part belongs to somebody else; all other operators write tensors of their own.
    inplace = not isinstance(operator, Input)
    operator.output = FakeQuantise(operator.output.grid(widths.activations), inplace=inplace)


def _round_weights(operator: Weighted, bits: int, symmetric: bool) -> None:
    weight = operator.layer.weight
    grid = channel_grid(weight, bits, symmetric=symmetric)
    operator.layer.weight = nn.Parameter(grid.dequantise(grid.quantise(weight)))
    operator.weight_grid = grid
