"""Quantise modules that are built of :mod:`~qabwnas.quant.operators`, in two steps.

``observe`` makes a copy whose output slots hold range observers; calibration data is then run through it in float.
``freeze`` makes from that, any number of times, a copy at given bit widths: batch norm folded, weights rounded, and
every operator's output rounded to a grid over its observed range.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import TypeVar

import torch
from torch import Tensor, nn

from qabwnas.errors import InputError
from qabwnas.quant.affine import Affine
from qabwnas.quant.fake import FakeQuantise
from qabwnas.quant.fold import fold_batch_norm
from qabwnas.quant.observer import MinMaxObserver
from qabwnas.quant.operators import Convolution, Input, Linear, Operator, entered
from qabwnas.quant.weights import RoundedWeights, fake_quantise_channels
from qabwnas.quant.wiring import Wiring
from qabwnas.space import BitWidths

M = TypeVar("M", bound=nn.Module)


def observe(module: M) -> M:
    """Return a copy in evaluation mode with a min-max observer in every output slot."""
    return observe_in_place(copy.deepcopy(module))


def observe_in_place(module: M) -> M:
    """Do the same to the module itself, and return it."""
    for _, operator in operators_of(module):
        operator.output = MinMaxObserver()
    return module.eval()


def freeze(observed: M, widths: BitWidths) -> M:
    """Return a copy of an observed module, after calibration, at the given bit widths.

    Weights have a symmetric grid for each output channel, activations an asymmetric one for each tensor. Biases are
    kept in float32 and rounded by the grid that the operator reads (:mod:`qabwnas.quant.wiring`). ``FLOAT`` only folds.

    Raises:
        InputError: no calibration data has passed through an operator, or something not finite has, or a weight is
            not finite; the message names the operator by its place in the module.
    """
    frozen = copy.deepcopy(observed)
    freeze_in_place(frozen, widths)
    Wiring.of(frozen).connect(frozen)
    return frozen


def freeze_in_place(observed: nn.Module, widths: BitWidths) -> None:
    """Do the same to the observed module itself, but leave its operators to be connected (:class:`.Wiring`).

    Raises as :func:`freeze`.
    """
    convert(observed, lambda operator: _freeze_operator(operator, widths))


@torch.no_grad()
def convert(observed: nn.Module, change: Callable[[Operator], None]) -> None:
    """Fold batch norm in an observed module and ``change`` every operator, all in place.

    Raises:
        InputError: ``change`` does; the message gets the operator's place in the module in front.
    """
    fold_batch_norm(observed)
    for name, operator in operators_of(observed):
        try:
            change(operator)
        except InputError as error:
            raise InputError(f"{name}: {error}") from error


def operators_of(module: nn.Module) -> list[tuple[str, Operator]]:
    """Return all operators in a module, each with its place."""
    return [(name, part) for name, part in module.named_modules() if isinstance(part, Operator)]


def weighted_layer(operator: Operator) -> nn.Conv2d | nn.Linear | None:
    """Return the layer that holds an operator's weights; ``None`` where it has none."""
    if isinstance(operator, Convolution):
        return operator.conv
    return operator.linear if isinstance(operator, Linear) else None


def output_grid(operator: Operator, bits: int) -> Affine:
    """Return the grid of an observed operator's output; raises as :meth:`MinMaxObserver.grid`."""
    assert isinstance(operator.output, MinMaxObserver), "the module is not one that observe() made"
    return operator.output.grid(bits)


def may_overwrite(operator: Operator) -> bool:
    """Return whether an operator's output can be rounded in place.

    What enters a part belongs to somebody else; all other operators write tensors of their own.
    """
    return not isinstance(operator, Input)


def quantise(module: nn.Module, widths: BitWidths, batches: Iterable[Tensor]) -> nn.Module:
    """Return ``module`` at the given bit widths, with an :class:`Input` in front, calibrated in float on ``batches``.

    Raises InputError as :func:`freeze` does.
    """
    observed = observe(entered(module))
    with torch.no_grad():
        for batch in batches:
            observed(batch)
    return freeze(observed, widths)


def _freeze_operator(operator: Operator, widths: BitWidths) -> None:
    if widths.is_float:
        operator.output = nn.Identity()
        return
    layer = weighted_layer(operator)
    if layer is not None:
        rounded = fake_quantise_channels(layer.weight, widths.weights)
        layer.weight = nn.Parameter(rounded)
        operator.weights = RoundedWeights(widths.weights)
    rounding = FakeQuantise(output_grid(operator, widths.activations), inplace=may_overwrite(operator))
    if isinstance(operator, Convolution) and rounding.clips_to(*operator.bounds):
        operator.activation = nn.Identity()  # as in integer run-times: a pass over memory less
    operator.output = rounding
